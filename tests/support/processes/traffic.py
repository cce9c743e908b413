"""A mesh to send requests through.

One control plane, client sidecars on both wires, services on this machine.

async with running_mesh(tmp_path) as mesh:
    one = await mesh.http("one", "v1")
    await mesh.save({"reviews.yaml": service_entry("reviews.mesh", one)})
    answer = await mesh.ask("delta", "reviews.mesh")
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from tests.support.processes.chancery import ControlPlane, write
from tests.support.processes.envoy import EnvoyProcess
from tests.support.processes.load import Load
from tests.support.processes.upstreams import (
    GrpcUpstream,
    HttpUpstream,
    Instance,
    TcpUpstream,
    Upstream,
)
from tests.support.processes.waiting import eventually
from translators.model.origin import Severity
from xds_server.bootstrap import BootstrapOptions
from xds_server.status import WaitResult

DELTA, SOTW = "delta", "sotw"
CLIENTS = {DELTA: BootstrapOptions("web-0"), SOTW: BootstrapOptions("web-1", is_delta=False)}
"""A client sidecar for each wire."""

_NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: default}}"
"""Something to serve: a control plane's first revision is that of its first object."""

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What came back for one request; names of headers in lower case, the last one of a name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def instance(self) -> str:
        """Who answered; "" when it was no instance."""
        return self.headers.get("x-instance", "")

    @property
    def seen(self) -> dict[str, Any]:
        """What the instance saw of the request: method, path and headers (names in lower case)."""
        found = json.loads(self.body)
        found["headers"] = {name.lower(): value for name, value in found["headers"].items()}
        return dict(found)


@dataclass
class Mesh:
    """What runs; `envoys` by the names that were given to the client sidecars."""

    plane: ControlPlane
    stack: AsyncExitStack
    session: aiohttp.ClientSession
    workdir: Path
    envoys: dict[str, EnvoyProcess] = field(default_factory=dict)

    async def enter(self, part: AbstractAsyncContextManager[T]) -> T:
        """Start something that is to end with the mesh."""
        return await self.stack.enter_async_context(part)

    async def http(self, name: str, version: str = "v1", zone: str = "") -> HttpUpstream:
        """An HTTP instance; `zone` is a locality as WorkloadEntries have it (`region/zone`)."""
        return await self.enter(HttpUpstream(Instance(name, version, zone)))

    async def grpc(self, name: str, version: str = "v1") -> GrpcUpstream:
        return await self.enter(GrpcUpstream(Instance(name, version)))

    async def tcp(self, name: str, version: str = "v1") -> TcpUpstream:
        return await self.enter(TcpUpstream(Instance(name, version)))

    async def envoy(self, name: str, options: BootstrapOptions) -> EnvoyProcess:
        """Another sidecar, ready."""
        envoy = await self.enter(_envoy(self.plane, options, self.workdir))
        self.envoys[name] = await envoy.ready()
        await self.plane.connected(envoy.node_id)
        return envoy

    async def save(self, files: Mapping[str, str | None]) -> WaitResult:
        """Save files, and wait until the revision that this makes is everywhere.

        Raises:
            AssertionError: It is not, or the control plane finds a mistake in some document.
        """
        result = await self.plane.save(dict(files))
        status = await self.plane.status()
        mistakes = [one for one in status.problems if one.severity == Severity.ERROR.value]
        assert not mistakes, mistakes
        assert not status.rejections, status.rejections
        return result

    def port(self, client: str) -> int:
        """Where a client's application sends its requests."""
        return self.envoys[client].egress_port

    async def ask(
        self,
        client: str,
        host: str,
        path: str = "/",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to one request that a client's application sends through its sidecar."""
        async with self.session.request(
            method,
            f"http://127.0.0.1:{self.port(client)}{path}",
            headers={**(headers or {}), "Host": host},
            allow_redirects=False,
        ) as answer:
            body = await answer.read()
        return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, body)

    async def instances(
        self, client: str, host: str, requests: int, path: str = "/"
    ) -> Counter[str]:
        """Who answers that many requests, one after another."""
        answers = [await self.ask(client, host, path) for _ in range(requests)]
        return Counter(answer.instance for answer in answers)

    async def until_ejected(self, client: str, host: str, upstream: Upstream) -> None:
        """Wait until a client's sidecar has ejected an instance of a service (port 80)."""

        async def probe() -> bool:
            health = await self.envoys[client].hosts(f"outbound|80||{host}")
            return bool(health[upstream.instance.address].get("failed_outlier_check"))

        await eventually(probe, f"{upstream.instance.name} is ejected", timeout=5)


