"""``v1 Service``: a name, ports and the addresses under which clients know it."""

from __future__ import annotations

from dataclasses import dataclass

from translators.model.origin import Labels


@dataclass(frozen=True, slots=True)
class KubernetesPort:
    """A service port; ``target_port`` is a number or the name of a container port, "" when it is the same as ``number``."""

    number: int
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str = ""
    target_port: int | str = ""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What translation reads of a Service. ``addresses`` are its cluster IPs, empty when headless."""

    ports: tuple[KubernetesPort, ...] = ()
    addresses: tuple[str, ...] = ()
    headless: bool = False
    external_name: str = ""
    selector: Labels = frozenset()
    publish_not_ready: bool = False
    export_to: tuple[str, ...] = ()
