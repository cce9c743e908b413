"""The ports that clients see, bucket by bucket."""

from __future__ import annotations

from translators.database import Reader, query
from translators.model.service import ClientScope, Protocol
from translators.model.viewer import Viewer
from translators.world.buckets import BUCKETS
from translators.world.exposure import Exposed
from translators.world.unregistered import unregistered_hosts
from translators.world.visible_services import visible_services

_REQUESTS = frozenset(protocol.name for protocol in Protocol if protocol.takes_requests)
_CONNECTIONS = frozenset(protocol.name for protocol in Protocol if not protocol.is_http)


@query
def _request_hosts(db: Reader, viewer: Viewer, bucket: int) -> tuple[tuple[int, str], ...]:
    """(port, host) in a bucket of the services that take requests, sorted."""
    hosts = {
        (number, key.host)
        for key in visible_services(db, viewer, bucket)
        for number, protocol in key.ports
        if protocol in _REQUESTS
    }
    return tuple(sorted(hosts))


@query
def http_hosts(db: Reader, client: ClientScope, bucket: int) -> tuple[tuple[int, str], ...]:
    """(port, host) in a bucket whose requests are routed, sorted.

    Services, and the hosts of VirtualServices that answer where they have none.
    """
    hosts = _request_hosts(db, client.viewer, bucket)
    unregistered = unregistered_hosts(db, client, bucket)
    return tuple(sorted((*hosts, *unregistered))) if unregistered else hosts


@query
def l4_hosts(db: Reader, viewer: Viewer, bucket: int) -> tuple[tuple[int, Exposed], ...]:
    """(port, service) in a bucket for connections that are not, or not surely, HTTP; sorted."""
    return tuple(
        sorted(
            {
                (number, key)
                for key in visible_services(db, viewer, bucket)
                for number, protocol in key.ports
                if protocol in _CONNECTIONS
            }
        )
    )


@query
def http_ports(db: Reader, client: ClientScope) -> frozenset[int]:
    """The ports with a route configuration, in any bucket."""
    each = (_http_ports.last_good(db, client, bucket) or () for bucket in BUCKETS)
    return frozenset().union(*each)


@query
def _http_ports(db: Reader, client: ClientScope, bucket: int) -> frozenset[int]:
    return frozenset(port for port, _ in http_hosts(db, client, bucket))
