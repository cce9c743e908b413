"""The mesh that cases are tried on: a server, two honest Envoys, their traffic, and an author.

One honest Envoy speaks delta and the other the state of the world. `egress` is a world on this
machine, `captured` has a network namespace for each workload and needs root.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.abuse.documents import (
    AUTHOR,
    EDITED,
    HONEST,
    Places,
    author_files,
    filled,
    honest_files,
    policy,
)
from tests.abuse.traffic import Target, Traffic
from tests.support.processes.chancery import ControlPlane, write
from tests.support.processes.envoy import EnvoyProcess, require_envoy
from tests.support.processes.netns import (
    ENVOY_UID,
    Namespace,
    envoy_for,
    namespaces,
    open_directory,
)
from tests.support.processes.ports import free_port
from tests.support.processes.upstreams import HttpUpstream, Instance
from tests.support.processes.waiting import eventually
from translators.model.origin import Severity
from translators.model.proxy_node import Mode
from xds_server.bootstrap import BootstrapOptions, PipeAddress, SocketAddress
from xds_server.errors import AdminError
from xds_server.status import MeshStatus

EGRESS, CAPTURED = Mode.EGRESS, Mode.CAPTURED
_VIPS = {"SHOP_VIP": "10.99.0.10", "HONEST_VIP": "10.99.0.11", "EDIT_VIP": "10.99.0.12"}
_AUTHOR_VIP = {"AUTHOR_VIP": "10.99.0.20", "FREE_VIP": "10.99.0.99"}
_INSTANCES = frozenset(("a", "b"))

STRICT = json.dumps(
    {
        "layered_runtime": {
            "layers": [
                {"name": "strict", "static_layer": {"re2.max_program_size.error_level": 200}}
            ]
        }
    }
)
"""What makes an Envoy refuse expressions that every other takes: a mistake that only an Envoy can
find, whatever `chancery validate` learns."""


@functools.cache
def serve_options() -> str:
    """What `chancery serve --help` prints."""
    command = [sys.executable, "-m", "xds_server.cli.main", "serve", "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def serve_args(directory: Path, more: Sequence[str]) -> Sequence[str]:
    """What the server of a world is told: an Envoy as strict as the mesh's to ask, and a memory."""
    args = [*more]
    if "--judge" in serve_options() and "--judge" not in more:
        script = directory / "strict-envoy"
        script.write_text(f"#!/bin/sh\nexec {require_envoy()} \"$@\" --config-yaml '{STRICT}'\n")
        script.chmod(0o755)
        args += ["--judge", str(script)]
    if "--state" in serve_options():
        args += ["--state", str(directory / "state")]
    return args


