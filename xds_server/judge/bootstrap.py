"""Resources in a static bootstrap, so that `envoy --mode validate` reads them.

In: encoded resources of any known type. Out: an encoded bootstrap. Nothing is decoded: the bytes of
the resources stand in it as they are, with what has to differ behind them, because of a field
that is given twice the last one counts (https://protobuf.dev/programming-guides/encoding/, "Last
One Wins").

* Clusters and listeners get a name of their own, the *tag*, by which Envoy's words and log name
  them; so resources that have the same name can be judged together. Listeners get a port of their
  own too, as Envoy refuses two on one address.
* A route configuration stands in a listener of its own, as Envoy does not follow references to
  RDS; a virtual host stands in a route configuration of its own.
* A load assignment stands in a static cluster of its own.

What of a resource is judged only together with others is not seen: two listeners on one address,
two hosts of one domain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final

from envoy_data_plane.envoy.config.bootstrap.v3 import (
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
    GrpcService,
    GrpcServiceEnvoyGrpc,
    Node,
    Pipe,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy_data_plane.google.protobuf import Struct, Value

from translators import names
from translators.codec import any_bytes, encode, field_number, pack, type_url
from translators.codec.wire import LENGTH, delimited, read_varint, scan, string, tag, varint
from translators.model.resource import Resource
from translators.model.routing import MAX_BODY_BYTES

_TAG: Final = "judged-"
_TAGS: Final = re.compile(rf"{_TAG}(\d+)(?!\d)")
_CONTROL_PLANE: Final = "xds"
_FIRST_PORT: Final = 1024
_PORTS: Final = 65536 - _FIRST_PORT

LIMIT: Final = 400
"""So many resources are judged at once at most."""


def can_judge(resource: Resource) -> bool:
    """Whether a resource can stand in a bootstrap.

    Those of unknown types cannot, nor listeners of clients that are no Envoys, nor stubs.
    """
    if not resource.part:
        return False
    if resource.type_url == names.LISTENER_TYPE:
        return all(number != _API_LISTENER for number, *_ in scan(resource.body))
    return resource.type_url in _PLACES


def bootstrap(resources: Sequence[Resource]) -> bytes:
    """The encoded bootstrap that holds resources; each is tagged with its place in the sequence.

    Raises:
        KeyError: A resource is of a type that cannot be judged.
    """
    fields = [
        _PLACES[resource.type_url](resource.body, f"{_TAG}{place}", place)
        for place, resource in enumerate(resources)
    ]
    # The control plane stands behind what is judged, so that indices begin with that.
    return delimited(_STATIC_RESOURCES, b"".join(fields)) + _frame()


def tagged_places(text: str) -> list[int]:
    """The places of the resources that are named in a text, in the order in which they are."""
    return [int(match[1]) for match in _TAGS.finditer(text)]


def untagged(text: str, resources: Sequence[Resource]) -> str:
    """A text with the names of the resources in place of their tags."""

    def name(match: re.Match[str]) -> str:
        place = int(match[1])
        return resources[place].name if place < len(resources) else match[0]

    return _TAGS.sub(name, text)


def indexed_places(resources: Iterable[Resource]) -> Mapping[str, list[int]]:
    """List of the bootstrap (`Clusters`, `Listeners`) → the place of each of its items.

    Envoy's checks of protobuf's constraints name an item by its index.
    """
    places: dict[str, list[int]] = {"Clusters": [], "Listeners": []}
    for place, resource in enumerate(resources):
        places[_LISTS[resource.type_url]].append(place)
    return places


def load_order(resources: Sequence[Resource]) -> list[int]:
    """The places of what Envoy reads as clusters, in the order in which it does."""
    order = [
        (_is_eds(resource), place)
        for place, resource in enumerate(resources)
        if _LISTS[resource.type_url] == "Clusters"
    ]
    return [place for _, place in sorted(order)]


def _is_eds(resource: Resource) -> bool:
    if resource.type_url != names.CLUSTER_TYPE:
        return False
    body = resource.body
    return any(
        number == _CLUSTER_DISCOVERY and read_varint(body, start)[0] == ClusterDiscoveryType.EDS
        for number, _, start, _ in scan(body)
    )


def _cluster(body: bytes, tagged: str, place: int) -> bytes:
    del place
    return delimited(_CLUSTERS, body + string(_CLUSTER_NAME, tagged))


def _assignment(body: bytes, tagged: str, place: int) -> bytes:
    del place
    return delimited(
        _CLUSTERS, _static_cluster() + string(_CLUSTER_NAME, tagged) + delimited(_ASSIGNMENT, body)
    )


def _listener(body: bytes, tagged: str, place: int) -> bytes:
    port = encode(Address(socket_address=SocketAddress(port_value=_FIRST_PORT + place % _PORTS)))
    return delimited(_LISTENERS, body + string(_LISTENER_NAME, tagged) + delimited(_ADDRESS, port))


def _routes(body: bytes, tagged: str, place: int) -> bytes:
    """A listener with the route configuration in it.

    Without VHDS: Envoy takes that from RDS only.
    """
    del place
    kept = b"".join(
        tag(number, wire_type)
        + (varint(stop - start) if wire_type == LENGTH else b"")
        + body[start:stop]
        for number, wire_type, start, stop in scan(body)
        if number != _VHDS
    )
    unchecked = tag(_VALIDATE_CLUSTERS, LENGTH) + varint(0)
    manager = _manager() + delimited(_ROUTE_CONFIG, kept + unchecked)
    filter_ = string(_FILTER_NAME, "http") + delimited(_TYPED_CONFIG, any_bytes(_MANAGER, manager))
    chain = delimited(_FILTERS, filter_)
    at = encode(Address(pipe=Pipe(path=f"/nonexistent/{tagged}")))
    return delimited(
        _LISTENERS,
        string(_LISTENER_NAME, tagged) + delimited(_ADDRESS, at) + delimited(_CHAINS, chain),
    )


def _virtual_host(body: bytes, tagged: str, place: int) -> bytes:
    return _routes(delimited(_VIRTUAL_HOSTS, body) + _limits(), tagged, place)


@cache
def _limits() -> bytes:
    """What the route configuration of a host says of bodies; see `routes.route_configurations`."""
    return encode(RouteConfiguration(max_direct_response_body_size_bytes=MAX_BODY_BYTES))


@cache
def _static_cluster() -> bytes:
    return encode(Cluster(type=ClusterDiscoveryType.STATIC))


@cache
def _manager() -> bytes:
    router = HttpFilter(name="envoy.filters.http.router", typed_config=pack(Router()))
    return encode(HttpConnectionManager(stat_prefix="judged", http_filters=[router]))


@cache
def _frame() -> bytes:
    """All of the bootstrap but what is judged.

    Listeners refer to ADS, so there is a source of it, at a socket where nobody listens.
    """
    nowhere = Address(pipe=Pipe(path="/nonexistent/xds.sock"))
    host = LbEndpoint(endpoint=Endpoint(address=nowhere))
    ads = ApiConfigSource(
        api_type=ApiConfigSourceApiType.DELTA_GRPC,
        transport_api_version=ApiVersion.V3,
        grpc_services=[GrpcService(envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name=_CONTROL_PLANE))],
    )
    control_plane = Cluster(
        name=_CONTROL_PLANE,
        type=ClusterDiscoveryType.STATIC,
        load_assignment=ClusterLoadAssignment(
            cluster_name=_CONTROL_PLANE, endpoints=[LocalityLbEndpoints(lb_endpoints=[host])]
        ),
    )
    runtime = RuntimeLayer(name="static", static_layer=Struct(fields=dict(_RUNTIME)))
    return encode(
        Bootstrap(
            node=Node(id="judge", cluster="judge"),
            dynamic_resources=BootstrapDynamicResources(ads_config=ads),
            layered_runtime=LayeredRuntime(layers=[runtime]),
        )
    ) + delimited(_STATIC_RESOURCES, delimited(_CLUSTERS, encode(control_plane)))


_RUNTIME: Final = MappingProxyType({"re2.max_program_size.error_level": Value(number_value=32768)})
"""What Istio's bootstraps and ours let an expression be; Envoy's own default is 100."""
_STATIC_RESOURCES: Final = field_number(Bootstrap, "static_resources")
_CLUSTERS: Final = field_number(BootstrapStaticResources, "clusters")
_LISTENERS: Final = field_number(BootstrapStaticResources, "listeners")
_CLUSTER_NAME: Final = field_number(Cluster, "name")
_CLUSTER_DISCOVERY: Final = field_number(Cluster, "type")
_ASSIGNMENT: Final = field_number(Cluster, "load_assignment")
_LISTENER_NAME: Final = field_number(Listener, "name")
_API_LISTENER: Final = field_number(Listener, "api_listener")
_ADDRESS: Final = field_number(Listener, "address")
_CHAINS: Final = field_number(Listener, "filter_chains")
_FILTERS: Final = field_number(FilterChain, "filters")
_FILTER_NAME: Final = field_number(Filter, "name")
_TYPED_CONFIG: Final = field_number(Filter, "typed_config")
_ROUTE_CONFIG: Final = field_number(HttpConnectionManager, "route_config")
_VIRTUAL_HOSTS: Final = field_number(RouteConfiguration, "virtual_hosts")
_VALIDATE_CLUSTERS: Final = field_number(RouteConfiguration, "validate_clusters")
_VHDS: Final = field_number(RouteConfiguration, "vhds")
_MANAGER: Final = type_url(HttpConnectionManager)

_PLACES: Final = {
    names.CLUSTER_TYPE: _cluster,
    names.ENDPOINT_TYPE: _assignment,
    names.LISTENER_TYPE: _listener,
    names.ROUTE_TYPE: _routes,
    names.VIRTUAL_HOST_TYPE: _virtual_host,
}
_LISTS: Final = {
    names.CLUSTER_TYPE: "Clusters",
    names.ENDPOINT_TYPE: "Clusters",
    names.LISTENER_TYPE: "Listeners",
    names.ROUTE_TYPE: "Listeners",
    names.VIRTUAL_HOST_TYPE: "Listeners",
}
