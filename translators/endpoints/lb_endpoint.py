"""One endpoint as bytes, by a template: there are more of them than of anything else."""

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
_AT_SOCKET = b"\x12%c\x0a%c\x0a%c\x0a%c\x12%c%b\x18%b%b"
"""The whole entry around an IP address: the lengths from outside in, `address`, `port_value`, and what follows `endpoint`.

None of the lengths needs a second byte.
"""


def lb_endpoint(address: str, port: int, weight: int, health: int) -> bytes:
    """An `LbEndpoint` as an entry of `LocalityLbEndpoints.lb_endpoints`, with tag and length.

    Nothing at all for an address that is neither an IP nor `unix://path`: Envoy would refuse the whole message for it,
    as only DNS clusters look names up. A weight of 1 is Envoy's default and is left out.
    """
    tail = b"" if weight == 1 and not health else _tail(weight, health)
    if not _IPV4(address):
        if address.startswith(_UNIX):
            return _at_pipe(address.removeprefix(_UNIX), tail)
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
"""The same, kept: for services with so many endpoints that an edit of one should not cost an encoding of all."""


@lru_cache(maxsize=1024)
def _tail(weight: int, health: int) -> bytes:
    """Health status and weight."""
    status = _HEALTH_STATUS + varint(health) if health else b""
    return status + (delimited(_WEIGHT, _UINT32_VALUE + varint(weight)) if weight != 1 else b"")


def _at_pipe(path: str, tail: bytes) -> bytes:
    where = delimited(_ADDRESS, delimited(_PIPE, string(1, path)))
    return delimited(_LB_ENDPOINTS, delimited(_ENDPOINT, where) + tail)


@lru_cache(maxsize=4096)
def _is_ipv6(address: str) -> bool:
    """Whether it is an IPv6 address; one with a scope is of no use to others than the host that wrote it."""
    try:
        return IPv6Address(address).scope_id is None
    except ValueError:
        return False
