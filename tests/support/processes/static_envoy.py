"""Translated resources in a static bootstrap.

For `--mode validate`, and for an Envoy that needs no control plane.

Envoy does not follow references to RDS or EDS there, so route configurations are put inline, and
Envoy then checks them too.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from envoy_data_plane.envoy.config.bootstrap.v3 import (
    Admin,
    Bootstrap,
    BootstrapDynamicResources,
    BootstrapStaticResources,
    LayeredRuntime,
    RuntimeLayer,
)
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    ApiConfigSource,
    ApiConfigSourceApiType,
    ApiVersion,
    DataSource,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    HeaderValue,
    HeaderValueOption,
    Node,
    Pipe,
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
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy_data_plane.google.protobuf import Any, Struct, Value

from tests.support.documents.proxy_resources import resources
from translators import names
from translators.codec import decode, encode, field_number, pack, type_url
from translators.codec.wire import delimited
from translators.database import Database
from translators.model.proxy_node import Mode, ProxyNode
from translators.model.resource import Resource, resource

_MANAGER = type_url(HttpConnectionManager)
_CONTROL_PLANE = "xds"
_RUNTIME = RuntimeLayer(
    name="static",
    static_layer=Struct(fields={"re2.max_program_size.error_level": Value(number_value=32768)}),
)
"""What every bootstrap of ours and of Istio says of regular expressions."""


def with_routes_inline(listener: Listener, routes: Mapping[str, RouteConfiguration]) -> Listener:
    """The listener with each RDS reference replaced by the route configuration of that name.

    Raises:
        KeyError: It asks for one that is not there.
    """
    chains = [*listener.filter_chains]
    if listener.default_filter_chain is not None:
        chains.append(listener.default_filter_chain)
    for chain in chains:
        for one in chain.filters:
            if one.typed_config is not None and one.typed_config.type_url == _MANAGER:
                manager = decode(HttpConnectionManager, one.typed_config.value)
                assert manager.rds is not None
                manager.route_config = routes[manager.rds.route_config_name]
                manager.rds = None
                one.typed_config = pack(manager)
    return listener


def pipe(path: Path) -> Address:
    """A Unix socket's address."""
    return Address(pipe=Pipe(path=str(path)))


def static_cluster(name: str, at: Address) -> Cluster:
    """A cluster with one host."""
    host = LbEndpoint(endpoint=Endpoint(address=at))
    return Cluster(
        name=name,
        type=ClusterDiscoveryType.STATIC,
        load_assignment=ClusterLoadAssignment(
            cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=[host])]
        ),
    )


def echo_listener(name: str, at: Address) -> Listener:
    """Answers every request with this name, and tells in headers what it got.

    Path, authority and the header `x-probe`.
    """
    seen = {"x-path": "%REQ(:PATH)%", "x-authority": "%REQ(:AUTHORITY)%", "x-saw": "%REQ(X-PROBE)%"}
    answer = Route(
        match=RouteMatch(prefix="/"),
        direct_response=DirectResponseAction(status=200, body=DataSource(inline_string=name)),
        response_headers_to_add=[
            HeaderValueOption(header=HeaderValue(key=key, value=value))
            for key, value in seen.items()
        ],
    )
    table = RouteConfiguration(
        name=name, virtual_hosts=[VirtualHost(name="*", domains=["*"], routes=[answer])]
    )
    return decode(Listener, table_listener(f"echo {name}", at, encode(table)))


def table_listener(name: str, at: Address, table: bytes) -> bytes:
    """An encoded listener with an encoded route configuration inline; joined, as it may be long."""
    router = HttpFilter(name="envoy.filters.http.router", typed_config=pack(Router()))
    manager = encode(HttpConnectionManager(stat_prefix="echo", http_filters=[router]))
    manager += delimited(field_number(HttpConnectionManager, "route_config"), table)
    packed = encode(Any(type_url=_MANAGER, value=manager))
    http = encode(Filter(name="envoy.filters.network.http_connection_manager"))
    http += delimited(field_number(Filter, "typed_config"), packed)
    chain = delimited(field_number(FilterChain, "filters"), http)
    return encode(Listener(name=name, address=at)) + delimited(
        field_number(Listener, "filter_chains"), chain
    )


def bootstrap(
    listeners: Iterable[Listener], clusters: Iterable[Cluster], admin: Address | None = None
) -> bytes:
    """An encoded bootstrap; its control plane is at a socket where nobody listens."""
    ads = ApiConfigSource(
        api_type=ApiConfigSourceApiType.DELTA_GRPC,
        transport_api_version=ApiVersion.V3,
        grpc_services=[GrpcService(envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name=_CONTROL_PLANE))],
    )
    nowhere = static_cluster(_CONTROL_PLANE, pipe(Path("/nonexistent/xds.sock")))
    return encode(
        Bootstrap(
            node=Node(id="test", cluster="test"),
            static_resources=BootstrapStaticResources(
                listeners=list(listeners), clusters=[nowhere, *clusters]
            ),
            dynamic_resources=BootstrapDynamicResources(ads_config=ads),
            admin=None if admin is None else Admin(address=admin),
            layered_runtime=LayeredRuntime(layers=[_RUNTIME]),
        )
    )


def validate(envoy: Path, config: bytes, workdir: Path) -> None:
    """Have a real Envoy check a bootstrap.

    Raises:
        AssertionError: Envoy rejects it; the message has its words.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    path = workdir / "bootstrap.pb"
    path.write_bytes(config)
    command = [str(envoy), "--mode", "validate", "--disable-hot-restart", "-l", "error"]
    done = subprocess.run(
        [*command, "-c", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"Envoy rejects {path}:\n{done.stdout}{done.stderr}"


def validate_resources(
    envoy: Path,
    workdir: Path,
    *,
    clusters: Iterable[Resource],
    listeners: Iterable[Resource],
    routes: Iterable[Resource],
) -> None:
    """Have a real Envoy check translated resources.

    Route configurations must have their hosts inline.

    Raises:
        AssertionError: Envoy rejects one; the message has its words.
    """
    tables = {one.name: decode(RouteConfiguration, one.body) for one in routes}
    checked = (with_routes_inline(decode(Listener, one.body), tables) for one in listeners)
    validate(
        envoy,
        bootstrap(checked, (decode(Cluster, one.body) for one in clusters)),
        workdir,
    )


def validate_proxy(envoy: Path, workdir: Path, db: Database, node: ProxyNode) -> None:
    """Have a real Envoy check all that a proxy holds, but for listeners that are not Envoy's.

    Raises:
        AssertionError: Envoy rejects some of it; the message has its words.
    """
    held = resources(db, node, inline=True)
    assignments = [as_cluster(assignment) for assignment in held[names.ENDPOINT_TYPE]]
    is_envoy = node.mode is not Mode.PROXYLESS
    validate_resources(
        envoy,
        workdir,
        clusters=[*held[names.CLUSTER_TYPE], *assignments],
        listeners=held[names.LISTENER_TYPE] if is_envoy else (),
        routes=held[names.ROUTE_TYPE],
    )


def as_cluster(assignment: Resource) -> Resource:
    """A static cluster with these endpoints: so Envoy checks them without a control plane."""
    message = decode(ClusterLoadAssignment, assignment.body)
    name = f"endpoints of {assignment.name}"
    message.cluster_name = name
    cluster = Cluster(name=name, type=ClusterDiscoveryType.STATIC, load_assignment=message)
    return resource(names.CLUSTER_TYPE, name, encode(cluster))
