"""The ports that a namespace's clients see: which hosts share a port, and which share a virtual IP.

One pass over the visible services per change of their names, ports or addresses; everything else asks for a part of the result
and is not re-run when that part stays equal.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from translators.database import Reader, query
from translators.model.config_object import ConfigObject
from translators.model.origin import InputKey
from translators.model.service import Protocol
from translators.world.services import service, visible_hosts
from translators.world.virtual_services import unregistered_hosts

UNREGISTERED_PORT = 80
"""Hosts that only a VirtualService knows are routed on this port."""


@dataclass(frozen=True, slots=True)
class PortTable:
    """The ports of all services that a namespace sees. A port with unknown protocol stands in both tables.

    Attributes:
        http: (port, hosts with requests on it), both sorted.
        l4: (port, hosts with connections on it), both sorted.
        shared: (virtual IP, the hosts that claim it, sorted by name), only where there are several.
    """

    http: tuple[tuple[int, tuple[str, ...]], ...]
    l4: tuple[tuple[int, tuple[str, ...]], ...]
    shared: tuple[tuple[str, tuple[str, ...]], ...]


@query
def port_table(db: Reader, namespace: str) -> PortTable:
    """The ports and contested addresses of everything visible from a namespace."""
    http: defaultdict[int, list[str]] = defaultdict(list)
    l4: defaultdict[int, list[str]] = defaultdict(list)
    owners: dict[str, str] = {}
    shared: defaultdict[str, set[str]] = defaultdict(set)
    for host in visible_hosts(db, namespace):
        found = service(db, host, namespace)
        if found is None:
            continue
        for port in found.ports:
            if port.protocol.is_http:
                http[port.number].append(host)
            elif port.protocol is Protocol.AUTO:
                http[port.number].append(host)
                l4[port.number].append(host)
            else:
                l4[port.number].append(host)
        for address in found.addresses:
            owner = owners.setdefault(address, host)
            if owner is not host:
                shared[address] |= {owner, host}
    return PortTable(
        http=tuple((port, tuple(http[port])) for port in sorted(http)),
        l4=tuple((port, tuple(l4[port])) for port in sorted(l4)),
        shared=tuple((address, tuple(sorted(shared[address]))) for address in sorted(shared)),
    )


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
def l4_hosts(db: Reader, namespace: str, port: int) -> tuple[str, ...]:
    """The services whose connections on a port are not, or not surely, HTTP; sorted."""
    return dict(port_table(db, namespace).l4).get(port, ())


@query
def address_claimants(db: Reader, namespace: str, address: str) -> tuple[str, ...]:
    """The hosts that share a virtual IP, oldest service first; empty while it has at most one."""
    hosts = dict(port_table(db, namespace).shared).get(address, ())
    return tuple(sorted(hosts, key=lambda host: _age(db, host, namespace)))


def oldest_first(db: Reader, namespace: str, hosts: tuple[str, ...]) -> tuple[str, ...]:
    """These hosts in the order in which their services were created."""
    if len(hosts) < 2:
        return hosts
    return tuple(sorted(hosts, key=lambda host: _age(db, host, namespace)))


def _age(db: Reader, host: str, namespace: str) -> tuple[tuple[str, str, str], str]:
    found = service(db, host, namespace)
    return (("", "", "") if found is None else source_age(db, found.source), host)


@query
def source_age(db: Reader, source: InputKey) -> tuple[str, str, str]:
    """What orders an object among others by age; changes with nothing else of it."""
    found = db.input(source)
    return found.age if isinstance(found, ConfigObject) else ("", "", "")
