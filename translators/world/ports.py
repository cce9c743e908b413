"""The ports that clients see: which hosts share a port, and which hosts share a virtual IP.

What is read here are keys of indexes, which hold no more of a service than its names, ports and addresses: so nothing of
this is touched when endpoints change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from translators.database import InputKey, Reader, query
from translators.kinds.service_entry import ServiceEntrySpec
from translators.model.config_object import ConfigObject
from translators.model.service import Protocol, Service
from translators.names import service_host
from translators.world.exposure import (
    ENTRY_EXPOSURE,
    ENTRY_VIRTUAL_IPS,
    SERVICE_ADDRESSES,
    SERVICE_EXPOSURE,
    TWIN_VIRTUAL_IPS,
    Exposed,
)
from translators.world.inputs import config_object
from translators.world.services import service
from translators.world.virtual_services import unregistered_hosts
from translators.world.visibility import EVERYONE

UNREGISTERED_PORT = 80
"""Hosts that only a VirtualService knows are routed on this port."""


@dataclass(frozen=True, slots=True)
class PortTable:
    """The ports of all services that a namespace sees. A port with unknown protocol stands in both tables.

    Attributes:
        http: (port, hosts with requests on it), both sorted.
        l4: (port, hosts with connections on it), both sorted.
    """

    http: tuple[tuple[int, tuple[str, ...]], ...]
    l4: tuple[tuple[int, tuple[Exposed, ...]], ...]


@query
def _exposed(db: Reader) -> Mapping[str, tuple[Exposed, ...]]:
    """Namespace → what is exported to just it; `*` → what is exported to everyone."""
    found: defaultdict[str, list[Exposed]] = defaultdict(list)
    for index in (SERVICE_EXPOSURE, ENTRY_EXPOSURE):
        for key in db.index_keys(index):
            if isinstance(key, Exposed):
                found[key.target].append(key)
    return {target: tuple(keys) for target, keys in found.items()}


@query
def _exposed_to(db: Reader, target: str) -> tuple[Exposed, ...]:
    return _exposed(db).get(target, ())


@query
def port_table(db: Reader, namespace: str) -> PortTable:
    """The ports of everything visible from a namespace."""
    seen: dict[str, Exposed] = {}
    again: set[str] = set()
    for key in (*_exposed_to(db, EVERYONE), *_exposed_to(db, namespace)):
        if key.host in seen:
            again.add(key.host)
        seen[key.host] = key
    for host in again:
        del seen[host]
        found = service(db, host, namespace)
        if found is not None:
            seen[host] = _exposure(found, namespace)
    http: defaultdict[int, list[str]] = defaultdict(list)
    l4: defaultdict[int, list[Exposed]] = defaultdict(list)
    for key in seen.values():
        for number, protocol in key.ports:
            if protocol in _REQUESTS:
                http[number].append(key.host)
            if protocol in _CONNECTIONS:
                l4[number].append(key)
    return PortTable(
        http=tuple((port, tuple(sorted(http[port]))) for port in sorted(http)),
        l4=tuple((port, tuple(sorted(l4[port], key=_host))) for port in sorted(l4)),
    )


_REQUESTS = frozenset(one.name for one in Protocol if one.is_http or one is Protocol.AUTO)
_CONNECTIONS = frozenset(one.name for one in Protocol if not one.is_http)


def _host(key: Exposed) -> str:
    return key.host


def _exposure(found: Service, target: str) -> Exposed:
    ports = tuple((port.number, port.protocol.name) for port in found.ports)
    return Exposed(target, found.hostname, found.source, ports, found.addresses, found.headless)


@query
def http_ports(db: Reader, namespace: str) -> tuple[int, ...]:
    """The ports with a route configuration, sorted."""
    ports = {port for port, _ in port_table(db, namespace).http}
    if _routable(db, namespace):
        ports.add(UNREGISTERED_PORT)
    return tuple(sorted(ports))


@query
def http_hosts(db: Reader, namespace: str, port: int) -> tuple[str, ...]:
    """The hosts whose requests on a port are routed, sorted: services, and on port 80 hosts of VirtualServices alone."""
    hosts = dict(port_table(db, namespace).http).get(port, ())
    if port != UNREGISTERED_PORT:
        return hosts
    extra = _routable(db, namespace)
    return tuple(sorted({*hosts, *extra})) if extra else hosts


def _routable(db: Reader, namespace: str) -> tuple[str, ...]:
    """The unregistered hosts that can be a domain: `*` is every other host's and stays with the catch-all."""
    return tuple(host for host in unregistered_hosts(db, namespace) if host != "*")


@query
def l4_ports(db: Reader, namespace: str) -> tuple[int, ...]:
    """The ports with services whose connections are not, or not surely, HTTP; sorted."""
    return tuple(port for port, _ in port_table(db, namespace).l4)


@query
def l4_hosts(db: Reader, namespace: str, port: int) -> tuple[Exposed, ...]:
    """The services whose connections on a port are not, or not surely, HTTP; sorted by host."""
    return dict(port_table(db, namespace).l4).get(port, ())


def is_shared(db: Reader, address: str) -> bool:
    """Whether a virtual IP has, for anyone, more than one host."""
    sources = db.lookup(SERVICE_ADDRESSES, address) + db.lookup(ENTRY_VIRTUAL_IPS, address)
    return len(sources) > 1 or bool(db.lookup(TWIN_VIRTUAL_IPS, address))


def hosts_at(db: Reader, namespace: str, address: str) -> tuple[str, ...]:
    """The hosts with a virtual IP, oldest service first; hosts that the namespace does not see may be among them."""
    services = db.lookup(SERVICE_ADDRESSES, address)
    if len(services) == 1 and not db.lookup(ENTRY_VIRTUAL_IPS, address):
        return (service_host(services[0][2], services[0][1]),)
    return address_claimants(db, namespace, address)


@query
def address_claimants(db: Reader, namespace: str, address: str) -> tuple[str, ...]:
    """The hosts with a virtual IP that a namespace sees, oldest service first."""
    claims: list[tuple[tuple[str, str, str], str]] = []
    for source in db.lookup(SERVICE_ADDRESSES, address) + db.lookup(ENTRY_VIRTUAL_IPS, address):
        for host in _hosts(db, source):
            found = service(db, host, namespace)
            if found is not None and found.source == source:
                claims.append((source_age(db, source), host))
    return tuple(host for _, host in sorted(claims))


def oldest_first(db: Reader, exposed: Iterable[Exposed]) -> tuple[Exposed, ...]:
    """These in the order in which their services were created."""
    found = tuple(exposed)
    if len(found) < 2:
        return found
    return tuple(sorted(found, key=lambda one: (source_age(db, one.source), one.host)))


@query
def source_age(db: Reader, source: InputKey) -> tuple[str, str, str]:
    """What orders an object among others by age; changes with nothing else of it."""
    found = db.input(source)
    return found.age if isinstance(found, ConfigObject) else ("", "", "")


@query
def _hosts(db: Reader, source: InputKey) -> tuple[str, ...]:
    if source[0] == "Service":
        return (service_host(source[2], source[1]),)
    entry = config_object(db, source, ServiceEntrySpec)
    return () if entry is None else entry.spec.hosts
