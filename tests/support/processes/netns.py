"""Network namespaces for captured mode.

Each workload has its own, with iptables that redirect to its sidecar.

    async with namespaces("client", "reviews") as (client, reviews):
        client.capture(outbound="10.99.0.0/16")
        ...

All namespaces hang on one bridge in a namespace of their own, so that the machine's own interfaces
and rules stay untouched. Unix sockets are not separated by network namespaces: ADS and admin pages
are best reached by them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ENVOY_UID = 1337
SUBNET = "10.88.0.0/16"
_runs = itertools.count()


class NetworkError(RuntimeError):
    """A command of the set-up failed; the message has the command and what it printed."""


@dataclass(frozen=True)
class Namespace:
    """One workload's network; `ip` is its address on the common bridge."""

    name: str
    ip: str

    @property
    def prefix(self) -> list[str]:
        """What goes before a command that is to run inside."""
        return ["ip", "netns", "exec", self.name]

    def prefix_as(self, uid: int) -> list[str]:
        """As `prefix`, for a command that runs as that user and dies with the test run."""
        user = ["--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--pdeathsig", "kill"]
        return [*self.prefix, "setpriv", *user, "--"]

    def run(self, *command: str) -> str:
        """What a command printed inside.

        Raises:
            NetworkError: when it fails.
        """
        return _run(*self.prefix, *command)

    def capture(self, *, outbound: str = "", inbound: tuple[int, ...] = ()) -> None:
        """Redirects connections to the sidecar as Istio's init container does.

        Args:
            outbound: The addresses that are captured on the way out, as a range; the sidecar's own
                user is left alone.
            inbound: The ports that are captured on the way in.
        """
        if outbound:
            rule = ["-p", "tcp", "-m", "owner", "!", "--uid-owner", str(ENVOY_UID), "-d", outbound]
            self.run(
                "iptables",
                "-t",
                "nat",
                "-A",
                "OUTPUT",
                *rule,
                "-j",
                "REDIRECT",
                "--to-ports",
                "15001",
            )
        for port in inbound:
            rule = ["-p", "tcp", "--dport", str(port)]
            self.run(
                "iptables",
                "-t",
                "nat",
                "-A",
                "PREROUTING",
                *rule,
                "-j",
                "REDIRECT",
                "--to-ports",
                "15006",
            )

    async def get(
        self, url: str, host: str = "", timeout: float = 5.0
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers (names in lower case) and body of an HTTP/1.1 request from inside.

        The URL's host is an IP address.

        Raises:
            OSError: when nothing answers.
        """
        parts = urlsplit(url)
        port = parts.port or 80
        async with asyncio.timeout(timeout):
            with self.entered():
                reader, writer = await asyncio.open_connection(parts.hostname, port)
            head = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {host or parts.netloc}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            answer = (await reader.read()).decode()
            writer.close()
        if not answer:
            raise ConnectionResetError(f"{url} closed the connection without an answer")
        top, _, body = answer.partition("\r\n\r\n")
        status, *lines = top.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(status.split()[1]), headers, body

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Make sockets that this thread opens in the block belong to the namespace.

        They stay there after it.

        Await nothing in the block but the opening itself: other tasks would open theirs inside,
        too.
        """
        with (
            Path("/proc/thread-self/ns/net").open() as own,
            Path("/run/netns", self.name).open() as other,
        ):
            _setns(other.fileno())
            try:
                yield
            finally:
                _setns(own.fileno())


def _setns(fd: int) -> None:
    # os.setns came with Python 3.12.
    import ctypes  # noqa: PLC0415

    libc = ctypes.CDLL(None, use_errno=True)
    clone_newnet = 0x40000000
    if libc.setns(fd, clone_newnet) != 0:
        error = ctypes.get_errno()
        raise NetworkError(f"setns: {os.strerror(error)}")


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory that every user may use.

    For sockets, bootstraps and logs of processes with other users.
    """
    with tempfile.TemporaryDirectory(prefix="chancery-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def envoy_for(uid: int, binary: Path, directory: Path) -> Path:
    """The binary itself if that user can run it where it is, else a copy of it in the directory."""
    user = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--"]
    if (
        subprocess.run(
            [*user, str(binary), "--version"], capture_output=True, check=False
        ).returncode
        == 0
    ):
        return binary
    copy = directory / "envoy"
    if not copy.exists():
        shutil.copyfile(binary, copy)
        copy.chmod(0o755)
    return copy


@asynccontextmanager
async def namespaces(*names: str) -> AsyncIterator[tuple[Namespace, ...]]:
    """One namespace for each name, all on one bridge, 10.88.0.1 onwards.

    Removed at the end with everything that runs inside.
    """
    run = f"ch{os.getpid()}x{next(_runs)}"
    hub = f"{run}-hub"
    made: list[str] = []
    try:
        _add(hub, made)
        _run("ip", "-n", hub, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", hub, "link", "set", "br0", "up")
        workloads = tuple(
            _attach(run, hub, name, number, made) for number, name in enumerate(names, start=1)
        )
        yield workloads
    finally:
        await _remove(made)


def _attach(run: str, hub: str, name: str, number: int, made: list[str]) -> Namespace:
    """A namespace with an interface on the hub's bridge."""
    space = Namespace(f"{run}-{name}", f"10.88.0.{number}")
    _add(space.name, made)
    veth = f"veth{number}"
    _run(
        "ip",
        "-n",
        hub,
        "link",
        "add",
        veth,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        space.name,
    )
    _run("ip", "-n", hub, "link", "set", veth, "master", "br0", "up")
    _run("ip", "-n", space.name, "addr", "add", f"{space.ip}/16", "dev", "eth0")
    _run("ip", "-n", space.name, "link", "set", "lo", "up")
    _run("ip", "-n", space.name, "link", "set", "eth0", "up")
    # Addresses of services exist nowhere; they need a route before iptables can redirect them.
    _run("ip", "-n", space.name, "route", "add", "default", "dev", "eth0")
    return space


def _add(name: str, made: list[str]) -> None:
    _run("ip", "netns", "add", name)
    made.append(name)


async def _remove(made: list[str]) -> None:
    """End what still runs in the namespaces and remove them; goes on when a step fails."""
    for name in reversed(made):
        with contextlib.suppress(NetworkError):
            for pid in _run("ip", "netns", "pids", name).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
    await asyncio.sleep(0.05)
    for name in reversed(made):
        with contextlib.suppress(NetworkError):
            _run("ip", "netns", "delete", name)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise NetworkError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
