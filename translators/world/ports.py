"""The ports that clients see, bucket by bucket, what is known of them without their endpoints.

What is read here are keys of indexes, which hold no more of a service than its names, ports and
addresses: so nothing of this is touched when endpoints change.
"""

from __future__ import annotations

from translators.database import Reader, query
from translators.model.service import Protocol, Service
from translators.model.viewer import Viewer
from translators.world.buckets import BUCKETS, bucket_of
from translators.world.exposure import Exposed, exposed_to
from translators.world.services import service_of
from translators.world.virtual_services import unregistered_hosts
from translators.world.visibility import EVERYONE

UNREGISTERED_PORT = 80
"""Hosts that only a VirtualService knows are routed on this port."""


@query
def _visible(db: Reader, viewer: Viewer, bucket: int) -> tuple[Exposed, ...]:
    """What in a bucket is visible to a client, each host once; in no order that means anything."""
    everyone, own = exposed_to(db, EVERYONE, bucket), exposed_to(db, viewer.namespace, bucket)
    exposed = everyone + own if own else everyone
    seen: dict[str, Exposed] = {}
    again: set[str] = set()
    for key in exposed:
        if key.host in seen:
            again.add(key.host)
        seen[key.host] = key
    if not again:
        return exposed
    for host in sorted(again):
        seen[host] = _chosen.last_good(db, viewer, host) or seen[host]
    return tuple(seen.values())


@query
def _chosen(db: Reader, viewer: Viewer, host: str) -> Exposed | None:
    """What a client means by a host that is exposed to it several times."""
    service = service_of(db, host, viewer)
    return None if service is None else _exposure(service, bucket_of(host), viewer.namespace)


_REQUESTS = frozenset(protocol.name for protocol in Protocol if protocol.takes_requests)
_CONNECTIONS = frozenset(protocol.name for protocol in Protocol if not protocol.is_http)


def _exposure(service: Service, bucket: int, target: str) -> Exposed:
    ports = tuple((port.number, port.protocol.name) for port in service.ports)
    host, source = service.hostname, service.source
    return Exposed(bucket, target, host, source, ports, service.addresses, service.headless)


@query
def http_hosts(db: Reader, viewer: Viewer, bucket: int) -> tuple[tuple[int, str], ...]:
    """(port, host) in a bucket whose requests are routed, sorted.

    Services, and on port 80 hosts of VirtualServices alone.
    """
    hosts = {
        (number, key.host)
        for key in _visible(db, viewer, bucket)
        for number, protocol in key.ports
        if protocol in _REQUESTS
    }
    # `*` is every other host's name too and stays with the catch-all.
    unregistered = unregistered_hosts(db, viewer, bucket)
    hosts.update((UNREGISTERED_PORT, host) for host in unregistered if host != "*")
    return tuple(sorted(hosts))


@query
def l4_hosts(db: Reader, viewer: Viewer, bucket: int) -> tuple[tuple[int, Exposed], ...]:
    """(port, service) in a bucket for connections that are not, or not surely, HTTP; sorted."""
    return tuple(
        sorted(
            {
                (number, key)
                for key in _visible(db, viewer, bucket)
                for number, protocol in key.ports
                if protocol in _CONNECTIONS
            }
        )
    )


@query
def http_ports(db: Reader, viewer: Viewer) -> frozenset[int]:
    """The ports with a route configuration, in any bucket."""
    each = (_http_ports.last_good(db, viewer, bucket) or () for bucket in BUCKETS)
    return frozenset().union(*each)


@query
def _http_ports(db: Reader, viewer: Viewer, bucket: int) -> frozenset[int]:
    return frozenset(port for port, _ in http_hosts(db, viewer, bucket))
