"""One endpoint as bytes, kept: of a thousand endpoints, an edit changes one."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address

from translators.codec.wire import BYTES, delimited, string, varint
from translators.model.service import Health

HEALTH_STATUS = {Health.HEALTHY: 0, Health.UNHEALTHY: 2, Health.DRAINING: 3}
"""`envoy.config.core.v3.HealthStatus`; healthy is sent as unknown, which Envoy takes to be healthy."""

_UNIX = "unix://"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}").fullmatch
_LB_ENDPOINTS, _ENDPOINT, _ADDRESS, _PIPE = 2, 1, 1, 2
_WEIGHT, _UINT32_VALUE = 4, b"\x08"
_HEALTH_STATUS = b"\x10"
_SOCKET_ADDRESS = b"\x0a%c\x12%c%b\x18%b"
"""Field 1 of `Address`: its length, then `address` (2) with its length, and `port_value` (3)."""


@lru_cache(maxsize=1 << 17)
def lb_endpoint(address: str, port: int, weight: int, health: int) -> bytes:
    """An `LbEndpoint` as an entry of `LocalityLbEndpoints.lb_endpoints`, with tag and length.

    Nothing at all for an address that is neither an IP nor `unix://path`: Envoy would refuse the whole message for it,
    as only DNS clusters look names up. A weight of 1 is Envoy's default and is left out.
    """
    where = _address(address, port)
    if not where:
        return b""
    body = delimited(_ENDPOINT, delimited(_ADDRESS, where))
    if health:
        body += _HEALTH_STATUS + varint(health)
    if weight != 1:
        body += delimited(_WEIGHT, _UINT32_VALUE + varint(weight))
    return delimited(_LB_ENDPOINTS, body)


def _address(address: str, port: int) -> bytes:
    if not _IPV4(address):
        if address.startswith(_UNIX):
            return delimited(_PIPE, string(1, address.removeprefix(_UNIX)))
        if not _is_ipv6(address):
            return b""
    text = address.encode()
    number = BYTES[port] if port < 128 else varint(port)
    length = len(text)
    return _SOCKET_ADDRESS % (length + len(number) + 3, length, text, number)


def _is_ipv6(address: str) -> bool:
    """Whether it is an IPv6 address; one with a scope is of no use to others than the host that wrote it."""
    try:
        return IPv6Address(address).scope_id is None
    except ValueError:
        return False
