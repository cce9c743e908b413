"""One endpoint as bytes, by a template: there are more of them than of anything else."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address

from envoy_data_plane.envoy.config.core.v3 import Address, HealthStatus, Pipe, SocketAddress
from envoy_data_plane.envoy.config.endpoint.v3 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy_data_plane.google.protobuf import UInt32Value

from translators.codec import field_number, length_tag, number_tag
from translators.codec.wire import BYTES, delimited, string, varint
from translators.envoy.addresses import UNIX
from translators.model.service import Health

HEALTH_STATUS = {
    Health.HEALTHY: int(HealthStatus.UNKNOWN),
    Health.UNHEALTHY: int(HealthStatus.UNHEALTHY),
    Health.DRAINING: int(HealthStatus.DRAINING),
}
"""Envoy's numbers; healthy is sent as unknown, which Envoy takes to be healthy."""

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}").fullmatch
_LB_ENDPOINTS = field_number(LocalityLbEndpoints, "lb_endpoints")
_ENDPOINT = field_number(LbEndpoint, "endpoint")
_ADDRESS = field_number(Endpoint, "address")
_PIPE = field_number(Address, "pipe")
_PATH = field_number(Pipe, "path")
_WEIGHT = field_number(LbEndpoint, "load_balancing_weight")
_UINT32_VALUE = number_tag(UInt32Value, "value")
_HEALTH_STATUS = number_tag(LbEndpoint, "health_status")
_AT_SOCKET = b"".join(
    (
        length_tag(LocalityLbEndpoints, "lb_endpoints") + b"%c",
        length_tag(LbEndpoint, "endpoint") + b"%c",
        length_tag(Endpoint, "address") + b"%c",
        length_tag(Address, "socket_address") + b"%c",
        length_tag(SocketAddress, "address") + b"%c%b",
        number_tag(SocketAddress, "port_value") + b"%b",
        b"%b",
    )
)
"""The whole entry around an IP address: the lengths from outside in, `address`, `port_value`, and
what follows `endpoint`. Each tag and each length is one byte; `_LONGEST_TAIL` keeps the lengths so.
"""
_HEADS = 9
"""The tags and lengths inside the outermost ones."""
_LONGEST_ADDRESS, _LONGEST_PORT = 45, 3
"""Of an IPv6 address whose end is written as IPv4, and of a port of 16 bits as a varint."""
_LONGEST_TAIL = 127 - _HEADS - _LONGEST_ADDRESS - _LONGEST_PORT


def lb_endpoint(address: str, port: int, weight: int, health: int) -> bytes:
    """An `LbEndpoint` as an entry of `LocalityLbEndpoints.lb_endpoints`, with tag and length.

    Nothing at all for an address that is neither an IP nor `unix://path`: Envoy would reject the
    whole message for it, as only DNS clusters look names up. A weight of 1 is Envoy's default and
    is left out.
    """
    tail = b"" if weight == 1 and not health else _tail(weight, health)
    if not _IPV4(address):
        if address.startswith(UNIX):
            return _at_pipe(address.removeprefix(UNIX), tail)
        if not _is_ipv6(address):
            return b""
    text = address.encode()
    number = BYTES[port] if port < 128 else varint(port)
    length = len(text)
    inner = length + len(number) + 3
    rest = len(tail)
    return _AT_SOCKET % (
        inner + 6 + rest, inner + 4, inner + 2, inner, length, text, number, tail,
    )  # fmt: skip


kept_lb_endpoint = lru_cache(maxsize=1 << 17)(lb_endpoint)
"""The same, kept: for services with so many endpoints that an edit of one should not cost an
encoding of all.
"""


@lru_cache(maxsize=1024)
def _tail(weight: int, health: int) -> bytes:
    """Health status and weight."""
    status = _HEALTH_STATUS + varint(health) if health else b""
    share = delimited(_WEIGHT, _UINT32_VALUE + varint(weight)) if weight != 1 else b""
    tail = status + share
    if len(tail) > _LONGEST_TAIL:
        raise ValueError(f"{len(tail)} bytes behind an endpoint need lengths of two bytes")
    return tail


def _at_pipe(path: str, tail: bytes) -> bytes:
    where = delimited(_ADDRESS, delimited(_PIPE, string(_PATH, path)))
    return delimited(_LB_ENDPOINTS, delimited(_ENDPOINT, where) + tail)


@lru_cache(maxsize=4096)
def _is_ipv6(address: str) -> bool:
    """Whether it is an IPv6 address.

    One with a scope is of no use to others than the host that wrote it.
    """
    try:
        return IPv6Address(address).scope_id is None
    except ValueError:
        return False