@dataclass
class World:
    """What runs. `envoys` is the honest two; `places` fill the documents of cases in."""

    plane: ControlPlane
    envoys: tuple[EnvoyProcess, ...]
    spaces: tuple[Namespace | None, ...]
    places: Places
    mode: Mode
    socket: Path
    is_clean: bool = True
    edition: int = 0
    traffics: list[Traffic] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.plane.config

    @property
    def node_ids(self) -> tuple[str, ...]:
        return tuple(envoy.node_id for envoy in self.envoys)

    @asynccontextmanager
    async def traffic(self) -> AsyncIterator[None]:
        """Send requests to every service through both Envoys, in the block."""
        async with AsyncExitStack() as stack:
            self.traffics = [
                await stack.enter_async_context(Traffic(self._targets(envoy), space))
                for envoy, space in zip(self.envoys, self.spaces, strict=True)
            ]
            yield

    def lost(self, *hosts: str) -> int:
        """Requests for these hosts that were lost so far, through either Envoy."""
        return sum(traffic.lost(host) for traffic in self.traffics for host in hosts)

    async def start_cold(self) -> None:
        """Start the server, which was killed, and both Envoys anew; return when all are ready."""
        await asyncio.gather(*(envoy.kill() for envoy in self.envoys))
        await self.start_plane()
        await self.start_envoys()

    async def start_plane(self) -> None:
        """Start the server, which was ended."""
        await self.plane.start()
        await self.plane.ready()
        self.socket.chmod(0o777)

    async def start_envoys(self) -> None:
        """Start both Envoys, which were ended."""
        for envoy in self.envoys:
            await envoy.start()
        await asyncio.gather(*(envoy.ready() for envoy in self.envoys))

    @property
    def lost_of_honest(self) -> int:
        return self.lost(*HONEST, EDITED)

    @property
    def lost_of_author(self) -> int:
        return self.lost(AUTHOR)

    async def flowing(self, requests: int = 5) -> None:
        """Wait until that many more requests to each service have ended."""
        loads = [running for traffic in self.traffics for running in traffic.loads.values()]
        await asyncio.gather(*(running.seen(requests) for running in loads))

    async def edit(self, timeout: float = 5.0) -> float:
        """Milliseconds from an honest edit to its first answer, the slower Envoy's."""
        self.edition += 1
        edition = str(self.edition)
        loop = asyncio.get_running_loop()
        write(self.config / "edit-policy.yaml", policy("edit", edition))
        began = loop.time()
        waiting = [traffic.loads[EDITED] for traffic in self.traffics]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while waiting:
                    waiting = [one for one in waiting if not one.versions[edition]]
                    await asyncio.sleep(0.002)
        return 1000 * (loop.time() - began)

    async def named(self, path: Path, timeout: float = 4.0) -> tuple[float, str] | None:
        """Milliseconds until a file is named with a line in the status, and what is said of it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while loop.time() < began + timeout:
            with contextlib.suppress(AdminError):
                if said := said_of(await self.plane.status(), path):
                    return 1000 * (loop.time() - began), said
            await asyncio.sleep(0.01)
        return None

    async def is_whole(self) -> bool:
        """Whether nothing is held back or wrong, and both Envoys have and serve everything."""
        status = await self.plane.status()
        mistakes = [each for each in status.problems if each.severity == Severity.ERROR.value]
        connected = {proxy.id for proxy in status.proxies} >= set(self.node_ids)
        if mistakes or status.rejections or not connected:
            return False
        is_everywhere = (await self.plane.wait(None, 2.0)).everywhere
        return is_everywhere and not any([await envoy.warming() for envoy in self.envoys])

    async def until_whole(self, timeout: float = 8.0) -> float:
        """Milliseconds until `is_whole`.

        Raises:
            AssertionError: It is not by then; the message has the status.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await eventually(self.is_whole, "all is well again", timeout=timeout)
        except AssertionError as error:
            with contextlib.suppress(AdminError):
                status = await self.plane.status()
                lacking = (await self.plane.wait(None, 0.5)).lacking
                error.add_note(f"rejections {status.rejections}; lacking {lacking}")
                error.add_note(f"warming {[await envoy.warming() for envoy in self.envoys]}")
                mistakes = [p for p in status.problems if p.severity == Severity.ERROR.value]
                error.add_note(f"problems {mistakes[:5]}")
            raise
        return 1000 * (loop.time() - began)

    async def until_served(self, timeout: float = 5.0) -> None:
        """Wait until the newest requests to each service are answered by its own instances."""
        async with asyncio.timeout(timeout):
            while True:
                before = {id(t): {h: t.lost(h) for h in t.loads} for t in self.traffics}
                await self.flowing()
                after = {id(t): {h: t.lost(h) for h in t.loads} for t in self.traffics}
                if before == after:
                    return

    def write(self, files: Mapping[str, str | None]) -> None:
        """Replace files of the configuration; places in them are filled in."""
        for name, text in files.items():
            path = self.config / name
            if text is not None or path.exists():
                write(path, None if text is None else filled(text, self.places))

    def mend(self) -> None:
        """The author's documents as they were, and none that were not there."""
        good = {**honest_files(self.places), **author_files(self.places)}
        good["edit-policy.yaml"] = policy("edit", str(self.edition))
        for path in self.config.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in good:
                path.unlink()
        for name, text in good.items():
            path = self.config / name
            if not path.exists() or path.read_text(errors="replace") != text:
                write(path, text)

    def _targets(self, envoy: EnvoyProcess) -> tuple[Target, ...]:
        vips = {
            HONEST[0]: "HONEST_VIP",
            HONEST[1]: "SHOP_VIP",
            EDITED: "EDIT_VIP",
            AUTHOR: "AUTHOR_VIP",
        }
        return tuple(
            Target(
                host,
                "127.0.0.1" if self.mode is EGRESS else self.places[vip],
                envoy.egress_port if self.mode is EGRESS else 80,
                frozenset(("author",)) if host == AUTHOR else _INSTANCES,
                100.0 if host == EDITED else 25.0,
            )
            for host, vip in vips.items()
        )


def said_of(status: MeshStatus, path: Path) -> str:
    """What a status says of a line of the file; empty when it does not name it.

    Of two documents of one object, either may be the one with the problem, which names the other.
    """
    said = [(each.place, f"problem: {each.path} {each.message}") for each in status.problems]
    said += [(each.place, f"rejected: {each.path} {each.reason}") for each in status.rejections]
    named = (words for place, words in said if f"{path}:" in f"{place} {words}")
    return next(named, "")


