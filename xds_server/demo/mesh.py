"""The running demo: control plane, sidecars and applications, and what can be asked of them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from translators.model.proxy_node import Mode
from xds_server.admin.client import AdminClient
from xds_server.bootstrap import BootstrapOptions, SocketAddress, render
from xds_server.clock import Clock
from xds_server.demo.applications import Ratings, RatingsCalls, Reviews
from xds_server.demo.children import Children
from xds_server.demo.errors import DemoError
from xds_server.demo.places import find_envoy, find_network, free_ports
from xds_server.demo.topology import BACKENDS, CLIENT, NAMESPACE, Workload
from xds_server.demo.workspace import Workspace
from xds_server.errors import AdminError
from xds_server.status import MeshStatus, WaitResult

_LOCAL = "127.0.0.1"
_START_SECONDS = 30.0
_REVISION_SECONDS = 5.0
_EVERYWHERE_SECONDS = 10.0
_POLL_SECONDS = 0.02
_EJECTED = re.compile(
    r"^outbound\|9080\|[^:]+::(?P<ip>[\d.]+):\d+::health_flags::.*failed_outlier_check",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """One Envoy and the ports that were chosen for it.

    `app_port` is where its application listens.
    """

    workload: Workload
    egress_port: int
    admin_port: int
    app_port: int

    @property
    def node_id(self) -> str:
        """As the control plane knows it."""
        return f"{self.workload.name}.{NAMESPACE}"


@dataclass(frozen=True, slots=True)
class Applied:
    """An edit and how it fared. `seconds` is from the save until every proxy had ACKed it."""

    revision: int
    seconds: float
    result: WaitResult


class Mesh:
    """Everything that runs; made by `running`."""

    def __init__(
        self, workspace: Workspace, children: Children, clock: Clock, network: str
    ) -> None:
        ports = free_ports()
        self.workspace = workspace
        self.children = children
        self.ratings_calls = RatingsCalls()
        self.ads_port = next(ports)
        self.admin_port = next(ports)
        self.sidecars = tuple(
            Sidecar(workload, next(ports), next(ports), next(ports))
            for workload in (CLIENT, *BACKENDS)
        )
        self.client = self.sidecars[0]
        self._network = network
        self._clock = clock
        self._admin = AdminClient(_LOCAL, self.admin_port)
        self._session: aiohttp.ClientSession | None = None
        self._reviews: dict[str, Reviews] = {}

    async def start(self, stack: contextlib.AsyncExitStack) -> None:
        """Start everything and wait until every sidecar serves.

        What the stack closes ends the applications.

        Raises:
            DemoError: Something did not come up.
        """
        envoy = find_envoy()
        timeout = aiohttp.ClientTimeout(5.0)
        self._session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        await self._start_control_plane()
        for sidecar in self.sidecars:
            await self._start_envoy(envoy, sidecar)
        for sidecar in self.sidecars[1:]:
            await self._start_application(stack, sidecar)
        await self._until(self._control_plane_answers, "the control plane answers")
        await self._until(self._all_live, "every sidecar is ready")
        await self._until(self._all_connected, "every sidecar is connected")
        result = await asyncio.to_thread(self._admin.wait, None, _EVERYWHERE_SECONDS)
        if not result.everywhere:
            raise DemoError(f"the first configuration did not reach everyone: {_names(result)}")

    async def status(self) -> MeshStatus:
        """What the control plane says of itself."""
        return await asyncio.to_thread(self._admin.status)

    async def apply(self, edit: Callable[[], object]) -> Applied:
        """Make an edit, and wait until the revision that it makes is everywhere.

        Raises:
            DemoError: The edit made no revision.
        """
        before = (await self.status()).revision
        began = self._clock.now()
        edit()
        revision = await self._revision_after(before)
        result = await asyncio.to_thread(self._admin.wait, revision, _EVERYWHERE_SECONDS)
        return Applied(revision, self._clock.now() - began, result)

    async def ejected(self) -> frozenset[str]:
        """Names of the instances of `reviews` that the client's sidecar has ejected."""
        addresses = set(_EJECTED.findall(await self._envoy(self.client, "/clusters")))
        return frozenset(w.name for w in BACKENDS if w.address(self._network) in addresses)

    def set_sick(self, name: str, is_sick: bool) -> None:
        """Make an instance of `reviews` answer every request with a 500, or heal it."""
        self._reviews[name].is_sick = is_sick

    def requests_to(self, name: str) -> int:
        """How many requests have reached an instance of `reviews` so far."""
        return self._reviews[name].requests

    async def _start_control_plane(self) -> None:
        ports = ["--port", str(self.ads_port), "--admin-port", str(self.admin_port)]
        serve = [
            sys.executable,
            "-m",
            "xds_server.cli.main",
            "serve",
            "--config",
            str(self.workspace.mesh),
        ]
        await self.children.start("chancery", [*serve, *ports])

    async def _start_envoy(self, envoy: Path, sidecar: Sidecar) -> None:
        workload = sidecar.workload
        is_backend = sidecar is not self.client
        options = BootstrapOptions(
            name=workload.name,
            namespace=NAMESPACE,
            mode=Mode.EGRESS,
            control_plane=SocketAddress(_LOCAL, self.ads_port),
            admin=SocketAddress(_LOCAL, sidecar.admin_port),
            locality=workload.locality,
            labels={"app": workload.app, "version": workload.version},
            instance_ips=(workload.address(self._network),) if is_backend else (),
            inbound={workload.port: SocketAddress(_LOCAL, sidecar.app_port)} if is_backend else {},
            egress_port=sidecar.egress_port,
        )
        path = self.workspace.bootstraps / f"{workload.name}.yaml"
        path.write_text(render(options), encoding="utf-8")
        flags = [
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--drain-time-s",
            "3",
            "-l",
            "warning",
        ]
        await self.children.start(workload.name, [str(envoy), "-c", str(path), *flags])

    async def _start_application(self, stack: contextlib.AsyncExitStack, sidecar: Sidecar) -> None:
        workload, port = sidecar.workload, sidecar.app_port
        if workload.app == "ratings":
            await stack.enter_async_context(Ratings(workload, port).serving())
            return
        reviews = Reviews(workload, port, sidecar.egress_port, self.ratings_calls)
        self._reviews[workload.name] = reviews
        try:
            await stack.enter_async_context(reviews.serving())
        except OSError as error:
            raise DemoError(
                f"another process took port {port} of 127.0.0.1 while the demo was starting; start it again"
            ) from error

    async def _revision_after(self, before: int) -> int:
        deadline = self._clock.now() + _REVISION_SECONDS
        while self._clock.now() < deadline:
            revision = (await self.status()).revision
            if revision > before:
                return revision
            await asyncio.sleep(_POLL_SECONDS)
        raise DemoError(
            f"the control plane did not take notice of an edit in {self.workspace.mesh} within {_REVISION_SECONDS:g} s; "
            f"the end of its log:\n{self.children.tail('chancery')}"
        )

    async def _until(self, probe: Callable[[], Awaitable[bool]], what: str) -> None:
        """Ask again until the answer is yes."""
        deadline = self._clock.now() + _START_SECONDS
        while self._clock.now() < deadline:
            self.children.check()
            if await probe():
                return
            await asyncio.sleep(0.05)
        raise DemoError(
            f"waited {_START_SECONDS:g} s in vain until {what}; the end of the control plane's log:\n"
            + self.children.tail("chancery")
        )

    async def _control_plane_answers(self) -> bool:
        try:
            return (await self.status()).revision > 0
        except AdminError:
            return False

    async def _all_connected(self) -> bool:
        connected = {proxy.id for proxy in (await self.status()).proxies}
        return connected >= {sidecar.node_id for sidecar in self.sidecars}

    async def _all_live(self) -> bool:
        try:
            answers = [await self._envoy(sidecar, "/ready") for sidecar in self.sidecars]
        except (aiohttp.ClientError, TimeoutError):
            return False
        return all(answer.strip() == "LIVE" for answer in answers)

    async def _envoy(self, sidecar: Sidecar, path: str) -> str:
        if self._session is None:
            raise DemoError("the demo was not started")
        async with self._session.get(f"http://{_LOCAL}:{sidecar.admin_port}{path}") as answer:
            return await answer.text()


@contextlib.asynccontextmanager
async def running(clock: Clock) -> AsyncIterator[Mesh]:
    """A started mesh.

    At the end no process of it is left, and no file but the logs of a demo that failed.

    Raises:
        DemoError: Something that it needs is missing or taken, or did not come up.
    """
    find_envoy()
    network = find_network()
    workspace = Workspace(network)
    try:
        async with Children(workspace.logs) as children, contextlib.AsyncExitStack() as stack:
            mesh = Mesh(workspace, children, clock, network)
            await mesh.start(stack)
            yield mesh
    except Exception as error:
        workspace.keep()
        error.add_note(f"The logs of every process are in {workspace.logs}")
        raise
    finally:
        workspace.close()


def _names(result: WaitResult) -> str:
    return "; ".join(
        f"{lack.proxy} lacks {', '.join(lack.types)} ({lack.reason})" for lack in result.lacking
    )
