"""A gRPC client without any sidecar finds its servers by `xds:///` from the stream layer alone."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterDiscoveryType,
    ClusterEdsClusterConfig,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    AggregatedConfigSource,
    ApiVersion,
    ConfigSource,
    Locality,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.config.listener.v3 import ApiListener, Listener
from envoy_data_plane.envoy.config.route.v3 import (
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
    Rds,
)

from tests.support.fakes.raw_resources import Key, RawResources
from tests.support.processes.upstreams import GRPC_METHOD, GrpcUpstream, Instance
from translators.codec import encode, pack
from translators.names import CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE, ROUTE_TYPE
from xds_server.ads.diff import Response
from xds_server.ads.service import AdsService
from xds_server.ads.silent_observer import SilentObserver
from xds_server.ads.stream import Stream
from xds_server.clock import SystemClock
from xds_server.grpc_server import GrpcServer, ServerLimits, serving

ADS = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
CLIENT = f"""
import sys, grpc
with grpc.insecure_channel("xds:///svc") as channel:
    say = channel.unary_unary("{GRPC_METHOD}")
    for line in sys.stdin:
        print(say(b"", timeout=10, wait_for_ready=True).decode(), flush=True)
"""


class Counts(SilentObserver):
    """NACKs and how often each type was sent."""

    def __init__(self) -> None:
        self.nacks: list[str] = []
        self.pushes: Counter[str] = Counter()

    def nacked(
        self, _stream: Stream, _type_url: str, _response: Response, _code: int, message: str
    ) -> None:
        self.nacks.append(message)

    def pushed(self, _stream: Stream, type_url: str, _response: Response) -> None:
        self.pushes[type_url] += 1


def listener() -> tuple[Key, bytes]:
    manager = HttpConnectionManager(
        rds=Rds(config_source=ADS, route_config_name="r"),
        http_filters=[HttpFilter(name="envoy.filters.http.router", typed_config=pack(Router()))],
    )
    message = Listener(name="svc", api_listener=ApiListener(api_listener=pack(manager)))
    return (LISTENER_TYPE, "svc"), encode(message)


def route(target: str) -> tuple[Key, bytes]:
    host = VirtualHost(
        name="svc",
        domains=["*"],
        routes=[Route(match=RouteMatch(prefix=""), route=RouteAction(cluster=target))],
    )
    return (ROUTE_TYPE, "r"), encode(RouteConfiguration(name="r", virtual_hosts=[host]))


def cluster(name: str, port: int) -> dict[Key, bytes]:
    found = Cluster(
        name=name,
        type=ClusterDiscoveryType.EDS,
        eds_cluster_config=ClusterEdsClusterConfig(eds_config=ADS),
        connect_timeout=timedelta(seconds=1),
    )
    address = SocketAddress(address="127.0.0.1", port_value=port)
    hosts = LocalityLbEndpoints(
        locality=Locality(zone="a"),
        load_balancing_weight=1,
        lb_endpoints=[LbEndpoint(endpoint=Endpoint(address=Address(socket_address=address)))],
    )
    return {
        (CLUSTER_TYPE, name): encode(found),
        (ENDPOINT_TYPE, name): encode(ClusterLoadAssignment(cluster_name=name, endpoints=[hosts])),
    }


async def test_grpc_client_follows_a_route_from_one_cluster_to_another() -> None:
    raw, counts = RawResources(), Counts()
    limits = ServerLimits(drain=timedelta(seconds=0.1))
    server = GrpcServer((AdsService(raw, SystemClock(), counts),), limits)
    port = server.listen("127.0.0.1:0")
    bootstrap = {
        "xds_servers": [
            {
                "server_uri": f"127.0.0.1:{port}",
                "channel_creds": [{"type": "insecure"}],
                "server_features": ["xds_v3"],
            }
        ],
        "node": {"id": "client.default"},
    }
    async with (
        GrpcUpstream(Instance("one")) as one,
        GrpcUpstream(Instance("two")) as two,
        serving(server),
    ):
        raw.update(
            "*",
            {
                **dict([listener(), route("one")]),
                **cluster("one", one.instance.port),
                **cluster("unused", 1),
            },
        )
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT,
            env={**os.environ, "GRPC_XDS_BOOTSTRAP_CONFIG": json.dumps(bootstrap)},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert client.stdin is not None
        assert client.stdout is not None

        async def call() -> str:
            client.stdin.write(b"\n")
            async with asyncio.timeout(15):
                line = await client.stdout.readline()
            return str(json.loads(line)["instance"])

        try:
            assert await call() == "one"
            pushes = counts.pushes[CLUSTER_TYPE]
            raw.update("*", cluster("nobody-s", 2))
            assert await call() == "one"
            assert counts.pushes[CLUSTER_TYPE] == pushes, "it did not ask for that cluster"
            raw.update(
                "*",
                {**dict([route("two")]), **cluster("two", two.instance.port)},
                removed=[(CLUSTER_TYPE, "one"), (ENDPOINT_TYPE, "one")],
            )
            async with asyncio.timeout(5):
                while await call() != "two":
                    await asyncio.sleep(0.02)
        finally:
            client.kill()
            await client.wait()
    assert counts.nacks == []
