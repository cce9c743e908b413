"""``v1 Pod``: labels, addresses and the node of a workload."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PodSpec:
    """What translation reads of a Pod; its labels are on the object. ``locality`` is the ``istio-locality`` label, dots as slashes."""

    addresses: tuple[str, ...] = ()
    node_name: str = ""
    service_account: str = "default"
    locality: str = ""
    container_ports: tuple[tuple[str, int], ...] = ()
    """Named container ports, for a Service's ``targetPort`` given by name."""
