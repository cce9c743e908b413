"""``discovery.k8s.io/v1 EndpointSlice``: where a service's instances are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlicePort:
    """A port of every endpoint of the slice, found by its name from the service's port of the same name."""

    name: str
    number: int
    protocol: str = "TCP"
    app_protocol: str = ""


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    """One endpoint. Conditions that are not given mean ready and serving (Kubernetes: nil is "true")."""

    addresses: tuple[str, ...]
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    hostname: str = ""
    node_name: str = ""
    zone: str = ""
    pod: str = ""
    """Name of the targetRef's Pod in the slice's namespace, "" when there is none."""


@dataclass(frozen=True, slots=True)
class EndpointSliceSpec:
    """A slice; ``service`` comes from the label ``kubernetes.io/service-name``."""

    service: str
    address_type: str
    ports: tuple[SlicePort, ...] = ()
    endpoints: tuple[SliceEndpoint, ...] = ()
