"""What arrives at a workload: its ports, what they speak, and where its application listens.

A value about the workload, from which clusters, listeners and routes for what it receives are made.
"""

from __future__ import annotations

from dataclasses import dataclass

from translators.model.proxy_node import Mode, ProxyNode
from translators.model.service import Protocol
from translators.names import ENVOY_PORTS
from translators.world.workloads import WorkloadPort

_LOOPBACK = "127.0.0.1"
"""Where an application listens of which the proxy says nothing else."""


@dataclass(frozen=True, slots=True)
class InboundPort:
    """A port of the workload: what it speaks, and where its application listens, `host:port`."""

    port: int
    protocol: Protocol
    app_address: str


@dataclass(frozen=True, slots=True)
class Inbound:
    """What of a proxy its inbound resources depend on.

    Attributes:
        is_captured: Whether connections are redirected to `virtualInbound`.
        addresses: Where listeners bind when they are not captured; empty when they are.
        ports: The workload's ports, sorted; may be empty.
    """

    is_captured: bool = False
    addresses: tuple[str, ...] = ()
    ports: tuple[InboundPort, ...] = ()


def inbound_of(node: ProxyNode, ports: tuple[WorkloadPort, ...]) -> Inbound:
    """What a proxy receives for the service ports of its workload.

    Of several on one target port the first says what it speaks. A captured proxy receives what is
    redirected to it, but nothing for Envoy's own ports: what would go to the admin port of the
    loopback interface commands the Envoy. In egress mode it listens itself, so it opens those ports
    only that its own bootstrap names: a Service is somebody else's word.
    """
    if node.mode is Mode.PROXYLESS:
        return Inbound()
    applications = dict(node.inbound)
    protocols: dict[int, Protocol] = {}
    for served in ports:
        port = served.target_port
        if port not in ENVOY_PORTS if node.mode is Mode.CAPTURED else port in applications:
            protocols.setdefault(port, served.port.protocol)
    inbound_ports = tuple(
        InboundPort(port, protocols[port], applications.get(port, f"{_LOOPBACK}:{port}"))
        for port in sorted(protocols)
    )
    if node.mode is Mode.CAPTURED:
        return Inbound(is_captured=True, ports=inbound_ports)
    return Inbound(addresses=node.addresses if inbound_ports else (), ports=inbound_ports)
