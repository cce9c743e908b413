"""The HTTP connection manager of each listener: routes by RDS, one filter (the router), upgrades to WebSocket.

Source: extensions.filters.network.http_connection_manager.v3.
"""

from __future__ import annotations

from functools import cache

from envoy_data_plane.envoy.config.core.v3 import (
    Http1ProtocolOptions,
    Http2ProtocolOptions,
)
from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerServerHeaderTransformation,
    HttpConnectionManagerUpgradeConfig,
    HttpFilter,
    Rds,
)

from translators.codec import new, pack
from translators.envoy.config_source import ads
from translators.envoy.durations import NO_LIMIT

_FILTER_NAME = "envoy.filters.network.http_connection_manager"


def http_connection_manager(
    stat_prefix: str, route: str, *, connect: bool = False
) -> HttpConnectionManager:
    """Requests of HTTP/1 and HTTP/2, routed by a route configuration; with ``connect`` also tunnels.

    Streams may be idle for as long as they like, and the server header is the application's.
    """
    upgrades = [new(HttpConnectionManagerUpgradeConfig)(upgrade_type="websocket")]
    if connect:
        upgrades.append(new(HttpConnectionManagerUpgradeConfig)(upgrade_type="CONNECT"))
    return new(HttpConnectionManager)(
        stat_prefix=stat_prefix,
        rds=new(Rds)(config_source=ads(), route_config_name=route),
        http_filters=[_router()],
        http_protocol_options=new(Http1ProtocolOptions)(accept_http_10=True),
        http2_protocol_options=new(Http2ProtocolOptions)(allow_connect=True) if connect else None,
        server_header_transformation=(HttpConnectionManagerServerHeaderTransformation.PASS_THROUGH),
        stream_idle_timeout=NO_LIMIT,
        use_remote_address=False,
        normalize_path=True,
        upgrade_configs=upgrades,
    )


def http_filter(stat_prefix: str, route: str, *, connect: bool = False) -> Filter:
    """The connection manager as a network filter."""
    manager = http_connection_manager(stat_prefix, route, connect=connect)
    return new(Filter)(name=_FILTER_NAME, typed_config=pack(manager))


def proxyless_manager(route: str) -> HttpConnectionManager:
    """What a gRPC client reads of a connection manager: its routes and its filters."""
    return new(HttpConnectionManager)(
        stat_prefix=route,
        rds=new(Rds)(config_source=ads(), route_config_name=route),
        http_filters=[_router()],
    )


@cache
def _router() -> HttpFilter:
    return new(HttpFilter)(name="envoy.filters.http.router", typed_config=pack(new(Router)()))
