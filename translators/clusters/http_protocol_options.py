"""How Envoy speaks HTTP to a cluster's hosts, and how long their connections live."""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import UpstreamConnectionOptions
from envoy_data_plane.envoy.config.core.v3 import (
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    TcpKeepalive,
)
from envoy_data_plane.envoy.config.core.v3 import HttpProtocolOptions as CommonOptions
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions,
    HttpProtocolOptionsExplicitHttpConfig,
    HttpProtocolOptionsUseDownstreamHttpConfig,
)
from envoy_data_plane.google.protobuf import Any

from translators.codec import new, pack
from translators.model.policy import ConnectionPool
from translators.model.service import Protocol

_EXTENSION = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def typed_extension_protocol_options(protocol: Protocol, pool: ConnectionPool) -> dict[str, Any]:
    """The HTTP options of a cluster.

    Empty where Envoy's default, HTTP/1.1, is meant, or no HTTP at all.

    gRPC and HTTP/2 ports get HTTP/2, HTTP ports HTTP/1.1 unless the pool upgrades them, and ports
    of unknown protocol whatever the client speaks.
    """
    if protocol in (Protocol.TCP, Protocol.TLS):
        return {}
    common = _common(pool)
    http2 = _http2(protocol, pool)
    options = new(HttpProtocolOptions)(common_http_protocol_options=common)
    if protocol is Protocol.AUTO or pool.use_client_protocol:
        options.use_downstream_protocol_config = new(HttpProtocolOptionsUseDownstreamHttpConfig)(
            http_protocol_options=new(Http1ProtocolOptions)(), http2_protocol_options=_limits(pool)
        )
    elif http2 is not None:
        options.explicit_http_config = new(HttpProtocolOptionsExplicitHttpConfig)(
            http2_protocol_options=http2
        )
    elif common is not None:
        options.explicit_http_config = new(HttpProtocolOptionsExplicitHttpConfig)(
            http_protocol_options=new(Http1ProtocolOptions)()
        )
    else:
        return {}
    return {_EXTENSION: pack(options)}


def _http2(protocol: Protocol, pool: ConnectionPool) -> Http2ProtocolOptions | None:
    is_http2 = protocol in (Protocol.GRPC, Protocol.HTTP2) or pool.h2_upgrade is True
    return _limits(pool) if is_http2 else None


def _limits(pool: ConnectionPool) -> Http2ProtocolOptions:
    return new(Http2ProtocolOptions)(max_concurrent_streams=_positive(pool.max_concurrent_streams))


def _common(pool: ConnectionPool) -> CommonOptions | None:
    """Limits on the life of connections, or None for Envoy's defaults.

    An hour idle, any number of requests.
    """
    given = (pool.http_idle_timeout, pool.max_connection_duration)
    if given == (None, None) and pool.max_requests_per_connection <= 0:
        return None
    return new(CommonOptions)(
        idle_timeout=pool.http_idle_timeout,
        max_connection_duration=pool.max_connection_duration,
        max_requests_per_connection=_positive(pool.max_requests_per_connection),
    )


def _positive(number: int) -> int | None:
    return number if number > 0 else None


def upstream_connection_options(pool: ConnectionPool) -> UpstreamConnectionOptions | None:
    """TCP keepalive, or None when it is not asked for.

    What is not given is the operating system's.
    """
    keepalive = pool.tcp_keepalive
    if keepalive is None:
        return None
    time, interval = keepalive.time, keepalive.interval
    return new(UpstreamConnectionOptions)(
        tcp_keepalive=new(TcpKeepalive)(
            keepalive_probes=keepalive.probes or None,
            keepalive_time=None if time is None else int(time.total_seconds()),
            keepalive_interval=None if interval is None else int(interval.total_seconds()),
        )
    )
