"""Services by host name, whatever kind of object describes them, and which of them a client sees."""

from __future__ import annotations

from collections.abc import Mapping

from translators.database import Reader, query
from translators.kinds.service import KubernetesPort, ServiceSpec
from translators.kinds.service_entry import EntryPort, ServiceEntrySpec
from translators.model.config_object import ConfigObject
from translators.model.service import Resolution, Service, ServicePort
from translators.model.viewer import Viewer
from translators.names import ServiceName, service_host
from translators.object_key import ObjectKey
from translators.world.exposure import ENTRY_EXPOSURE, SERVICE_EXPOSURE, Exposed
from translators.world.indexes import ENTRY_HOSTS
from translators.world.inputs import config_object, objects
from translators.world.protocols import port_protocol
from translators.world.visibility import EVERYONE, is_exported


def service(db: Reader, host: str, viewer: Viewer) -> Service | None:
    """The service that a client means by a full host name, or None when it sees none of that name.

    One in the client's own namespace comes first, then a Kubernetes Service, then the oldest object: so that nobody
    takes over a host name that others use already.
    """
    found = services_of_host(db, host)
    if len(found) == 1 and not found[0].export_to:
        return found[0]
    visible = [one for one in found if is_exported(one.export_to, one.namespace, viewer.namespace)]
    return next(
        (one for one in visible if one.namespace == viewer.namespace),
        visible[0] if visible else None,
    )


@query
def services_of_host(db: Reader, host: str) -> tuple[Service, ...]:
    """All that is described under a host name, by precedence: a Kubernetes Service, then service entries by age."""
    found = []
    key = _kubernetes_key(host)
    kubernetes = None if key is None else config_object(db, key, ServiceSpec)
    if kubernetes is not None and kubernetes.spec.ports:
        found.append(_kubernetes_service(kubernetes))
    entries = objects(db, db.lookup(ENTRY_HOSTS, host), ServiceEntrySpec)
    found += (_entry_service(entry, host) for entry in sorted(entries, key=_age))
    return tuple(found)


@query
def hosts_of(db: Reader, source: ObjectKey) -> tuple[str, ...]:
    """The hosts of the Service or ServiceEntry under a key, as written; empty when there is no such object."""
    if source.kind == "Service":
        return (service_host(source.name, source.namespace),)
    entry = config_object(db, source, ServiceEntrySpec)
    return () if entry is None else entry.spec.hosts


@query
def visible_hosts(db: Reader, viewer: Viewer, shard: int) -> tuple[str, ...]:
    """The full host names in a shard of all services that a client sees, sorted; wildcard hosts among them."""
    found = (*exposed_to(db, EVERYONE, shard), *exposed_to(db, viewer.namespace, shard))
    return tuple(sorted({one.host for one in found}))


def exposed_to(db: Reader, target: str, shard: int) -> tuple[Exposed, ...]:
    """What in a shard is exported to just a namespace, or (`*`) to everyone; a host may be there several times."""
    return _exposed(db, shard).get(target, ())


@query
def _exposed(db: Reader, shard: int) -> Mapping[str, tuple[Exposed, ...]]:
    """Namespace → what is exported to just it; `*` → what is exported to everyone. Never an empty tuple."""
    found: dict[str, list[Exposed]] = {}
    for index in (SERVICE_EXPOSURE, ENTRY_EXPOSURE):
        for key in db.index_keys(index, shard):
            if isinstance(key, Exposed):
                found.setdefault(key.target, []).append(key)
    return {target: tuple(keys) for target, keys in found.items()}


def _age(entry: ConfigObject[ServiceEntrySpec]) -> tuple[str, str, str]:
    return entry.age


def _kubernetes_key(host: str) -> ObjectKey | None:
    """The Service that a host name of the cluster's domain is about."""
    name = ServiceName.parse(host)
    return None if name is None else ObjectKey("Service", name.namespace, name.name)


def _kubernetes_service(found: ConfigObject[ServiceSpec]) -> Service:
    spec = found.spec
    return Service(
        hostname=service_host(found.name, found.namespace),
        name=found.name,
        namespace=found.namespace,
        source=found.key,
        ports=tuple(_kubernetes_port(port) for port in spec.ports if port.protocol == "TCP"),
        addresses=spec.addresses,
        resolution=Resolution.DNS if spec.external_name else Resolution.STATIC,
        headless=spec.headless,
        external=bool(spec.external_name),
        export_to=spec.export_to,
    )


def _kubernetes_port(port: KubernetesPort) -> ServicePort:
    protocol = port_protocol(port.number, port.name, port.app_protocol)
    return ServicePort(port.number, port.name, protocol, port.target_port or 0)


def _entry_service(found: ConfigObject[ServiceEntrySpec], host: str) -> Service:
    spec = found.spec
    return Service(
        hostname=host,
        name=host,
        namespace=found.namespace,
        source=found.key,
        ports=tuple(_entry_port(port) for port in spec.ports if port.protocol.upper() != "UDP"),
        addresses=spec.addresses,
        resolution=spec.resolution,
        external=spec.external,
        export_to=spec.export_to,
    )


def _entry_port(port: EntryPort) -> ServicePort:
    protocol = port_protocol(port.number, port.name, port.protocol)
    return ServicePort(port.number, port.name, protocol, port.target_port)
