"""The HTTP connection manager of each listener: routes by RDS, upgrades to WebSocket.

Source: extensions.filters.network.http_connection_manager.v3. Which HTTP filters it holds is
decided in `translators.http_filters`.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import Http1ProtocolOptions, Http2ProtocolOptions
from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerServerHeaderTransformation,
    HttpConnectionManagerUpgradeConfig,
    Rds,
)

from translators.codec import new, pack
from translators.envoy.config_source import ads
from translators.envoy.durations import NO_LIMIT
from translators.http_filters import Placement, http_filters
from translators.listeners.filter_chains import INBOUND, OUTBOUND, NetworkFilter

_NAME = "envoy.filters.network.http_connection_manager"
_OUTBOUND, _INBOUND = Placement(OUTBOUND), Placement(INBOUND)
_PROXYLESS = Placement(OUTBOUND, is_proxyless=True)


def outbound_manager(stat_prefix: str, route: str, *, connect: bool = False) -> NetworkFilter:
    """Give the network filter for requests that a workload sends; with `connect` also tunnels."""
    return _network_filter(_OUTBOUND, stat_prefix, route, connect=connect)


def inbound_manager(stat_prefix: str, route: str) -> NetworkFilter:
    """Give the network filter for requests that arrive at a workload."""
    return _network_filter(_INBOUND, stat_prefix, route, connect=False)


def proxyless_manager(route: str) -> HttpConnectionManager:
    """Give what a gRPC client reads of a connection manager: its routes and its filters."""
    return new(HttpConnectionManager)(
        stat_prefix=route, rds=_rds(route), http_filters=http_filters(_PROXYLESS)
    )


def _network_filter(at: Placement, stat_prefix: str, route: str, *, connect: bool) -> NetworkFilter:
    """Give a manager of HTTP/1 and HTTP/2 requests, routed by a route configuration.

    Streams may be idle for as long as they like, and the server header is the application's.
    """
    upgrades = [new(HttpConnectionManagerUpgradeConfig)(upgrade_type="websocket")]
    if connect:
        upgrades.append(new(HttpConnectionManagerUpgradeConfig)(upgrade_type="CONNECT"))
    manager = new(HttpConnectionManager)(
        stat_prefix=stat_prefix,
        rds=_rds(route),
        http_filters=http_filters(at),
        http_protocol_options=new(Http1ProtocolOptions)(accept_http_10=True),
        http2_protocol_options=new(Http2ProtocolOptions)(allow_connect=True) if connect else None,
        server_header_transformation=(HttpConnectionManagerServerHeaderTransformation.PASS_THROUGH),
        stream_idle_timeout=NO_LIMIT,
        use_remote_address=False,
        normalize_path=True,
        upgrade_configs=upgrades,
    )
    return NetworkFilter(new(Filter)(name=_NAME, typed_config=pack(manager)), (route,))


def _rds(route: str) -> Rds:
    return new(Rds)(config_source=ads(), route_config_name=route)
