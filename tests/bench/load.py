"""A process of simulated sidecars, in groups.

It does what lines on stdin say and answers each with a line of JSON.

    connect GROUP PORT COUNT         COUNT more sidecars, all connected when answered
    mark GROUP                       forget what was counted
    wait GROUP TYPE COUNT SECONDS    until COUNT sidecars have ACKed a response of a type (cds, …)
    quiet GROUP SECONDS LIMIT        until nothing came for so long
    stat GROUP                       what was counted since the mark
    bodies GROUP                     what the first sidecar ACKed since the mark, in hex, no nonces
    quit

Its own cost is no part of any figure. Times are CLOCK_MONOTONIC, which all processes of a machine
share.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable
from functools import cache
from time import monotonic

from tests.bench.http2 import GrpcStream
from tests.bench.sidecar import METHOD, SHORT_TYPES, Sidecar
from translators.codec.wire import delimited, string, tag, varint

_AT_ONCE = 50
_EXTENSIONS = 516
_ZONES = 3
_MEBIBYTE = 1 << 20

Answer = dict[str, object]


class Group:
    """Some sidecars of one server, and what was counted of them since the last mark."""

    def __init__(self) -> None:
        self.streams: list[GrpcStream] = []
        self.failures: list[str] = []
        self._news = asyncio.Event()
        self.mark()

    def mark(self) -> None:
        """Forget what was counted."""
        self.messages = 0
        self.size_bytes = 0
        self.last = monotonic()
        self.have: dict[str, set[int]] = {short: set() for short in SHORT_TYPES.values()}
        self.bodies: list[bytes] = []

    async def connect(self, port: int, count: int) -> None:
        """Add sidecars; they have sent their first request when this returns."""
        for _ in range(0, count, _AT_ONCE):
            some = range(len(self.streams), len(self.streams) + min(_AT_ONCE, count))
            count -= len(some)
            self.streams += await asyncio.gather(*[self._open(port, number) for number in some])

    async def _open(self, port: int, number: int) -> GrpcStream:
        sidecar = Sidecar(node(number), self._counter(number))
        loop = asyncio.get_running_loop()
        _, stream = await loop.create_connection(
            lambda: GrpcStream(METHOD, sidecar.on_message, self.failures.append), "127.0.0.1", port
        )
        sidecar.send = stream.send
        sidecar.start()
        return stream

    def _counter(self, number: int) -> Callable[[str, bytes, int], None]:
        def count(type_url: str, body: bytes, size_bytes: int) -> None:
            self.messages += 1
            self.size_bytes += size_bytes
            self.last = monotonic()
            self.have[SHORT_TYPES[type_url]].add(number)
            if number == 0 and len(body) < _MEBIBYTE:
                self.bodies.append(body)
            self._news.set()

        return count

    async def wait(self, short: str, count: int, seconds: float) -> None:
        """Return when so many have a response of a type, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                while len(self.have[short]) < count:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return

    async def quiet(self, seconds: float, limit: float) -> None:
        """Return when nothing came for so long, or the limit is over."""
        end = monotonic() + limit
        while (left := self.last + seconds - monotonic()) > 0 and monotonic() < end:
            await asyncio.sleep(left)

    def stat(self) -> Answer:
        """What was counted since the mark."""
        return {
            "streams": len(self.streams),
            "failures": len(self.failures),
            "failure": self.failures[0] if self.failures else "",
            "messages": self.messages,
            "bytes": self.size_bytes,
            "last": self.last,
            "have": {short: len(streams) for short, streams in self.have.items()},
        }


@cache
def _extensions() -> bytes:
    """As much about extensions as a real Envoy says.

    Some 60 kB, which a server must not let itself be slowed down by.
    """
    entries = []
    for number in range(_EXTENSIONS):
        name = f"envoy.filters.http.number_{number}"
        types = string(5, f"envoy.extensions.filters.http.number_{number}.v3.Configuration")
        entries.append(delimited(9, string(1, name) + string(2, "envoy.filters.http") + types))
    return b"".join(entries)


def node(number: int) -> bytes:
    """The encoded Node of one sidecar, as Istio's bootstraps make it."""
    address = f"10.200.{number >> 8}.{number & 255}"
    namespace = "default"
    metadata = {
        "NAMESPACE": _text(namespace),
        "INSTANCE_IPS": _text(address),
        "SERVICE_ACCOUNT": _text("default"),
        "CLUSTER_ID": _text("Kubernetes"),
        "INTERCEPTION_MODE": _text("REDIRECT"),
        "LABELS": delimited(5, _struct({"app": _text("load")})),
    }
    locality = string(1, "r1") + string(2, f"z{number % _ZONES}")
    build_version = delimited(1, b"".join(tag(each, 0) + varint(1) for each in (1, 2)))
    return b"".join(
        (
            string(1, f"sidecar~{address}~load-{number}.{namespace}~{namespace}.svc.cluster.local"),
            string(2, f"load.{namespace}"),
            delimited(3, _struct(metadata)),
            delimited(4, locality),
            string(6, "envoy"),
            delimited(8, build_version),
            _extensions(),
        )
    )


def _text(value: str) -> bytes:
    return delimited(3, value.encode())


def _struct(fields: dict[str, bytes]) -> bytes:
    """A google.protobuf.Struct of encoded values."""
    return b"".join(
        delimited(1, string(1, key) + delimited(2, fields[key])) for key in sorted(fields)
    )


class Load:
    """All groups, and the commands."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}

    async def obey(self, command: str, name: str, *words: str) -> Answer:
        """Do one command."""
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = Group()
        commands: dict[str, Callable[..., Awaitable[None]]] = {
            "connect": lambda port, count: group.connect(int(port), int(count)),
            "wait": lambda short, count, seconds: group.wait(short, int(count), float(seconds)),
            "quiet": lambda seconds, limit: group.quiet(float(seconds), float(limit)),
        }
        if command == "mark":
            group.mark()
        elif command == "bodies":
            return {"bodies": [body.hex() for body in group.bodies]}
        elif command in commands:
            await commands[command](*words)
        return group.stat()


async def main() -> None:
    """Obeys until `quit` or the end of the input."""
    load = Load()
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while (line := (await commands.readline()).decode().split()) and line != ["quit"]:
        print(json.dumps(await load.obey(*line)), flush=True)


if __name__ == "__main__":
    gc.disable()
    asyncio.run(main())