@asynccontextmanager
async def running_world(
    mode: Mode, workdir: Path, args: Sequence[str] = (), more: Mapping[str, str] | None = None
) -> AsyncIterator[World]:
    """A world in which all is well, or with `more` files from the beginning."""
    async with AsyncExitStack() as stack:
        if mode is EGRESS:
            ground = await _on_this_machine(stack, workdir)
        else:
            ground = await _in_namespaces(stack)
        places, options, spaces, directory = ground
        config = workdir / "config"
        config.mkdir(parents=True)
        for name, text in {**honest_files(places), **author_files(places)}.items():
            write(config / name, text)
        for name, text in (more or {}).items():
            write(config / name, filled(text, places))
        socket = directory / "xds.sock"
        args = ["--socket", str(socket), *serve_args(workdir, args)]
        plane = await stack.enter_async_context(ControlPlane(config, workdir, args=args))
        socket.chmod(0o777)
        envoys = tuple(
            _sidecar(option, space, directory, socket)
            for option, space in zip(options, spaces, strict=True)
        )
        for envoy in envoys:
            await stack.enter_async_context(envoy)
        world = World(plane, envoys, spaces, places, mode, socket)
        await asyncio.gather(*(envoy.ready() for envoy in envoys))
        if not more:
            await world.until_whole(20)
        yield world


def _sidecar(
    options: BootstrapOptions, space: Namespace | None, directory: Path, socket: Path
) -> EnvoyProcess:
    strict = ("--config-yaml", STRICT)
    options = _reaching(options, socket)
    if space is None:
        return EnvoyProcess(options, directory, args=strict)
    binary = envoy_for(ENVOY_UID, require_envoy(), directory)
    prefix = space.prefix_as(ENVOY_UID)
    return EnvoyProcess(options, directory, prefix=prefix, binary=binary, args=strict)


def _reaching(options: BootstrapOptions, socket: Path) -> BootstrapOptions:
    return replace(options, control_plane=PipeAddress(str(socket)))


Ground = tuple[Places, tuple[BootstrapOptions, ...], tuple[Namespace | None, ...], Path]


async def _on_this_machine(stack: AsyncExitStack, workdir: Path) -> Ground:
    """The honest workloads at two loopback addresses, each with a listener in front."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chancery-abuse-")))
    a_ip, b_ip = "127.0.0.21", "127.0.0.22"
    apps = [
        await stack.enter_async_context(HttpUpstream(Instance(name)))
        for name in ("a", "b", "author")
    ]
    ports = [app.instance.port for app in apps]
    places = {
        **_VIPS,
        **_AUTHOR_VIP,
        "A_IP": a_ip,
        "B_IP": b_ip,
        "SHOP_PORT": str(free_port()),
        "APP_PORT_A": str(ports[0]),
        "APP_PORT_B": str(ports[1]),
        "AUTHOR_IP": "127.0.0.1",
        "AUTHOR_PORT": str(ports[2]),
    }
    inbound = [
        {number: SocketAddress("127.0.0.1", port) for number in (int(places["SHOP_PORT"]), port)}
        for port in ports[:2]
    ]
    options = (
        BootstrapOptions("a", instance_ips=(a_ip,), inbound=inbound[0]),
        BootstrapOptions("b", instance_ips=(b_ip,), inbound=inbound[1], is_delta=False),
    )
    del workdir
    return places, options, (None, None), directory


async def _in_namespaces(stack: AsyncExitStack) -> Ground:
    """The honest workloads and the author's, each in a network of its own."""
    directory = stack.enter_context(open_directory())
    a, b, author = await stack.enter_async_context(namespaces("a", "b", "author"))
    for space in (a, b):
        space.capture(outbound="10.99.0.0/16", inbound=(9080, 9081))
    for space, name, port in ((a, "a", 9080), (b, "b", 9080), (a, "a", 9081), (b, "b", 9081)):
        with space.entered():
            await stack.enter_async_context(HttpUpstream(Instance(name, host="0.0.0.0", port=port)))
    with author.entered():
        own = HttpUpstream(Instance("author", host="0.0.0.0", port=9090))
        await stack.enter_async_context(own)
    places = {
        **_VIPS,
        **_AUTHOR_VIP,
        "A_IP": a.ip,
        "B_IP": b.ip,
        "SHOP_PORT": "9080",
        "APP_PORT_A": "9081",
        "APP_PORT_B": "9081",
        "AUTHOR_IP": author.ip,
        "AUTHOR_PORT": "9090",
    }
    options = tuple(
        BootstrapOptions(
            space.name.rpartition("-")[2],
            mode=Mode.CAPTURED,
            admin=PipeAddress(str(directory / f"{space.ip}.sock")),
            instance_ips=(space.ip,),
            is_delta=space is a,
        )
        for space in (a, b)
    )
    return places, options, (a, b), directory
