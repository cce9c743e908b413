"""A proxy as it introduces itself: the part of Envoy's node that translation may depend on."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from translators.model.locality import NOWHERE, Locality
from translators.model.origin import Labels


class Mode(enum.Enum):
    """How traffic reaches the proxy."""

    EGRESS = "egress"
    """Applications send to one HTTP listener (Host header or HTTP_PROXY): laptops and VMs."""
    CAPTURED = "captured"
    """iptables redirects all connections to 15001 and 15006."""
    PROXYLESS = "proxyless"
    """A gRPC client that speaks xDS itself; listeners are named by their target."""


@dataclass(frozen=True, slots=True)
class ProxyNode:
    """A proxy's identity and place.

    `addresses` are the workload's own IP addresses, sorted, by which its services are found.
    `inbound` maps a service's target port to the address of the application, `((9080,
    "127.0.0.1:19080"), ...)` sorted by port; in egress mode no other port is opened, in captured
    mode it is served at 127.0.0.1 on the same port. `egress_port` is where the egress listener
    binds in that mode.
    """

    id: str
    name: str
    namespace: str
    mode: Mode = Mode.CAPTURED
    addresses: tuple[str, ...] = ()
    labels: Labels = frozenset()
    locality: Locality = NOWHERE
    service_account: str = "default"
    cluster_id: str = "Kubernetes"
    inbound: tuple[tuple[int, str], ...] = ()
    egress_port: int = 15001
    agent_version: str = ""
