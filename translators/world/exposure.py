"""Indexes of what is exposed to clients: hosts with their ports, virtual IPs, and names that may be mistaken for others.

Their keys hold all that listeners and domains need of a service, and nothing of its endpoints; what reads only such keys
is not touched when endpoints change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from translators.database import Index
from translators.kinds.service import ServiceSpec
from translators.kinds.service_entry import ServiceEntrySpec
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.names import SERVICE_SUFFIX, service_host
from translators.object_key import ObjectKey
from translators.world.inputs import as_config_object
from translators.world.protocols import port_protocol
from translators.world.shards import shard_of
from translators.world.visibility import MESH_GATEWAY, export_targets


class Exposed(NamedTuple):
    """What a listener needs to know of a host: as an index key, so all values compare and none changes with endpoints.

    `shard` is the host's. `ports` are (number, name of the protocol), in the order of the object; `target` is a namespace or `*`.
    """

    shard: int
    target: str
    host: str
    source: ObjectKey
    ports: tuple[tuple[int, str], ...]
    addresses: tuple[str, ...]
    headless: bool


def _service_exposure(value: object) -> Iterable[Exposed]:
    found = as_config_object(value, ServiceSpec)
    if found is None or not found.spec.ports:
        return ()
    spec = found.spec
    host = service_host(found.name, found.namespace)
    ports = tuple(
        (port.number, port_protocol(port.number, port.name, port.app_protocol).name)
        for port in spec.ports
        if port.protocol == "TCP"
    )
    shard = shard_of(host)
    return (
        Exposed(shard, target, host, found.key, ports, spec.addresses, spec.headless)
        for target in export_targets(spec.export_to, found.namespace)
    )


def _entry_exposure(value: object) -> Iterable[Exposed]:
    found = as_config_object(value, ServiceEntrySpec)
    if found is None:
        return ()
    spec = found.spec
    ports = tuple(
        (port.number, port_protocol(port.number, port.name, port.protocol).name)
        for port in spec.ports
        if port.protocol.upper() != "UDP"
    )
    return (
        Exposed(shard_of(host), target, host, found.key, ports, spec.addresses, False)
        for target in export_targets(spec.export_to, found.namespace)
        for host in spec.hosts
    )


def _service_addresses(value: object) -> Iterable[str]:
    found = as_config_object(value, ServiceSpec)
    return () if found is None else found.spec.addresses


def _entry_addresses(value: object) -> Iterable[str]:
    found = as_config_object(value, ServiceEntrySpec)
    return () if found is None else found.spec.addresses


def _twin_addresses(value: object) -> Iterable[str]:
    found = as_config_object(value, ServiceEntrySpec)
    return () if found is None or len(found.spec.hosts) < 2 else found.spec.addresses


SERVICE_EXPOSURE = Index("services by ports", "Service", _service_exposure, is_grouped=True)
ENTRY_EXPOSURE = Index("service entries by ports", "ServiceEntry", _entry_exposure, is_grouped=True)
SERVICE_ADDRESSES = Index("services by virtual IP", "Service", _service_addresses)
ENTRY_VIRTUAL_IPS = Index("service entries by virtual IP", "ServiceEntry", _entry_addresses)
TWIN_VIRTUAL_IPS = Index(
    "service entries with several hosts by virtual IP", "ServiceEntry", _twin_addresses
)


def is_ambiguous(host: str) -> bool:
    """Whether a host's full name has the shape of a further name of some host."""
    if host.endswith(SERVICE_SUFFIX) or host.startswith("*"):
        return False
    labels = host.count(".") + 1
    if labels <= 2 or (labels == 3 and host.endswith(".svc")):
        return True
    return host.endswith(".") or ":" in host or host.replace(".", "").isdigit()


def _entry_names(value: object) -> Iterable[tuple[str, str]]:
    found = as_config_object(value, ServiceEntrySpec)
    if found is None:
        return ()
    hosts = filter(is_ambiguous, found.spec.hosts)
    targets = export_targets(found.spec.export_to, found.namespace)
    return [(target, host) for host in hosts for target in targets]


def _virtual_service_names(value: object) -> Iterable[tuple[str, str]]:
    found = as_config_object(value, VirtualServiceSpec)
    if found is None or MESH_GATEWAY not in found.spec.gateways:
        return ()
    hosts = filter(is_ambiguous, found.spec.hosts)
    targets = export_targets(found.spec.export_to, found.namespace)
    return [(target, host) for host in hosts for target in targets]


AMBIGUOUS_ENTRIES = Index("service entries by ambiguous host", "ServiceEntry", _entry_names)
AMBIGUOUS_VIRTUAL_SERVICES = Index(
    "virtual services by ambiguous host", "VirtualService", _virtual_service_names
)

EXPOSURE_INDEXES: tuple[Index, ...] = (
    SERVICE_EXPOSURE,
    ENTRY_EXPOSURE,
    SERVICE_ADDRESSES,
    ENTRY_VIRTUAL_IPS,
    TWIN_VIRTUAL_IPS,
    AMBIGUOUS_ENTRIES,
    AMBIGUOUS_VIRTUAL_SERVICES,
)
