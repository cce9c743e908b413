"""``networking.istio.io ServiceEntry``: services that no Kubernetes Service describes."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from translators.kinds.workload_entry import WorkloadEntrySpec
from translators.model.origin import Labels


class Resolution(enum.Enum):
    """How a service's endpoints are found."""

    NONE = "NONE"
    """The original destination of the connection."""
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"


@dataclass(frozen=True, slots=True)
class EntryPort:
    """A port; ``target_port`` 0 means the same as ``number``."""

    number: int
    name: str
    protocol: str = ""
    target_port: int = 0


@dataclass(frozen=True, slots=True)
class ServiceEntrySpec:
    """Hosts, how they are resolved and their endpoints. ``export_to`` empty means the mesh's default (everyone)."""

    hosts: tuple[str, ...]
    ports: tuple[EntryPort, ...] = ()
    addresses: tuple[str, ...] = ()
    external: bool = True
    resolution: Resolution = Resolution.NONE
    endpoints: tuple[WorkloadEntrySpec, ...] = ()
    workload_selector: Labels | None = None
    """None: no selector."""
    export_to: tuple[str, ...] = ()
