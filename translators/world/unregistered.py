"""Hosts that virtual services name and that have no service: where they answer, by which rules.

Such a host answers on the ports of those hosts of the same virtual service that have services, or
on port 80 when none of them has any. It answers there only to whom a rule is for; of several
virtual services that name it, the first that has such a rule routes it. A host that has a service
answers on further ports in the same way.

Source: Istio's `separateVSHostsAndServices` and `buildSidecarVirtualHostsForVirtualService`; there
port 80 is every virtual service's that has no service on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from translators.database import Index, Reader, query
from translators.kinds.virtual_service import VIRTUAL_SERVICE, VirtualServiceSpec
from translators.model.hosts import covers
from translators.model.routing import HttpRule
from translators.model.service import ClientScope, Protocol, Service
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey
from translators.world.buckets import BUCKETS, bucket_of
from translators.world.exposure import Exposed
from translators.world.inputs import config_object
from translators.world.matches import concern
from translators.world.services import service_of
from translators.world.virtual_services import meshed, visible_virtual_services
from translators.world.visibility import EVERYONE, export_targets, is_wildcard
from translators.world.visible_services import visible_services

_WITHOUT_SERVICES = frozenset({80})
"""Where the hosts of a virtual service answer none of which has a service."""


class _Ports(NamedTuple):
    """The ports of services: all, and those that take requests. Both empty: there is no service."""

    numbers: frozenset[int] = frozenset()
    requests: frozenset[int] = frozenset()

    def answered(self) -> frozenset[int]:
        """Where the hosts of a virtual service answer whose services have these ports."""
        return self.requests if self.numbers else _WITHOUT_SERVICES


class NamedHost(NamedTuple):
    """A host that a virtual service has HTTP rules for, as an index key.

    `bucket` is the host's, `target` a namespace or `*`, `is_alone` whether the virtual service
    names no other host.
    """

    bucket: int
    target: str
    host: str
    source: ObjectKey
    is_alone: bool


def _named_hosts(value: object) -> Iterable[NamedHost]:
    virtual_service = meshed(value)
    if virtual_service is None or not virtual_service.spec.http:
        return ()
    hosts = virtual_service.spec.hosts
    targets = export_targets(virtual_service.spec.export_to, virtual_service.namespace)
    return (
        NamedHost(bucket_of(host), target, host, virtual_service.key, len(hosts) == 1)
        for target in targets
        for host in hosts
        # `*` is every other host's name too and stays with the catch-all.
        if host != "*"
    )


VIRTUAL_SERVICE_EXPORTS = Index(
    "virtual services by namespace they are exported to",
    VIRTUAL_SERVICE.name,
    _named_hosts,
    is_grouped=True,
)


@query
def unregistered_hosts(db: Reader, client: ClientScope, bucket: int) -> tuple[tuple[int, str], ...]:
    """(port, host) in a bucket that a client knows from virtual services alone, sorted.

    A wildcard host is among them where no service falls under it.
    """
    return tuple(
        (port, host)
        for port, host in _candidates(db, client.viewer, bucket)
        if unregistered_rules(db, host, client, port)
    )


def unregistered_ports(db: Reader, client: ClientScope, host: str) -> tuple[int, ...]:
    """The ports on which a host is one of `unregistered_hosts`, sorted."""
    return tuple(
        port for port, other in unregistered_hosts(db, client, bucket_of(host)) if other == host
    )


def unregistered_rules(
    db: Reader, host: str, client: ClientScope, port: int
) -> tuple[HttpRule, ...]:
    """The rules for requests to a host where it has no service; empty: it does not answer."""
    for group in visible_virtual_services(db, host, client.viewer):
        for virtual_service in group:
            rules = virtual_service.spec.http
            if (
                host in virtual_service.spec.hosts
                and concern(rules, client, port)
                and port in _answered(db, client.viewer, virtual_service.key)
            ):
                return rules
    return ()


@query
def _candidates(db: Reader, viewer: Viewer, bucket: int) -> tuple[tuple[int, str], ...]:
    """(port, host) in a bucket where a host has no service and a virtual service answers for it.

    Whoever its rules are for. Sorted.
    """
    named = [
        key
        for key in db.index_keys(VIRTUAL_SERVICE_EXPORTS, bucket)
        if isinstance(key, NamedHost) and key.target in (EVERYONE, viewer.namespace)
    ]
    if not named:
        return ()
    services = {service.host: service for service in visible_services(db, viewer, bucket)}
    found: set[tuple[int, str]] = set()
    for key in named:
        if is_wildcard(key.host):
            ports = _ports_under(db, viewer, key.host)
        else:
            ports = _ports_of(services.get(key.host))
        answered = ports.answered() if key.is_alone else _answered(db, viewer, key.source)
        found.update((port, key.host) for port in answered - ports.numbers)
    return tuple(sorted(found))


@query
def _answered(db: Reader, viewer: Viewer, source: ObjectKey) -> frozenset[int]:
    """The ports on which the hosts of a virtual service answer, also those without a service."""
    return _joined(
        _ports_under(db, viewer, host)
        if is_wildcard(host)
        else _ports_of(service_of(db, host, viewer))
        for host in _hosts_of(db, source)
    ).answered()


@query
def _hosts_of(db: Reader, source: ObjectKey) -> tuple[str, ...]:
    """The hosts of a virtual service, which seldom change when it does."""
    virtual_service = config_object(db, source, VirtualServiceSpec)
    return () if virtual_service is None else virtual_service.spec.hosts


def _ports_under(db: Reader, viewer: Viewer, wildcard: str) -> _Ports:
    return _joined(
        _ports_under_in.last_good(db, viewer, wildcard, bucket) or _Ports() for bucket in BUCKETS
    )


@query
def _ports_under_in(db: Reader, viewer: Viewer, wildcard: str, bucket: int) -> _Ports:
    """The ports of all services in a bucket that fall under a wildcard host."""
    return _joined(
        _ports_of(service)
        for service in visible_services(db, viewer, bucket)
        if covers(wildcard, service.host)
    )


def _ports_of(service: Exposed | Service | None) -> _Ports:
    match service:
        case None:
            return _Ports()
        case Service():
            ports = [(port.number, port.protocol) for port in service.ports]
        case _:
            ports = [(number, Protocol[protocol]) for number, protocol in service.ports]
    return _Ports(
        frozenset(number for number, _ in ports),
        frozenset(number for number, protocol in ports if protocol.takes_requests),
    )


def _joined(several: Iterable[_Ports]) -> _Ports:
    each = tuple(several)
    return _Ports(
        frozenset().union(*(ports.numbers for ports in each)),
        frozenset().union(*(ports.requests for ports in each)),
    )
