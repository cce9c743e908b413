"""Filter chains and listener filters from which the listeners are put together.

Source: config.listener.v3.FilterChainMatch. Of the chains that match, Envoy takes the one with the
most specific destination port, then destination address, server name, transport protocol and
application protocol, and does not come back to an earlier choice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import NamedTuple

from envoy_data_plane.envoy.config.core.v3 import (
    CidrRange,
    TrafficDirection,
)
from envoy_data_plane.envoy.config.listener.v3 import (
    Filter,
    FilterChain,
    FilterChainMatch,
    ListenerFilter,
)
from envoy_data_plane.envoy.extensions.filters.listener.http_inspector.v3 import HttpInspector
from envoy_data_plane.envoy.extensions.filters.listener.original_dst.v3 import OriginalDst
from envoy_data_plane.envoy.extensions.filters.listener.tls_inspector.v3 import TlsInspector
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import (
    TcpProxy,
    TcpProxyWeightedCluster,
    TcpProxyWeightedClusterClusterWeight,
)

from translators.codec import new, pack
from translators.model.resource import Reference
from translators.model.upstream import WeightedUpstream
from translators.names import ROUTE_TYPE

OUTBOUND = TrafficDirection.OUTBOUND
INBOUND = TrafficDirection.INBOUND

HTTP_PROTOCOLS = ("http/1.0", "http/1.1", "h2c")
"""What the HTTP inspector calls the protocols that it knows."""
_PLAINTEXT = "raw_buffer"
TCP_PROXY = "envoy.filters.network.tcp_proxy"


class NetworkFilter(NamedTuple):
    """A network filter, and the route configurations that Envoy will ask for because of it."""

    message: Filter
    routes: tuple[str, ...] = ()


class Chain(NamedTuple):
    """A filter chain, and the route configurations that Envoy will ask for because of it."""

    message: FilterChain
    routes: tuple[str, ...]


def tcp_proxy(
    upstreams: tuple[WeightedUpstream, ...], idle_timeout: timedelta | None = None
) -> NetworkFilter:
    """Give the filter that sends connections to an upstream, or to several by weight; at least one.

    The first names the statistics.

    `idle_timeout` None is Envoy's: one hour.
    """
    prefix = upstreams[0].upstream.cluster
    if len(upstreams) == 1:
        proxy = new(TcpProxy)(stat_prefix=prefix, cluster=prefix, idle_timeout=idle_timeout)
    else:
        split = new(TcpProxyWeightedCluster)(
            clusters=[
                new(TcpProxyWeightedClusterClusterWeight)(name=upstream.cluster, weight=weight)
                for upstream, weight in upstreams
            ]
        )
        proxy = new(TcpProxy)(
            stat_prefix=prefix, weighted_clusters=split, idle_timeout=idle_timeout
        )
    return NetworkFilter(new(Filter)(name=TCP_PROXY, typed_config=pack(proxy)))


def chain(
    network_filter: NetworkFilter, match: FilterChainMatch | None = None, name: str = ""
) -> Chain:
    """A chain of one network filter."""
    message = new(FilterChain)(
        filter_chain_match=match, filters=[network_filter.message], name=name
    )
    return Chain(message, network_filter.routes)


def routes_of(chains: Iterable[Chain]) -> tuple[Reference, ...]:
    """The route configurations that Envoy will ask for because of these chains.

    Sorted, each once.
    """
    routes = {route for chain in chains for route in chain.routes}
    return tuple(Reference(ROUTE_TYPE, route) for route in sorted(routes))


def port_match(port: int) -> FilterChainMatch:
    """Connections whose original destination has this port."""
    return new(FilterChainMatch)(destination_port=port)


def http_match() -> FilterChainMatch:
    """Connections that the HTTP inspector found to be plaintext HTTP.

    That they are plaintext keeps TLS out whose client offers HTTP: the TLS inspector gives those
    offers the same names. What is plaintext but not HTTP gets the listener's default chain.
    """
    return new(FilterChainMatch)(
        transport_protocol=_PLAINTEXT, application_protocols=list(HTTP_PROTOCOLS)
    )


def http_range_match(subnets: tuple[str, ...]) -> FilterChainMatch:
    """Connections to addresses in subnets that the HTTP inspector found to be HTTP.

    Nothing is said of the transport, as in `http_port_match`.
    """
    return new(FilterChainMatch)(
        prefix_ranges=[_cidr(subnet) for subnet in subnets],
        application_protocols=list(HTTP_PROTOCOLS),
    )


def http_port_match(port: int) -> FilterChainMatch:
    """Connections to a port that the HTTP inspector found to be HTTP.

    Nothing is said of the transport. If it were, Envoy would look for a chain of other plaintext
    connections to this port below it, and not come back to the port's own chain. No TLS inspector
    may stand before it.
    """
    return new(FilterChainMatch)(destination_port=port, application_protocols=list(HTTP_PROTOCOLS))


def branch_match(server_names: tuple[str, ...], subnets: tuple[str, ...]) -> FilterChainMatch:
    """TLS connections for one of the server names, to an address in one of the subnets.

    None of either means any.
    """
    return new(FilterChainMatch)(
        prefix_ranges=[_cidr(subnet) for subnet in subnets], server_names=list(server_names)
    )


def _cidr(subnet: str) -> CidrRange:
    """`10.0.0.0/8`; a single address is a range of itself."""
    prefix, _, length = subnet.partition("/")
    whole = 128 if ":" in prefix else 32
    return new(CidrRange)(address_prefix=prefix, prefix_len=int(length) if length else whole)


@cache
def original_destination() -> ListenerFilter:
    """Give the filter that restores where a connection went before iptables redirected it."""
    return new(ListenerFilter)(
        name="envoy.filters.listener.original_dst", typed_config=pack(new(OriginalDst)())
    )


@cache
def http_inspector() -> ListenerFilter:
    """Give the filter that waits for first bytes and says whether they are HTTP."""
    return new(ListenerFilter)(
        name="envoy.filters.listener.http_inspector", typed_config=pack(new(HttpInspector)())
    )


@cache
def tls_inspector() -> ListenerFilter:
    """The filter that says whether a connection is TLS, and for which server name.

    It waits for the first bytes.
    """
    return new(ListenerFilter)(
        name="envoy.filters.listener.tls_inspector", typed_config=pack(new(TlsInspector)())
    )
