"""The listener of a TCP service at its virtual IP, joined from bytes: a mesh may have thousands, all alike.

What comes out is what the codec would write for the same message.
"""

from __future__ import annotations

from functools import cache

from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import TcpProxy

from translators import names
from translators.codec import any_bytes, encode, new, type_url
from translators.codec.wire import delimited, string, tag, varint
from translators.listeners.filter_chains import OUTBOUND, TCP_PROXY
from translators.model.resource import Resource, resource

_PORT = tag(3, 0)
"""``SocketAddress.port_value``."""


def plain_tcp_listener(address: str, port: int, cluster: str) -> Resource:
    """All connections to an address and port go to a cluster."""
    name = names.listener(address, port)
    socket_address = string(2, address) + _PORT + varint(port)
    proxy = string(1, cluster) + string(2, cluster)
    network_filter = string(1, TCP_PROXY) + delimited(4, any_bytes(_proxy_url(), proxy))
    body = b"".join(
        (
            string(1, name),
            delimited(2, delimited(1, socket_address)),
            delimited(25, delimited(3, network_filter)),
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
