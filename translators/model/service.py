"""Services and endpoints as translation sees them, whatever kind of object described them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from translators.model.locality import NOWHERE, Locality
from translators.model.origin import Labels
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey


class Resolution(enum.Enum):
    """How a service's endpoints are found."""

    NONE = "NONE"
    """The original destination of the connection."""
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    DYNAMIC_DNS = "DYNAMIC_DNS"
    """Whatever name the client asks for; not supported yet, so no service has it."""


BY_DNS = (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)
"""The resolutions under which Envoy looks endpoints up by name."""


class Protocol(enum.Enum):
    """What a service port speaks, by Istio's protocol selection."""

    HTTP = "HTTP"
    HTTP2 = "HTTP2"
    GRPC = "GRPC"
    TLS = "TLS"
    """TLS from the application (also HTTPS): passed through, routed by SNI."""
    TCP = "TCP"
    AUTO = "AUTO"
    """Not told: Envoy looks at the first bytes."""

    @property
    def is_http(self) -> bool:
        """Whether requests of this protocol are routed by a route configuration."""
        return self in (Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC)

    @property
    def takes_requests(self) -> bool:
        """Whether its connections are, or may be, requests that routes apply to."""
        return self.is_http or self is Protocol.AUTO


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One TCP port of a service.

    `target_port` is a number or the name of a container port (0: same as `number`).
    """

    number: int
    name: str
    protocol: Protocol
    target_port: int | str = 0


@dataclass(frozen=True, slots=True)
class Service:
    """A service under one host name.

    `addresses` are its virtual IPs; `source` is the object that describes it.
    """

    hostname: str
    name: str
    namespace: str
    source: ObjectKey
    ports: tuple[ServicePort, ...]
    addresses: tuple[str, ...] = ()
    resolution: Resolution = Resolution.STATIC
    is_kubernetes: bool = False
    headless: bool = False
    external: bool = False
    export_to: tuple[str, ...] = ()

    def port(self, number: int) -> ServicePort | None:
        """The port with this number, or None."""
        return next((port for port in self.ports if port.number == number), None)


class Health(enum.Enum):
    """What the source says of an endpoint; Envoy may learn more by itself."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    DRAINING = "DRAINING"


class Endpoint(NamedTuple):
    """One instance of a service's port. `weight` is relative, at least 1.

    A tuple, since there are thousands: made, compared and taken apart several times faster than a
    dataclass.
    """

    address: str
    port: int
    labels: Labels = frozenset()
    locality: Locality = NOWHERE
    weight: int = 1
    health: Health = Health.HEALTHY


class ClientScope(NamedTuple):
    """What of a client matters to outbound translation.

    What it sees and those of its labels that any rule selects on.

    A tuple, since queries are keyed by it.
    """

    viewer: Viewer
    labels: Labels = frozenset()
