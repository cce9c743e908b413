"""What is exposed to clients, and to whom.

Hosts with their ports and addresses, as keys of indexes.

These keys hold all that listeners and domains need of a service, and nothing of its endpoints; what
reads only such keys is not touched when endpoints change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from translators.database import Index, Reader, query
from translators.kinds.service import SERVICE, ServiceSpec
from translators.kinds.service_entry import SERVICE_ENTRY, ServiceEntrySpec
from translators.names import service_host
from translators.object_key import ObjectKey
from translators.world.buckets import bucket_of
from translators.world.inputs import as_config_object
from translators.world.protocols import port_protocol
from translators.world.visibility import export_targets


class Exposed(NamedTuple):
    """What a listener needs to know of a host.

    As an index key, so all values compare and none changes with endpoints.

    `bucket` is the host's. `ports` are (number, name of the protocol), in the order of the object;
    `target` is a namespace or `*`.
    """

    bucket: int
    target: str
    host: str
    source: ObjectKey
    ports: tuple[tuple[int, str], ...]
    addresses: tuple[str, ...]
    headless: bool


def _service_exposure(value: object) -> Iterable[Exposed]:
    service = as_config_object(value, ServiceSpec)
    if service is None or not service.spec.ports:
        return ()
    spec = service.spec
    host = service_host(service.name, service.namespace)
    ports = tuple(
        (port.number, port_protocol(port.number, port.name, port.app_protocol).name)
        for port in spec.ports
        if port.protocol == "TCP"
    )
    bucket = bucket_of(host)
    return (
        Exposed(bucket, target, host, service.key, ports, spec.addresses, spec.headless)
        for target in export_targets(spec.export_to, service.namespace)
    )


def _entry_exposure(value: object) -> Iterable[Exposed]:
    entry = as_config_object(value, ServiceEntrySpec)
    if entry is None:
        return ()
    spec = entry.spec
    ports = tuple(
        (port.number, port_protocol(port.number, port.name, port.protocol).name)
        for port in spec.ports
        if port.protocol.upper() != "UDP"
    )
    return (
        Exposed(bucket_of(host), target, host, entry.key, ports, spec.addresses, False)
        for target in export_targets(spec.export_to, entry.namespace)
        for host in spec.hosts
    )


SERVICE_EXPOSURE = Index("services by ports", SERVICE.name, _service_exposure, is_grouped=True)
ENTRY_EXPOSURE = Index(
    "service entries by ports", SERVICE_ENTRY.name, _entry_exposure, is_grouped=True
)


def exposed_to(db: Reader, target: str, bucket: int) -> tuple[Exposed, ...]:
    """What in a bucket is exported to just a namespace, or (`*`) to everyone.

    A host may be there several times.
    """
    return _exposed(db, bucket).get(target, ())


@query
def _exposed(db: Reader, bucket: int) -> Mapping[str, tuple[Exposed, ...]]:
    """Namespace → what is exported to just it; `*` → what is exported to everyone.

    Never an empty tuple.
    """
    exposed: dict[str, list[Exposed]] = {}
    for index in (SERVICE_EXPOSURE, ENTRY_EXPOSURE):
        for key in db.index_keys(index, bucket):
            if isinstance(key, Exposed):
                exposed.setdefault(key.target, []).append(key)
    return {target: tuple(keys) for target, keys in exposed.items()}


def virtual_ips(exposed: Exposed) -> tuple[str, ...]:
    """Give the single addresses of a service, without ranges."""
    return tuple(vip for vip in exposed.addresses if "/" not in vip)
