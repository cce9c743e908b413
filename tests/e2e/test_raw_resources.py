"""The stream layer as a library on raw named resources.

What an outside harness would do, with a real Envoy as the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterDiscoveryType,
    ClusterEdsClusterConfig,
    ClusterLbPolicy,
    ClusterRingHashLbConfig,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    AggregatedConfigSource,
    ApiVersion,
    ConfigSource,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    Vhds,
    VirtualHost,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
    Rds,
)

from tests.support.fakes.raw_resources import Key, RawResources
from tests.support.processes.envoy import EnvoyProcess
from tests.support.processes.load import load
from tests.support.processes.ports import free_port
from tests.support.processes.upstreams import HttpUpstream, Instance
from tests.support.processes.waiting import eventually
from translators.codec import encode, pack
from translators.names import (
    CLUSTER_TYPE,
    ENDPOINT_TYPE,
    LISTENER_TYPE,
    ROUTE_TYPE,
    VIRTUAL_HOST_TYPE,
)
from xds_server.ads.diff import Response
from xds_server.ads.limits import StreamLimits
from xds_server.ads.service import AdsLimits, AdsService
from xds_server.ads.silent_observer import SilentObserver
from xds_server.ads.stream import Stream
from xds_server.bootstrap import BootstrapOptions
from xds_server.bootstrap import SocketAddress as BootstrapAddress
from xds_server.clock import SystemClock
from xds_server.grpc_server import GrpcServer, ServerLimits, serving

pytestmark = pytest.mark.envoy
WIRES = pytest.mark.parametrize("is_delta", [True, False], ids=["delta", "sotw"])
ADS = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
STREAMS = AdsLimits(stream=StreamLimits(gate_deadline=timedelta(seconds=10)))
LIMITS = ServerLimits(
    keepalive=timedelta(seconds=1),
    keepalive_timeout=timedelta(seconds=1),
    drain=timedelta(seconds=0.2),
)


def cluster(name: str, **fields: object) -> tuple[Key, bytes]:
    message = Cluster(
        name=name,
        type=ClusterDiscoveryType.EDS,
        eds_cluster_config=ClusterEdsClusterConfig(eds_config=ADS),
        connect_timeout=timedelta(seconds=1),
        **fields,
    )
    return (CLUSTER_TYPE, name), encode(message)


def endpoints(name: str, *ports: int) -> tuple[Key, bytes]:
    hosts = [
        LbEndpoint(
            endpoint=Endpoint(
                address=Address(socket_address=SocketAddress(address="127.0.0.1", port_value=port))
            )
        )
        for port in ports
    ]
    message = ClusterLoadAssignment(
        cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=hosts)]
    )
    return (ENDPOINT_TYPE, name), encode(message)


def listener(name: str, port: int, route: str) -> tuple[Key, bytes]:
    manager = HttpConnectionManager(
        stat_prefix=name,
        rds=Rds(config_source=ADS, route_config_name=route),
        http_filters=[HttpFilter(name="envoy.filters.http.router", typed_config=pack(Router()))],
    )
    message = Listener(
        name=name,
        address=Address(socket_address=SocketAddress(address="127.0.0.1", port_value=port)),
        filter_chains=[
            FilterChain(
                filters=[
                    Filter(
                        name="envoy.filters.network.http_connection_manager",
                        typed_config=pack(manager),
                    )
                ]
            )
        ],
    )
    return (LISTENER_TYPE, name), encode(message)


def host(route: str, target: str) -> VirtualHost:
    return VirtualHost(
        name=f"{route}/svc",
        domains=["svc"],
        routes=[
            Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster=target)),
        ],
    )


NOT_FOUND = VirtualHost(
    name="nobody",
    domains=["*"],
    routes=[
        Route(match=RouteMatch(prefix="/"), direct_response=DirectResponseAction(status=404)),
    ],
)


def routes(route: str, target: str, *, is_delta: bool) -> dict[Key, bytes]:
    """A route to a cluster: the host by itself for delta, inline for SotW."""
    if not is_delta:
        message = RouteConfiguration(name=route, virtual_hosts=[host(route, target), NOT_FOUND])
        return {(ROUTE_TYPE, route): encode(message)}
    message = RouteConfiguration(
        name=route, virtual_hosts=[NOT_FOUND], vhds=Vhds(config_source=ADS)
    )
    return {
        (ROUTE_TYPE, route): encode(message),
        (VIRTUAL_HOST_TYPE, f"{route}/svc"): encode(host(route, target)),
    }


@dataclass
class Counts(SilentObserver):
    """What went over the streams."""

    resources: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    nacks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    settled_revision: int = -1
    streams: int = 0

    def connected(self, _stream: Stream) -> None:
        self.streams += 1
        self.settled_revision = -1

    def disconnected(self, _stream: Stream) -> None:
        self.streams -= 1

    def pushed(self, _stream: Stream, type_url: str, response: Response) -> None:
        short = type_url.rpartition(".")[2]
        self.resources += [f"{short} {found.name}" for found in response.changed]
        self.removed += [f"{short} {name}" for name in response.removed]

    def nacked(
        self, _stream: Stream, _type_url: str, _response: Response, _code: int, message: str
    ) -> None:
        self.nacks.append(message)

    def settled(self, _stream: Stream, revision: int) -> None:
        self.settled_revision = revision

    def warned(self, _stream: Stream, message: str) -> None:
        self.warnings.append(message)


@dataclass
class Mesh:
    """A raw, its server and one Envoy that has a listener for `svc`."""

    raw: RawResources
    envoy: EnvoyProcess
    counts: Counts
    port: int
    server_port: int
    is_delta: bool

    async def settled(self, timeout: float = 5.0) -> None:
        """Wait until Envoy has answered everything up to the newest revision."""

        async def probe() -> bool:
            return self.counts.settled_revision == self.raw.revision

        await eventually(
            probe, f"revision {self.raw.revision} settles", timeout=timeout, interval=0.01
        )


@asynccontextmanager
async def running(raw: RawResources, counts: Counts, port: int) -> AsyncIterator[GrpcServer]:
    server = GrpcServer((AdsService(raw, SystemClock(), counts, STREAMS),), LIMITS)
    server.listen(f"127.0.0.1:{port}")
    async with serving(server):
        yield server


@asynccontextmanager
async def envoy_of(
    tmp_path: Path, server_port: int, *, is_delta: bool
) -> AsyncIterator[EnvoyProcess]:
    options = BootstrapOptions(
        name="web",
        control_plane=BootstrapAddress("127.0.0.1", server_port),
        is_delta=is_delta,
    )
    async with EnvoyProcess(options, tmp_path) as envoy:
        yield envoy


@asynccontextmanager
async def mesh(tmp_path: Path, upstream: int, *, is_delta: bool) -> AsyncIterator[Mesh]:
    port, server_port = free_port(), free_port()
    raw, counts = RawResources(), Counts()
    raw.update(
        "*",
        dict(
            [
                cluster("c0"),
                endpoints("c0", upstream),
                listener("l", port, "r"),
                *routes("r", "c0", is_delta=is_delta).items(),
            ]
        ),
    )
    async with (
        running(raw, counts, server_port),
        envoy_of(tmp_path, server_port, is_delta=is_delta) as envoy,
    ):
        await envoy.ready()
        found = Mesh(raw, envoy, counts, port, server_port, is_delta)
        await found.settled()
        yield found


@WIRES
async def test_twenty_cluster_swaps_lose_no_request(tmp_path: Path, is_delta: bool) -> None:
    async with (
        HttpUpstream(Instance("a")) as upstream,
        mesh(tmp_path, upstream.instance.port, is_delta=is_delta) as found,
        load(found.port, "svc", per_second=400) as requests,
    ):
        await requests.seen(50)
        for number in range(1, 21):
            old, new = f"c{number - 1}", f"c{number}"
            found.raw.update(
                "*",
                dict(
                    [
                        cluster(new),
                        endpoints(new, upstream.instance.port),
                        *routes("r", new, is_delta=is_delta).items(),
                    ]
                ),
                removed=[(CLUSTER_TYPE, old), (ENDPOINT_TYPE, old)],
            )
            await found.settled()
            await requests.seen(5)
        assert set(await found.envoy.clusters()) & {f"c{n}" for n in range(21)} == {"c20"}
    assert requests.failures == [], requests.report()
    assert requests.total > 150
    assert found.counts.warnings == []
    assert found.counts.nacks == []


@WIRES
async def test_swaps_without_pause_lose_no_request(tmp_path: Path, is_delta: bool) -> None:
    async with (
        HttpUpstream(Instance("a")) as upstream,
        mesh(tmp_path, upstream.instance.port, is_delta=is_delta) as found,
        load(found.port, "svc", per_second=400) as requests,
    ):
        for number in range(1, 101):
            old, new = f"c{number - 1}", f"c{number}"
            found.raw.update(
                "*",
                dict(
                    [
                        cluster(new),
                        endpoints(new, upstream.instance.port),
                        *routes("r", new, is_delta=is_delta).items(),
                    ]
                ),
                removed=[(CLUSTER_TYPE, old), (ENDPOINT_TYPE, old)],
            )
            await asyncio.sleep(0.013 * (number % 3))
        await found.settled()
        await requests.seen(50)
        names = set(await found.envoy.clusters()) - {"chancery"}
        assert names == {"c100"}, names
    assert requests.failures == [], requests.report()
    assert found.counts.warnings == []


@WIRES
async def test_changed_cluster_is_warm_at_once(tmp_path: Path, is_delta: bool) -> None:
    async with (
        HttpUpstream(Instance("a")) as upstream,
        mesh(tmp_path, upstream.instance.port, is_delta=is_delta) as found,
        load(found.port, "svc", per_second=200) as requests,
    ):
        for size in (1024, 2048, 4096):
            key, body = cluster("c0", per_connection_buffer_limit_bytes=size)
            found.raw.update("*", {key: body})
            await found.settled(timeout=3)
        await requests.seen(20)
    assert requests.failures == [], requests.report()


@WIRES
async def test_rejected_cluster_leaves_the_old_one_and_is_not_sent_again(
    tmp_path: Path, is_delta: bool
) -> None:
    async with (
        HttpUpstream(Instance("a")) as upstream,
        mesh(tmp_path, upstream.instance.port, is_delta=is_delta) as found,
        load(found.port, "svc", per_second=200) as requests,
    ):
        ring = ClusterRingHashLbConfig(minimum_ring_size=100, maximum_ring_size=10)
        bad = cluster("c0", lb_policy=ClusterLbPolicy.RING_HASH, ring_hash_lb_config=ring)
        found.counts.resources.clear()
        found.raw.update("*", dict([bad]))
        await found.settled()
        assert len(found.counts.nacks) == 1
        assert "c0" in found.counts.nacks[0]
        await asyncio.sleep(0.5)
        assert found.counts.resources.count("Cluster c0") == 1
        key, body = cluster("c0", per_connection_buffer_limit_bytes=1024)
        found.raw.update("*", {key: body})
        await found.settled()
        assert len(found.counts.nacks) == 1
        await requests.seen(20)
    assert requests.failures == [], requests.report()


@WIRES
async def test_what_came_with_a_cluster_that_had_all_refused_is_warm_at_once_after_it(
    tmp_path: Path, is_delta: bool
) -> None:
    async with (
        HttpUpstream(Instance("a")) as upstream,
        mesh(tmp_path, upstream.instance.port, is_delta=is_delta) as found,
        load(found.port, "svc", per_second=200) as requests,
    ):
        port = upstream.instance.port
        names = [f"s{number}" for number in range(6)]
        every = [*names, "old"]
        await requests.seen(50)
        found.raw.update(
            "*", dict([each for name in every for each in (cluster(name), endpoints(name, port))])
        )
        await found.settled()
        changed = [cluster(name, alt_stat_name=f"{name}-changed") for name in names]
        bad = cluster("bad", lb_policy=99)
        new = [cluster("new"), endpoints("new", port)]
        gone = [(CLUSTER_TYPE, "old"), (ENDPOINT_TYPE, "old")]
        found.raw.update("*", dict([*changed, bad, *new]), removed=gone)

        async def is_refused() -> bool:
            return bool(found.counts.nacks)

        await eventually(is_refused, "the response is refused", timeout=5, interval=0.01)
        assert "LbPolicy" in found.counts.nacks[0]
        found.raw.update("*", dict(routes("r", "new", is_delta=is_delta)), removed=[bad[0]])
        await found.settled(timeout=4)
        stats = await found.envoy.stats("warming_clusters")
        assert stats["cluster_manager.warming_clusters"] == 0
        clusters = (await found.envoy.resources())["cds"]
        assert set(clusters) == {"c0", *names, "new"}
        assert all(clusters[name]["alt_stat_name"] == f"{name}-changed" for name in names)
        await requests.seen(20)
    assert requests.failures == [], requests.report()
    assert found.counts.warnings == []


@WIRES
async def test_server_restart_costs_nothing(tmp_path: Path, is_delta: bool) -> None:
    server_port, port = free_port(), free_port()
    raw = RawResources()
    async with HttpUpstream(Instance("a")) as upstream:
        raw.update(
            "*",
            dict(
                [
                    cluster("c0"),
                    endpoints("c0", upstream.instance.port),
                    listener("l", port, "r"),
                    *routes("r", "c0", is_delta=is_delta).items(),
                ]
            ),
        )
        first, second = Counts(), Counts()
        async with envoy_of(tmp_path, server_port, is_delta=is_delta) as envoy:
            async with running(raw, first, server_port):
                await envoy.ready()
                found = Mesh(raw, envoy, first, port, server_port, is_delta)
                await found.settled()
            async with load(port, "svc", per_second=200) as requests:
                await requests.seen(20)
                async with running(raw, second, server_port):
                    found.counts = second
                    await found.settled(timeout=10)
                    await requests.seen(20)
    assert requests.failures == [], requests.report()
    assert second.warnings == []
    if is_delta:
        assert second.resources == []
        assert second.removed == []


@WIRES
async def test_missing_endpoints_and_routes_do_not_hold_up_the_start(
    tmp_path: Path, is_delta: bool
) -> None:
    server_port, port = free_port(), free_port()
    raw, counts = RawResources(), Counts()
    raw.update("*", dict([cluster("c0"), listener("l", port, "r")]))
    async with (
        HttpUpstream(Instance("a")) as upstream,
        running(raw, counts, server_port),
        envoy_of(tmp_path, server_port, is_delta=is_delta) as envoy,
    ):
        await envoy.ready(timeout=5)
        raw.update(
            "*",
            dict(
                [
                    endpoints("c0", upstream.instance.port),
                    *routes("r", "c0", is_delta=is_delta).items(),
                ]
            ),
        )
        found = Mesh(raw, envoy, counts, port, server_port, is_delta)
        await found.settled()
        async with load(port, "svc", per_second=200) as requests:
            await requests.seen(10)
    assert requests.failures == [], requests.report()


async def test_nothing_to_serve_is_served_at_once(tmp_path: Path) -> None:
    server_port = free_port()
    async with (
        running(RawResources(), Counts(), server_port),
        envoy_of(tmp_path, server_port, is_delta=True) as envoy,
    ):
        await envoy.ready(timeout=5)


async def test_second_route_configuration_with_hosts_of_its_own(tmp_path: Path) -> None:
    async with (
        HttpUpstream(Instance("a")) as upstream,
        mesh(tmp_path, upstream.instance.port, is_delta=True) as found,
    ):
        port = free_port()
        found.raw.update(
            "*", dict([listener("m", port, "s"), *routes("s", "c0", is_delta=True).items()])
        )
        await found.settled()
        async with load(port, "svc", per_second=200) as requests:
            await requests.seen(10)
        assert requests.failures == [], requests.report()
        assert found.counts.warnings == []
        found.raw.update(
            "*", removed=[(LISTENER_TYPE, "m"), (ROUTE_TYPE, "s"), (VIRTUAL_HOST_TYPE, "s/svc")]
        )
        await found.settled()
        found.raw.update(
            "*", dict([listener("m", port, "s"), *routes("s", "c0", is_delta=True).items()])
        )
        await found.settled()
        async with load(port, "svc", per_second=200) as requests:
            await requests.seen(10)
        assert requests.failures == [], requests.report()
        assert found.counts.nacks == []


async def test_frozen_envoy_is_noticed_within_seconds(tmp_path: Path) -> None:
    async with (
        HttpUpstream(Instance("a")) as upstream,
        mesh(tmp_path, upstream.instance.port, is_delta=True) as found,
    ):
        found.envoy.freeze()

        async def is_gone() -> bool:
            return found.counts.streams == 0

        await eventually(is_gone, "the frozen Envoy is given up", timeout=6)
        found.envoy.thaw()
        await found.settled(timeout=10)


async def test_one_node_can_have_its_own_resource(tmp_path: Path) -> None:
    async with (
        HttpUpstream(Instance("a")) as first,
        HttpUpstream(Instance("b")) as second,
        mesh(tmp_path, first.instance.port, is_delta=True) as found,
    ):
        own = endpoints("c0", second.instance.port)
        found.raw.update(found.envoy.node_id, dict([own]))
        await found.settled()
        async with load(found.port, "svc", per_second=200) as requests:
            await requests.seen(10)
        assert set(requests.instances) == {"b"}
        found.raw.remove(found.envoy.node_id, *own[0])
        await found.settled()
        async with load(found.port, "svc", per_second=200) as requests:
            await requests.seen(10)
        assert set(requests.instances) == {"a"}
