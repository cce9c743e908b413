"""The listener of a port at any address, `0.0.0.0_PORT`, and which services' connections it takes.

Requests go by the route configuration of that number, TLS by server name, and other connections of
services without a virtual IP by address ranges; what is none of these passes through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from translators.database import Reader, query
from translators.envoy.addresses import ANY_ADDRESS
from translators.listeners.captured_chains import (
    PASSTHROUGH,
    place_chain,
    requests_chains,
    unbound_listener,
)
from translators.listeners.connections import Branch, branches, whole_subnets
from translators.listeners.filter_chains import chain, http_inspector, tcp_proxy, tls_inspector
from translators.listeners.places import places
from translators.model.hosts import is_partial_wildcard
from translators.model.resource import Resource
from translators.model.service import ClientScope, Protocol
from translators.model.viewer import Viewer
from translators.names import ENVOY_PORTS
from translators.world.ages import oldest_first
from translators.world.buckets import BUCKETS
from translators.world.exposure import Exposed, virtual_ips
from translators.world.ports import http_hosts, http_ports, l4_hosts


def wildcard_ports(db: Reader, client: ClientScope, bucket: int) -> set[int]:
    """Give the ports for which hosts in a bucket want such a listener."""
    ports = {port for port, _ in http_hosts(db, client, bucket)}
    ports.update(port for port, _ in _wildcard_hosts(db, client.viewer, bucket))
    return ports - ENVOY_PORTS


@query
def _wildcard_hosts(db: Reader, viewer: Viewer, bucket: int) -> tuple[tuple[int, Exposed], ...]:
    """(port, service) for those in a bucket whose connections are known by no virtual IP.

    Nor are they surely HTTP.
    """
    return tuple(
        (port, exposed)
        for port, exposed in l4_hosts(db, viewer, bucket)
        if not exposed.headless and not virtual_ips(exposed)
    )


@query
def _by_port(db: Reader, viewer: Viewer) -> Mapping[int, tuple[Exposed, ...]]:
    """Port → `_wildcard_hosts` of all buckets; no port without any."""
    by_port: dict[int, tuple[Exposed, ...]] = {}
    for bucket in BUCKETS:
        for port, exposed in _wildcard_hosts.last_good(db, viewer, bucket) or ():
            by_port[port] = (*by_port.get(port, ()), exposed)
    return by_port


@query
def wildcard_hosts(db: Reader, viewer: Viewer, port: int) -> tuple[Exposed, ...]:
    """The services whose connections on a port are known by no virtual IP.

    Nor are they surely HTTP. Oldest first.
    """
    return oldest_first(db, _by_port(db, viewer).get(port, ()))


def wildcard_listener(db: Reader, client: ClientScope, port: int) -> Resource:
    """Give the listener of a port at any address."""
    takes_requests = port in http_ports(db, client)
    others = wildcard_hosts(db, client.viewer, port)
    if takes_requests and not others:
        return _request_listener(db, port)
    return _mixed_listener(db, client, port, others, takes_requests=takes_requests)


@query
def _request_listener(db: Reader, port: int) -> Resource:
    """The listener of a port with only HTTP: the same for all meshes and clients."""
    del db
    return unbound_listener(
        ANY_ADDRESS, port, requests_chains(port), chain(tcp_proxy(PASSTHROUGH)), [http_inspector()]
    )


def _mixed_listener(
    db: Reader,
    client: ClientScope,
    port: int,
    hosts: tuple[Exposed, ...],
    *,
    takes_requests: bool,
) -> Resource:
    """The listener of a port with connections that are not surely HTTP.

    TLS services go by server name, services with address ranges by these, and one other service
    takes what is left.
    """
    branches = tuple(_branches(db, client, port, hosts))
    rest = next((branch for branch in branches if branch.is_unconditional), None)
    placed = places(tuple(branch for branch in branches if not branch.is_unconditional))
    chains = requests_chains(port) if takes_requests else []
    chains += [place_chain(place) for place in placed]
    default = PASSTHROUGH if rest is None else rest.upstreams
    idle = None if rest is None else rest.idle_timeout
    inspectors = [tls_inspector()] if any(place.server_names for place in placed) else []
    if takes_requests:
        inspectors.append(http_inspector())
    return unbound_listener(ANY_ADDRESS, port, chains, chain(tcp_proxy(default, idle)), inspectors)


def _branches(
    db: Reader, client: ClientScope, port: int, hosts: tuple[Exposed, ...]
) -> Iterator[Branch]:
    """The branches of several services, in the order of these.

    Each is made to apply to that service's connections only, as far as that can be told.
    """
    for exposed in hosts:
        yield from _branches_of.last_good(db, client, port, exposed) or ()


@query
def _branches_of(
    db: Reader, client: ClientScope, port: int, exposed: Exposed
) -> tuple[Branch, ...]:
    """The branches of one service; none when its connections may be requests.

    Nor is there one for its own name when that is a wildcard for a part of a label, as Envoy takes
    server names with wildcards for whole labels only.
    """
    protocol = _protocol(exposed, port)
    if protocol is Protocol.AUTO:
        return ()
    by_host = protocol is Protocol.TLS
    nameless = by_host and is_partial_wildcard(exposed.host)
    return tuple(
        Branch(
            branch.server_names or ((exposed.host,) if by_host else ()),
            branch.subnets or _ranges(exposed),
            branch.upstreams,
            branch.idle_timeout,
        )
        for branch in branches(db, client, exposed.host, port, protocol)
        if branch.server_names or not nameless
    )


def _ranges(exposed: Exposed) -> tuple[str, ...]:
    return whole_subnets(vip for vip in exposed.addresses if "/" in vip)


def _protocol(exposed: Exposed, port: int) -> Protocol:
    return Protocol[dict(exposed.ports)[port]]
