"""Which of many resources a real Envoy rejects, and in how few runs that is found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterDiscoveryType,
    ClusterEdsClusterConfig,
    ClusterLbPolicy,
    ClusterRingHashLbConfig,
    OutlierDetection,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    AggregatedConfigSource,
    ConfigSource,
    DataSource,
    HeaderValue,
    HeaderValueOption,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.config.listener.v3 import ApiListener, Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    Vhds,
    VirtualHost,
    WeightedCluster,
    WeightedClusterClusterWeight,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher

from tests.support.documents import goldens
from tests.support.documents.proxy_resources import resources
from tests.support.documents.translation import mesh
from tests.support.processes.envoy import require_envoy
from translators import names
from translators.codec import encode
from translators.model.proxy_node import Mode
from translators.model.resource import Resource, resource
from translators.model.routing import MAX_BODY_BYTES
from xds_server.judge.bootstrap import can_judge
from xds_server.judge.envoy import Refusal, read_bootstrap
from xds_server.judge.sorting import rejected

pytestmark = pytest.mark.envoy


class CountingRuns:
    """A real Envoy's answers, and how often it was asked."""

    def __init__(self) -> None:
        self.count = 0
        self._path = require_envoy()

    async def __call__(self, config: bytes) -> Refusal | None:
        self.count += 1
        return await read_bootstrap(self._path, config)


def cluster(name: str, **fields: object) -> Resource:
    message = Cluster(name=name, **fields)  # type: ignore[arg-type]  # a field of each sort
    return resource(names.CLUSTER_TYPE, name, encode(message))


def eds(name: str, **fields: object) -> Resource:
    source = ConfigSource(ads=AggregatedConfigSource())
    discovery = ClusterEdsClusterConfig(eds_config=source)
    return cluster(name, type=ClusterDiscoveryType.EDS, eds_cluster_config=discovery, **fields)


def host(name: str, *, match: RouteMatch | None = None, **fields: object) -> Resource:
    fields = {"route": RouteAction(cluster="nobody")} | fields
    route = Route(match=match or RouteMatch(prefix="/"), **fields)  # type: ignore[arg-type]
    message = VirtualHost(name=name, domains=[name], routes=[route])
    return resource(names.VIRTUAL_HOST_TYPE, name, encode(message))


def listener(name: str, address: str = "127.0.0.1", *filters: Filter) -> Resource:
    message = Listener(
        name=name,
        address=Address(socket_address=SocketAddress(address=address, port_value=80)),
        filter_chains=[FilterChain(filters=list(filters))],
    )
    return resource(names.LISTENER_TYPE, name, encode(message))


def assignment(name: str, address: str = "10.0.0.1", priority: int = 0) -> Resource:
    at = Address(socket_address=SocketAddress(address=address, port_value=80))
    endpoints = LocalityLbEndpoints(
        lb_endpoints=[LbEndpoint(endpoint=Endpoint(address=at))], priority=priority
    )
    message = ClusterLoadAssignment(cluster_name=name, endpoints=[endpoints])
    return resource(names.ENDPOINT_TYPE, name, encode(message))


def regex(text: str) -> RouteMatch:
    return RouteMatch(safe_regex=RegexMatcher(regex=text))


RING = {
    "lb_policy": ClusterLbPolicy.RING_HASH,
    "ring_hash_lb_config": ClusterRingHashLbConfig(minimum_ring_size=100, maximum_ring_size=10),
}
NOBODYS = RouteAction(
    weighted_clusters=WeightedCluster(clusters=[WeightedClusterClusterWeight(name="x", weight=0)])
)
BAD = [
    (cluster("ring", **RING), "minimum_ring_size (100)"),
    (eds("eds-ring", **RING), "minimum_ring_size (100)"),
    (cluster("timeout", connect_timeout=timedelta(seconds=-5)), "Expected positive duration"),
    (cluster("no-source", type=ClusterDiscoveryType.EDS), "without an EDS config"),
    (
        cluster("percent", outlier_detection=OutlierDetection(max_ejection_percent=300)),
        "less than or equal to 100",
    ),
    (host("regex", match=regex("(((")), "missing )"),
    (
        host(
            "format",
            response_headers_to_add=[
                HeaderValueOption(header=HeaderValue(key="x", value="%nothing%"))
            ],
        ),
        "%nothing%",
    ),
    (host("weights", route=NOBODYS), "must be greater than 0"),
    (listener("address", "nonsense"), "malformed IP address: nonsense"),
    (listener("filter", "127.0.0.1", Filter(name="what")), "'what'"),
    (assignment("priority", priority=500), "less than or equal to 128"),
    (assignment("host", "no.address"), "malformed IP address: no.address"),
]
GOOD = [
    *[cluster(f"static-{number}") for number in range(40)],
    *[eds(f"eds-{number}") for number in range(40)],
    *[host(f"host-{number}") for number in range(40)],
    *[listener(f"listener-{number}") for number in range(5)],
    *[assignment(f"assignment-{number}") for number in range(40)],
]


