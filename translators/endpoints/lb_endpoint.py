"""One endpoint as bytes, kept: of a thousand endpoints, an edit changes one."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address

from translators.codec.wire import delimited, string, varint
from translators.model.service import Health

HEALTH_STATUS = {Health.HEALTHY: 0, Health.UNHEALTHY: 2, Health.DRAINING: 3}
"""`envoy.config.core.v3.HealthStatus`; healthy is sent as unknown, which Envoy takes to be healthy."""

_UNIX = "unix://"
_LB_ENDPOINTS = 2
_ENDPOINT, _HEALTH_STATUS, _WEIGHT = 1, b"\x10", 4
_ADDRESS = 1
_SOCKET_ADDRESS, _PIPE = 1, 2
_ADDRESS_TEXT, _PORT_VALUE = 2, b"\x18"


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
        body += delimited(_WEIGHT, b"\x08" + varint(weight))
    return delimited(_LB_ENDPOINTS, body)


def _address(address: str, port: int) -> bytes:
    if address.startswith(_UNIX):
        return delimited(_PIPE, string(1, address.removeprefix(_UNIX)))
    try:
        ip_address(address)
    except ValueError:
        return b""
    number = _PORT_VALUE + varint(port) if port else b""
    return delimited(_SOCKET_ADDRESS, string(_ADDRESS_TEXT, address) + number)
