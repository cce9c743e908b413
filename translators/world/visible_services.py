"""The services that clients see, bucket by bucket, without their endpoints.

What is read here are keys of indexes, which hold no more of a service than its names, ports and
addresses: so nothing of this is touched when endpoints change.
"""

from __future__ import annotations

from translators.database import Reader, query
from translators.model.service import Service
from translators.model.viewer import Viewer
from translators.world.buckets import bucket_of
from translators.world.exposure import Exposed, exposed_to
from translators.world.services import service_of
from translators.world.visibility import EVERYONE


@query
def visible_services(db: Reader, viewer: Viewer, bucket: int) -> tuple[Exposed, ...]:
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


def _exposure(service: Service, bucket: int, target: str) -> Exposed:
    ports = tuple((port.number, port.protocol.name) for port in service.ports)
    host, source = service.hostname, service.source
    return Exposed(bucket, target, host, source, ports, service.addresses, service.headless)