@pytest.mark.parametrize(("bad", "words"), BAD, ids=[bad.name for bad, _ in BAD])
async def test_a_bad_resource_is_found_among_good_ones_with_envoys_reason(
    bad: Resource, words: str
) -> None:
    read = CountingRuns()
    found = await rejected([*GOOD[::7], bad, *GOOD[::11]], read)
    assert list(found) == [bad]
    assert words in found[bad]
    assert read.count <= 16, read.count


async def test_what_is_good_takes_one_run() -> None:
    read = CountingRuns()
    assert await rejected(GOOD, read) == {}
    assert read.count == 1


async def test_all_bad_ones_are_found_in_a_few_runs_each() -> None:
    read = CountingRuns()
    found = await rejected([*GOOD, *[bad for bad, _ in BAD]], read)
    assert set(found) == {bad for bad, _ in BAD}
    assert read.count <= 4 * len(BAD) + 8, read.count


async def test_one_among_a_thousand_takes_few_runs() -> None:
    read = CountingRuns()
    bad = host("bad", match=regex("("))
    suspects = [cluster(f"cluster-{number}") for number in range(999)]
    assert list(await rejected([*suspects, bad], read)) == [bad]
    assert read.count <= 5, read.count


async def test_resources_of_one_name_and_listeners_on_one_address_are_judged_together() -> None:
    same = [cluster("one"), cluster("one", connect_timeout=timedelta(seconds=1), **RING)]
    found = await rejected([*same, listener("a"), listener("a", "127.0.0.1")], CountingRuns())
    assert list(found) == [same[1]]


async def test_routes_are_judged_without_what_only_rds_may_say() -> None:
    source = ConfigSource(ads=AggregatedConfigSource())
    message = RouteConfiguration(name="80", vhds=Vhds(config_source=source))
    routes = resource(names.ROUTE_TYPE, "80", encode(message))
    assert await rejected([routes], CountingRuns()) == {}


async def test_what_our_bootstraps_and_route_configurations_allow_is_accepted() -> None:
    body = DataSource(inline_bytes=b"x" * MAX_BODY_BYTES)
    answer = Route(
        match=RouteMatch(prefix="/"), direct_response=DirectResponseAction(status=200, body=body)
    )
    long_answer = VirtualHost(name="80/long:80", domains=["long"], routes=[answer])
    allowed = [
        host("complex", match=regex("a" * 1024)),
        resource(names.VIRTUAL_HOST_TYPE, "80/long:80", encode(long_answer)),
    ]
    assert await rejected(allowed, CountingRuns()) == {}


def test_listeners_of_proxyless_clients_and_unknown_types_are_not_for_envoy_to_judge() -> None:
    message = Listener(name="xds", api_listener=ApiListener())
    assert not can_judge(resource(names.LISTENER_TYPE, "xds", encode(message)))
    assert not can_judge(resource("type.googleapis.com/what.Ever", "x", b""))


def golden_resources() -> Sequence[Resource]:
    return [
        made
        for case in goldens.CASES
        for proxy in goldens.proxies(case)
        if proxy.node.mode is not Mode.PROXYLESS
        for inline in (False, True)
        for held in resources(
            mesh((goldens.HERE / case / "in.yaml").read_text()), proxy.node, inline=inline
        ).values()
        for made in held
    ]


async def test_everything_that_goldens_show_is_accepted() -> None:
    held = golden_resources()
    assert len(held) > 500
    assert await rejected(held, CountingRuns()) == {}