def _envoy(plane: ControlPlane, options: BootstrapOptions, workdir: Path) -> EnvoyProcess:
    return EnvoyProcess(replace(options, control_plane=plane.address), workdir)


@asynccontextmanager
async def running_mesh(
    workdir: Path,
    files: Mapping[str, str] | None = None,
    clients: Mapping[str, BootstrapOptions] = CLIENTS,
    *,
    module: str = "xds_server.cli.main",
) -> AsyncIterator[Mesh]:
    """A control plane that serves these files, and ready client sidecars.

    `module` is what has the command of the control plane.
    """
    config = workdir / "config"
    config.mkdir(parents=True)
    for name, text in {"namespace.yaml": _NAMESPACE, **(files or {})}.items():
        write(config / name, text)
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(ControlPlane(config, workdir, module=module))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(10)
            )
        )
        mesh = Mesh(plane, stack, session, workdir)
        await asyncio.gather(*(mesh.envoy(name, options) for name, options in clients.items()))
        yield mesh


def service_entry(
    host: str, *upstreams: Upstream, port: int = 80, protocol: str = "HTTP", name: str = ""
) -> str:
    """A service whose endpoints are these instances.

    Each has its version as label and its zone as locality.
    """
    endpoints = "".join(f"\n  - {_endpoint(one.instance)}" for one in upstreams) or " []"
    return f"""---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name or host.replace(".", "-")}}}
spec:
  hosts: [{host}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: {port}, name: main, protocol: {protocol}}}]
  endpoints:{endpoints}
"""


def _endpoint(instance: Instance) -> str:
    place = f", locality: {instance.zone}" if instance.zone else ""
    return (
        f"{{address: {instance.host}, ports: {{main: {instance.port}}}, "
        f"labels: {{version: {instance.version}}}{place}}}"
    )


def destination_rule(host: str, subsets: Mapping[str, str] | None = None, policy: str = "") -> str:
    """Subsets (name → version), and a trafficPolicy in flow style."""
    found = "".join(
        f"\n  - {{name: {name}, labels: {{version: {version}}}}}"
        for name, version in (subsets or {}).items()
    )
    return f"""---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {host.replace(".", "-")}}}
spec:
  host: {host}
  trafficPolicy: {policy or "null"}
  subsets:{found or " []"}
"""


def virtual_service(host: str, *rules: str) -> str:
    """HTTP rules, each in flow style."""
    listed = "".join(f"\n  - {rule}" for rule in rules)
    return f"""---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {host.replace(".", "-")}}}
spec:
  hosts: [{host}]
  http:{listed}
"""


def split(host: str, **weights: int) -> str:
    """A rule that sends to subsets of a host by weight."""
    routes = ", ".join(
        f"{{destination: {{host: {host}, subset: {subset}}}, weight: {weight}}}"
        for subset, weight in weights.items()
    )
    return f"{{route: [{routes}]}}"


def to_host(host: str, more: str = "", *, prefix: str = "") -> str:
    """A rule that sends to a host what begins with a path, with more fields."""
    match = f"match: [{{uri: {{prefix: {prefix}}}}}]" if prefix else ""
    fields = [match, f"route: [{{destination: {{host: {host}}}}}]", more]
    return f"{{{', '.join(filter(None, fields))}}}"


def assert_share(window: Load, version: str, expected: float) -> None:
    """The version's share is as expected, within five standard deviations; 0 and 1 exactly."""
    count = window.versions.total()
    assert count, window.report()
    allowed = 5 * math.sqrt(expected * (1 - expected) / count)
    found = window.share(version)
    assert abs(found - expected) <= allowed, (
        f"{version} has {found:.3f} of {count}, expected {expected} ± {allowed:.3f}"
    )


def assert_nothing_lost(*loads: Load) -> None:
    """No request of these loads failed, and there were some."""
    for one in loads:
        assert one.failures == [], one.report()
        assert one.total > 0
