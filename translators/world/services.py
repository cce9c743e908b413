"""Services by host name, and which of them a client sees.

Whatever kind of object describes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from translators.database import Index, Reader, query
from translators.kinds.service import SERVICE, KubernetesPort, ServiceSpec
from translators.kinds.service_entry import SERVICE_ENTRY, EntryPort, ServiceEntrySpec
from translators.model.config_object import ConfigObject
from translators.model.service import Resolution, Service, ServicePort
from translators.model.viewer import Viewer
from translators.names import ServiceName, service_host
from translators.object_key import ObjectKey
from translators.world.exposure import exposed_to
from translators.world.inputs import as_config_object, config_object, objects
from translators.world.protocols import port_protocol
from translators.world.visibility import EVERYONE, exported


def _entry_hosts(value: object) -> Iterable[str]:
    entry = as_config_object(value, ServiceEntrySpec)
    return () if entry is None else entry.spec.hosts


ENTRY_HOSTS = Index("service entries by host", SERVICE_ENTRY.name, _entry_hosts)


def service_of(db: Reader, host: str, viewer: Viewer) -> Service | None:
    """The service that a client means by a full host name, or None when it sees none of that name.

    One in the client's own namespace comes first, then a Kubernetes Service, then what is exported
    to the client rather than to everyone, then the oldest object: so that nobody takes over a host
    name that others use already.
    """
    services = services_of_host(db, host)
    if len(services) == 1 and not services[0].export_to:
        return services[0]
    return first_visible(services, viewer.namespace)


def first_visible(services: Sequence[Service], namespace: str) -> Service | None:
    """The one of these services of one host, oldest first, that clients of a namespace mean."""
    visible = [
        (service.namespace != namespace, not service.is_kubernetes, how, age)
        for age, service in enumerate(services)
        if (how := exported(service.export_to, service.namespace, namespace)) is not None
    ]
    return services[min(visible)[-1]] if visible else None


@query
def services_of_host(db: Reader, host: str) -> tuple[Service, ...]:
    """All that is described under a host name, by precedence.

    A Kubernetes Service, then service entries by age.
    """
    services = []
    key = _kubernetes_key(host)
    kubernetes = None if key is None else config_object(db, key, ServiceSpec)
    if kubernetes is not None and kubernetes.spec.ports:
        services.append(_kubernetes_service(kubernetes))
    entries = objects(db, db.lookup(ENTRY_HOSTS, host), ServiceEntrySpec)
    services += (_entry_service(entry, host) for entry in sorted(entries, key=_age))
    return tuple(services)


@query
def hosts_of(db: Reader, source: ObjectKey) -> tuple[str, ...]:
    """The hosts of the Service or ServiceEntry under a key, as written.

    Empty when there is no such object.
    """
    if source.kind == SERVICE.name:
        return (service_host(source.name, source.namespace),)
    entry = config_object(db, source, ServiceEntrySpec)
    return () if entry is None else entry.spec.hosts


@query
def visible_hosts(db: Reader, viewer: Viewer, bucket: int) -> tuple[str, ...]:
    """The full host names in a bucket of all services that a client sees, sorted.

    Wildcard hosts among them.
    """
    visible = (*exposed_to(db, EVERYONE, bucket), *exposed_to(db, viewer.namespace, bucket))
    return tuple(sorted({exposed.host for exposed in visible}))


def _age(entry: ConfigObject[ServiceEntrySpec]) -> tuple[str, str, str]:
    return entry.age


def _kubernetes_key(host: str) -> ObjectKey | None:
    """The Service that a host name of the cluster's domain is about."""
    name = ServiceName.parse(host)
    return None if name is None else ObjectKey(SERVICE.name, name.namespace, name.name)


def _kubernetes_service(service: ConfigObject[ServiceSpec]) -> Service:
    spec = service.spec
    return Service(
        hostname=service_host(service.name, service.namespace),
        name=service.name,
        namespace=service.namespace,
        source=service.key,
        is_kubernetes=True,
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


def _entry_service(entry: ConfigObject[ServiceEntrySpec], host: str) -> Service:
    spec = entry.spec
    return Service(
        hostname=host,
        name=host,
        namespace=entry.namespace,
        source=entry.key,
        ports=tuple(_entry_port(port) for port in spec.ports if port.protocol.upper() != "UDP"),
        addresses=spec.addresses,
        resolution=spec.resolution,
        external=spec.external,
        export_to=spec.export_to,
    )


def _entry_port(port: EntryPort) -> ServicePort:
    protocol = port_protocol(port.number, port.name, port.protocol)
    return ServicePort(port.number, port.name, protocol, port.target_port)
