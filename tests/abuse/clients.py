"""Hostile and broken clients: each does its worst for a while, or until it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import aiohttp
import grpc

from tests.abuse.wire import BY_DELTA, BY_SOTW, URLS, Client, Variant, field, node, stream
from tests.abuse.world import World
from tests.support.processes.envoy import EnvoyProcess
from xds_server.bootstrap import SocketAddress

_ALL = ("cds", "lds", "vhds")
_ids = itertools.count()

Act = Callable[[World], Coroutine[None, None, None]]


@dataclass(frozen=True)
class Hostile:
    """A kind of client.

    `is_first`: it is there before the honest ones, at a cold start; `is_shown`: the status has to
    say that it refuses something, and why.
    """

    name: str
    act: Act
    is_first: bool = False
    is_shown: bool = False
    seconds: float = 3.0


def _new_id(stem: str = "hostile") -> str:
    return f"{stem}-{next(_ids)}.default"


def _names(client: Client) -> tuple[str, ...]:
    return () if client.variant.is_delta else ("egress", "outbound|80||honest.mesh")


async def _refuse(
    world: World, variant: Variant, node_id: str = "", words: str = "I refuse all: {}"
) -> None:
    """Refuse every response, for ever; when the server ends it, come back."""
    port = str(world.envoys[0].egress_port)
    while True:
        about = node(node_id or _new_id(), {"CHANCERY_EGRESS_PORT": port})
        async with stream(world.plane.address, variant) as client:
            await client.subscribe(about, *(_ALL if variant.is_delta else ("cds", "lds")))
            await client.subscribe(
                b"", "eds", names=("outbound|80||honest.mesh", "outbound|80||edit.mesh")
            )
            await client.subscribe(b"", "rds", names=("egress",))
            async for answer in client.answers():
                await client.reply(answer, words.format(answer.url), _names(client))
        await asyncio.sleep(0.2)


async def _crowd(world: World, count: int, act: Act) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(act(world))


async def _many_names(world: World, variant: Variant) -> None:
    """Ask for ninety thousand names of each kind that has names, and acknowledge."""
    names = [f"outbound|80||nobody-{number}.mesh" for number in range(90_000)]
    async with stream(world.plane.address, variant) as client:
        await client.send(variant.ask(URLS["eds"], node=node(_new_id()), names=names))
        await client.send(variant.ask(URLS["rds"], names=names[:60_000]))
        async for answer in client.answers():
            await client.reply(answer, names=() if variant.is_delta else names)


async def _fickle(world: World) -> None:
    """Ask for a thousand names and leave them, again and again."""
    async with stream(world.plane.address, BY_DELTA) as client:
        await client.send(BY_DELTA.ask(URLS["eds"], node=node(_new_id()), names=("first",)))

        async def acknowledge() -> None:
            async for answer in client.answers():
                await client.reply(answer)

        async with asyncio.TaskGroup() as group:
            group.create_task(acknowledge())
            for turn in itertools.count():
                names = [f"outbound|80||turn-{turn}-{number}.mesh" for number in range(1000)]
                await client.send(BY_DELTA.ask(URLS["eds"], names=names))
                await client.send(BY_DELTA.ask(URLS["eds"], dropped=names))
                await asyncio.sleep(0.02)


async def _unknown_types(world: World, variant: Variant) -> None:
    async with stream(world.plane.address, variant) as client:
        await client.subscribe(node(_new_id()), "cds")
        for number in range(5000):
            url = f"type.googleapis.com/nobody.knows.v{number}.Type{'x' * 200}"
            await client.send(variant.ask(url, names=("a",)))
        async for answer in client.answers():
            await client.reply(answer)


async def _garbage(world: World, variant: Variant) -> None:
    """Bytes that are no request, on a new stream each time."""
    chance = random.Random(7)
    while True:
        async with stream(world.plane.address, variant) as client:
            if chance.random() < 0.5:
                await client.subscribe(node(_new_id()), "cds")
            await client.send(chance.randbytes(chance.choice((1, 7, 100, 100_000))))
            async for _ in client.answers():
                pass
        await asyncio.sleep(0.005)


async def _as_node(world: World, about: bytes) -> None:
    """Come again and again as a node, ask for everything and acknowledge it."""
    while True:
        async with stream(world.plane.address, BY_DELTA) as client:
            await client.subscribe(about, *_ALL)
            async for answer in client.answers():
                await client.reply(answer)
        await asyncio.sleep(0.1)


async def _ever_new_ids(world: World, stem: str, size: int) -> None:
    """Thousands of nodes, one after the other, each with a name and a namespace of its own."""

    async def one() -> None:
        name = f"{next(_ids)}-{'n' * size}"
        about = node(f"{name}.{stem}-{name}", {"NAMESPACE": f"{stem}-{name}"})
        async with stream(world.plane.address, BY_DELTA) as client, asyncio.timeout(5):
            await client.subscribe(about, "cds", "lds")
            async for answer in client.answers():
                await client.reply(answer)
                return

    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.gather(*(one() for _ in range(10)))


async def _nack_flood(world: World, variant: Variant, *, stale: bool) -> None:
    """NACK the same response thousands of times, or nonces that never were."""
    async with stream(world.plane.address, variant) as client:
        await client.subscribe(node(_new_id()), "cds")
        async for answer in client.answers():
            for number in range(5000):
                nonce = f"no-{number}" if stale else answer.nonce
                await client.reply(replace(answer, nonce=nonce), f"refused {number}")
                if number % 50 == 0:
                    await asyncio.sleep(0.01)


async def _never_acks(world: World, variant: Variant) -> None:
    async with stream(world.plane.address, variant) as client:
        await client.subscribe(node(_new_id()), *(_ALL if variant.is_delta else ("cds", "lds")))
        async for _ in client.answers():
            pass


async def _old_nonces(world: World, variant: Variant) -> None:
    """Always answer the response before the last."""
    async with stream(world.plane.address, variant) as client:
        await client.subscribe(node(_new_id()), "cds", "lds")
        before = None
        async for answer in client.answers():
            if before is not None:
                await client.reply(before)
            before = answer


async def _never_reads(world: World) -> None:
    """Ask for everything, for ever more, and read nothing."""
    names = [f"outbound|80||unread-{number}.mesh" for number in range(5000)]
    async with stream(world.plane.address, BY_DELTA) as client:
        await client.subscribe(node(_new_id()), *_ALL)
        for turn in itertools.count():
            asked = [f"{name}{turn}" for name in names]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await client.send(BY_DELTA.ask(URLS["eds"], names=asked))
            await asyncio.sleep(0.1)


async def _half_open(world: World) -> None:
    """Connections that say nothing, ones that say half of a greeting, and streams without words."""
    host, port = world.plane.address.host, world.plane.address.port
    texts = (b"", b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    async with AsyncExitStack() as stack:
        for number in range(200):
            writer = await stack.enter_async_context(_connection(host, port))
            writer.write(texts[number % len(texts)])
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"{host}:{port}"))
        calls = [channel.stream_stream(BY_DELTA.path)() for _ in range(100)]
        await asyncio.sleep(60)
        del calls


async def _storm(world: World) -> None:
    """Connect, ask for everything, and hang up in the middle of the answer."""

    async def one() -> None:
        async with stream(world.plane.address, BY_DELTA) as client:
            await client.subscribe(node(_new_id("storm")), *_ALL)
            async for _ in client.answers():
                return

    while True:
        await asyncio.gather(*(one() for _ in range(20)))


async def _wrong_wire(world: World) -> None:
    """Requests of the one variant on the path of the other."""
    crossed = (replace(BY_DELTA, path=BY_SOTW.path), replace(BY_SOTW, path=BY_DELTA.path))
    for variant in itertools.cycle(crossed):
        async with stream(world.plane.address, variant) as client:
            await client.subscribe(node(_new_id()), "cds", "lds", names=("a", "b"))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    async for _ in client.answers():
                        pass
        await asyncio.sleep(0.05)


async def _two_wires(world: World) -> None:
    """One node id on many streams and both wires at once."""
    about = partial(_as_node, about=node("twice.default"))
    await asyncio.gather(_crowd(world, 10, about), _refuse(world, BY_SOTW, node_id="twice.default"))


async def _foreign_protocols(world: World) -> None:
    """HTTP/1.1, TLS, noise and unknown methods where ADS is."""
    host, port = world.plane.address.host, world.plane.address.port
    texts = (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\0" * 70_000)
    while True:
        for text in texts:
            async with _connection(host, port) as writer:
                writer.write(text)
                await asyncio.sleep(0.02)
        async with grpc.aio.insecure_channel(f"{host}:{port}") as channel:
            with contextlib.suppress(grpc.aio.AioRpcError):
                await channel.unary_unary("/nobody.Knows/This")(b"x" * 100_000, timeout=1)


@asynccontextmanager
async def _connection(host: str, port: int) -> AsyncIterator[asyncio.StreamWriter]:
    """A plain connection, closed at the end whatever the other side does."""
    _, writer = await asyncio.open_connection(host, port)
    try:
        yield writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()


async def _admin_pests(world: World) -> None:
    """Questions that hang up, do not end, or ask for the impossible, at the admin API."""
    port = world.plane.admin_port
    url = f"http://127.0.0.1:{port}"
    texts = (
        b"GET /wait?timeout=60 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /wait?revision=99999999999999999999 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\nx",
        b"GET /%ff%fe%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /status HTTP/1.1\r\n",
    )
    async with aiohttp.ClientSession() as session:
        while True:
            async with AsyncExitStack() as stack:
                for text in texts * 5:
                    writer = await stack.enter_async_context(_connection("127.0.0.1", port))
                    writer.write(text)
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{url}/metrics") as answer:
                        await answer.read()
            await asyncio.sleep(0.02)


async def _real(world: World, strict: str = "", **changes: object) -> None:
    """A real Envoy that cannot have what it is given, whatever it is."""
    own = world.envoys[0].options
    name = f"unlucky-{next(_ids)}"
    options = replace(own, name=name, admin=SocketAddress("127.0.0.1", 15000), **changes)
    directory = world.envoys[0].bootstrap_path.parent
    args = ("--config-yaml", strict) if strict else ()
    async with EnvoyProcess(options, directory, args=args):
        await asyncio.sleep(60)


async def _taken_egress_port(world: World) -> None:
    await _real(world, instance_ips=(), inbound={}, egress_port=world.envoys[0].egress_port)


async def _taken_inbound_port(world: World) -> None:
    await _real(world, egress_port=15001)


_OTHER = {"name": "other", "static_layer": {"re2.max_program_size.error_level": 1}}


async def _other_version(world: World) -> None:
    """An Envoy that takes no regular expression at all, though others do."""
    strict = json.dumps({"layered_runtime": {"layers": [_OTHER]}})
    await _real(world, strict, instance_ips=(), inbound={}, egress_port=15001)


_HUGE = "x" * 3_000_000

HOSTILE = (
    Hostile("refuses everything, delta", partial(_refuse, variant=BY_DELTA), seconds=5),
    Hostile("refuses everything, SotW", partial(_refuse, variant=BY_SOTW), seconds=5),
    Hostile("is there first and refuses, delta", partial(_refuse, variant=BY_DELTA), is_first=True),
    Hostile("is there first and refuses, SotW", partial(_refuse, variant=BY_SOTW), is_first=True),
    Hostile(
        "twenty are there first and refuse",
        partial(_crowd, count=20, act=partial(_refuse, variant=BY_DELTA)),
        is_first=True,
    ),
    Hostile(
        "twenty refuse everything",
        partial(_crowd, count=20, act=partial(_refuse, variant=BY_DELTA)),
        seconds=5,
    ),
    Hostile(
        "refuses in the name of an honest one",
        lambda world: _refuse(world, BY_DELTA, world.envoys[0].node_id),
    ),
    Hostile(
        "refuses in the words of an honest object",
        partial(
            _refuse, variant=BY_DELTA, words="Error adding cluster(s) outbound|80||honest.mesh: bad"
        ),
    ),
    Hostile("refuses in three megabytes", partial(_refuse, variant=BY_DELTA, words=_HUGE)),
    Hostile("90,000 names, delta", partial(_many_names, variant=BY_DELTA), seconds=5),
    Hostile("90,000 names, SotW", partial(_many_names, variant=BY_SOTW), seconds=5),
    Hostile("asks for names and leaves them", _fickle),
    Hostile("5,000 unknown types, delta", partial(_unknown_types, variant=BY_DELTA)),
    Hostile("5,000 unknown types, SotW", partial(_unknown_types, variant=BY_SOTW)),
    Hostile("garbage, delta", partial(_garbage, variant=BY_DELTA)),
    Hostile("garbage, SotW", partial(_garbage, variant=BY_SOTW)),
    Hostile("a node of three megabytes", partial(_as_node, about=node("a.b", {"A": _HUGE}))),
    Hostile("a node id of three megabytes", partial(_as_node, about=node(f"{_HUGE}.b"))),
    Hostile("a node id of odd bytes", partial(_as_node, about=field(1, "a\n\0\x1b[31m\ud800.b"))),
    Hostile("a node without an id", partial(_as_node, about=field(2, "nobody"))),
    Hostile("ever new ids", partial(_ever_new_ids, stem="short", size=1), seconds=5),
    Hostile("ever new long ids", partial(_ever_new_ids, stem="long", size=10_000), seconds=5),
    Hostile("one nonce refused 5,000 times", partial(_nack_flood, variant=BY_DELTA, stale=False)),
    Hostile("5,000 nonces that never were", partial(_nack_flood, variant=BY_SOTW, stale=True)),
    Hostile("never acknowledges, delta", partial(_never_acks, variant=BY_DELTA)),
    Hostile("never acknowledges, SotW", partial(_never_acks, variant=BY_SOTW)),
    Hostile("acknowledges old nonces, delta", partial(_old_nonces, variant=BY_DELTA)),
    Hostile("acknowledges old nonces, SotW", partial(_old_nonces, variant=BY_SOTW)),
    Hostile("never reads", _never_reads, seconds=5),
    Hostile("half-open connections", _half_open),
    Hostile("reconnects in a storm", _storm),
    Hostile("the wrong wire on a path", _wrong_wire),
    Hostile("one id on many streams", _two_wires),
    Hostile("other protocols", _foreign_protocols),
    Hostile("pests at the admin API", _admin_pests),
    Hostile("a sidecar whose egress port is taken", _taken_egress_port, is_shown=True),
    Hostile("a sidecar whose inbound port is taken", _taken_inbound_port, is_shown=True),
    Hostile("an Envoy of another version", _other_version, is_shown=True),
    Hostile("an Envoy of another version, first", _other_version, is_shown=True, is_first=True),
)
