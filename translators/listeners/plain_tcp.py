"""The listener of a TCP service at its virtual IP, joined from bytes.

A mesh may have thousands, all alike.

What comes out is what the codec would write for the same message.
"""

from __future__ import annotations

from functools import cache

from envoy_data_plane.envoy.config.core.v3 import Address, SocketAddress
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import TcpProxy

from translators import names
from translators.codec import any_bytes, encode, field_number, new, number_tag, type_url
from translators.codec.wire import delimited, string, varint
from translators.listeners.filter_chains import OUTBOUND, TCP_PROXY
from translators.model.resource import Resource, resource
from translators.model.upstream import Upstream

_NAME = field_number(Listener, "name")
_ADDRESS = field_number(Listener, "address")
_DEFAULT_FILTER_CHAIN = field_number(Listener, "default_filter_chain")
_SOCKET_ADDRESS = field_number(Address, "socket_address")
_HOST = field_number(SocketAddress, "address")
_PORT_VALUE = number_tag(SocketAddress, "port_value")
_FILTERS = field_number(FilterChain, "filters")
_FILTER_NAME = field_number(Filter, "name")
_TYPED_CONFIG = field_number(Filter, "typed_config")
_STAT_PREFIX = field_number(TcpProxy, "stat_prefix")
_CLUSTER = field_number(TcpProxy, "cluster")


def plain_tcp_listener(address: str, port: int, upstream: Upstream) -> Resource:
    """All connections to an address and port go to an upstream."""
    name = names.listener(address, port)
    socket_address = string(_HOST, address) + _PORT_VALUE + varint(port)
    proxy = string(_STAT_PREFIX, upstream.cluster) + string(_CLUSTER, upstream.cluster)
    config = delimited(_TYPED_CONFIG, any_bytes(_proxy_url(), proxy))
    network_filter = string(_FILTER_NAME, TCP_PROXY) + config
    body = b"".join(
        (
            string(_NAME, name),
            delimited(_ADDRESS, delimited(_SOCKET_ADDRESS, socket_address)),
            delimited(_DEFAULT_FILTER_CHAIN, delimited(_FILTERS, network_filter)),
            _tail(),
        )
    )
    return resource(names.LISTENER_TYPE, name, body)


@cache
def _proxy_url() -> str:
    return type_url(TcpProxy)


@cache
def _tail() -> bytes:
    """The fields that all of them share."""
    return encode(new(Listener)(traffic_direction=OUTBOUND, bind_to_port=False))
