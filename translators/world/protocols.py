"""Protocol selection: what a service port speaks.

The first that tells wins: `appProtocol` (a ServiceEntry's `protocol`), the port name up to its
first dash, a well-known port on which the server speaks first; otherwise Envoy looks at the first
bytes.
"""

from __future__ import annotations

from functools import lru_cache

from translators.model.service import Protocol

_PROTOCOLS = {
    "http": Protocol.HTTP,
    "kubernetes.io/ws": Protocol.HTTP,
    "http2": Protocol.HTTP2,
    "kubernetes.io/h2c": Protocol.HTTP2,
    "grpc": Protocol.GRPC,
    "grpc-web": Protocol.GRPC,
    "https": Protocol.TLS,
    "tls": Protocol.TLS,
    "kubernetes.io/wss": Protocol.TLS,
    "tcp": Protocol.TCP,
    "mongo": Protocol.TCP,
    "mysql": Protocol.TCP,
    "redis": Protocol.TCP,
}

_SERVER_FIRST = frozenset({25, 53, 3306, 27017})
"""SMTP, DNS, MySQL, MongoDB: the client waits for the server, so there are no first bytes to look
at.
"""


@lru_cache(maxsize=1024)
def port_protocol(number: int, name: str, app_protocol: str) -> Protocol:
    """The protocol of a TCP port.

    Texts that say nothing known are passed over, case does not matter.
    """
    name = name.lower()
    prefix = "grpc-web" if name.startswith("grpc-web") else name.partition("-")[0]
    told = _PROTOCOLS.get(app_protocol.lower()) or _PROTOCOLS.get(prefix)
    if told is not None:
        return told
    return Protocol.TCP if number in _SERVER_FIRST else Protocol.AUTO
