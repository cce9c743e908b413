"""What arrives at a workload: its ports, what they speak, and where its application listens.

A value about the workload, from which clusters, listeners and routes for what it receives are made.
"""

from __future__ import annotations

from dataclasses import dataclass

from translators.model.proxy_node import Mode, ProxyNode
from translators.model.service import Protocol
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

    Of several on one target port the first says what it speaks.
    """
    if node.mode is Mode.PROXYLESS:
        return Inbound()
    applications = dict(node.inbound)
    protocols: dict[int, Protocol] = {}
    for served in ports:
        protocols.setdefault(served.target_port, served.port.protocol)
    inbound_ports = tuple(
        InboundPort(port, protocols[port], applications.get(port, f"{_LOOPBACK}:{port}"))
        for port in sorted(protocols)
    )
    if node.mode is Mode.CAPTURED:
        return Inbound(is_captured=True, ports=inbound_ports)
    return Inbound(addresses=node.addresses if inbound_ports else (), ports=inbound_ports)
