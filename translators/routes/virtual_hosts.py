"""Virtual hosts: one resource per host and port, joined from domains and encoded routes.

A delta stream gets each as a VirtualHost resource (VHDS); the same bytes stand inline in the route
configuration of everyone else. Which names a host has depends on the mode:

* captured: one route configuration per port, named by its number; ports in the Host header are
  ignored.
* egress: one for all ports; a name without a port means the service's default port.
* proxyless: one per host and port, named `host:port`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from envoy_data_plane.envoy.config.route.v3 import VirtualHost

from translators import names
from translators.codec import encode, field_number, length_tag, new
from translators.codec.wire import string, varint
from translators.database import Reader, query
from translators.model.proxy_node import Mode
from translators.model.resource import Resource, resource
from translators.model.routing import Destination
from translators.model.service import ClientScope, Protocol, Service
from translators.model.upstream import Upstream
from translators.model.viewer import Viewer
from translators.routes import domains
from translators.routes.domains import Ports
from translators.routes.ownership import contested_domains
from translators.routes.retries import default_outbound
from translators.routes.rules import connect_route, default_route, rule_routes
from translators.world.ambiguous_names import ambiguous_names
from translators.world.buckets import BUCKETS
from translators.world.destinations import upstream_of, upstream_of_host
from translators.world.ports import http_hosts, l4_hosts
from translators.world.services import service_of
from translators.world.unregistered import unregistered_ports, unregistered_rules
from translators.world.virtual_ips import is_shared
from translators.world.virtual_services import http_rules, virtual_services_of_host

_DEFAULT_PORT = 80
_PLACEHOLDER = "placeholder"
_NAME = field_number(VirtualHost, "name")
_DOMAINS = length_tag(VirtualHost, "domains")
_DOMAIN_HEADS = tuple(_DOMAINS + varint(size) for size in range(512))
"""The head of a domain by its length; Envoy takes no longer ones, nor does DNS."""


@query
def route_names(db: Reader, client: ClientScope, mode: Mode, bucket: int) -> tuple[str, ...]:
    """The route configurations of a client's outbound requests to hosts in a bucket, sorted.

    Other buckets may share them.

    One that there is without any host is in bucket 0.
    """
    if mode is Mode.EGRESS:
        return (names.EGRESS_ROUTE,) if bucket == 0 else ()
    hosts = http_hosts(db, client, bucket)
    if mode is Mode.CAPTURED:
        return tuple(sorted({str(port) for port, _ in hosts}))
    return tuple(sorted(f"{host}:{port}" for port, host in hosts))


@query
def host_names(db: Reader, client: ClientScope, mode: Mode, bucket: int) -> tuple[str, ...]:
    """The virtual hosts for hosts in a bucket, `route/host:port`, sorted.

    Envoy opens a listener only once its route configuration has a host, so in egress mode bucket 0
    has a placeholder as long as there is nothing else.
    """
    requested = http_hosts(db, client, bucket)
    if mode is Mode.PROXYLESS:
        return tuple(
            sorted(names.virtual_host(f"{host}:{port}", host, port) for port, host in requested)
        )
    if mode is Mode.CAPTURED:
        return tuple(sorted(names.virtual_host(str(port), host, port) for port, host in requested))
    hosts = {*requested, *_l4_names(db, client.viewer, bucket)}
    if bucket == 0 and not hosts and not _has_hosts(db, client):
        return (f"{names.EGRESS_ROUTE}/{_PLACEHOLDER}",)
    return tuple(sorted(names.virtual_host(names.EGRESS_ROUTE, host, port) for port, host in hosts))


def _l4_names(db: Reader, viewer: Viewer, bucket: int) -> Iterator[tuple[int, str]]:
    """(port, host) for TCP services, except for wildcard hosts, which nobody can ask for."""
    for port, exposed in l4_hosts(db, viewer, bucket):
        if not exposed.host.startswith(domains.WILDCARD):
            yield port, exposed.host


def _has_hosts(db: Reader, client: ClientScope) -> bool:
    return any(_has_hosts_in.last_good(db, client, bucket) for bucket in BUCKETS)


@query
def _has_hosts_in(db: Reader, client: ClientScope, bucket: int) -> bool:
    """Whether any host in a bucket can be asked for at the egress listener."""
    return bool(http_hosts(db, client, bucket)) or any(_l4_names(db, client.viewer, bucket))


@query
def route_hosts(db: Reader, client: ClientScope, mode: Mode, route: str) -> tuple[str, ...]:
    """The virtual hosts of one route configuration, `route/host:port`, sorted.

    Empty when there is no such route.
    """
    if mode is Mode.PROXYLESS:
        return (f"{route}/{route}",)
    return _by_route(db, client, mode).get(route, ())


@query
def _by_route(db: Reader, client: ClientScope, mode: Mode) -> Mapping[str, tuple[str, ...]]:
    """Route configuration → its virtual hosts, sorted."""
    by_route: dict[str, list[str]] = {}
    for bucket in BUCKETS:
        for name in host_names.last_good(db, client, mode, bucket) or ():
            by_route.setdefault(names.route_of(name), []).append(name)
    return {route: tuple(sorted(hosts)) for route, hosts in by_route.items()}


@query
def virtual_host(db: Reader, client: ClientScope, mode: Mode, name: str) -> Resource:
    """One virtual host by its resource name.

    Its name inside is the same in full: Envoy files a host that came by VHDS under the latter, and
    looks for it under the former when it is to be removed.
    """
    _, _, label = name.partition("/")
    if label == _PLACEHOLDER:
        return resource(names.VIRTUAL_HOST_TYPE, name, _placeholder(name))
    host, port = names.host_and_port(label)
    service = service_of(db, host, client.viewer)
    protocol = _protocol(service, port)
    parts = [string(_NAME, name)]
    for domain in _domains(db, client, mode, (host, port), service):
        text = domain.encode()
        parts.append(_DOMAIN_HEADS[len(text)] + text)
    if mode is Mode.EGRESS and not protocol.is_http:
        parts.append(connect_route(upstream_of_host(host, port)))
    if protocol.takes_requests:
        if virtual_services_of_host(db, host):
            parts.append(host_routes(db, client, mode is Mode.PROXYLESS, host, port))
        else:
            parts.append(default_route(upstream_of_host(host, port)))
    parts.append(_tail())
    return resource(names.VIRTUAL_HOST_TYPE, name, b"".join(parts))


@query
def host_routes(db: Reader, client: ClientScope, is_proxyless: bool, host: str, port: int) -> bytes:
    """The encoded routes of a host for which there are rules.

    The same for every Envoy of these clients.

    The default route when no rule applies to the client and port.
    """

    def upstream(destination: Destination) -> Upstream:
        return upstream_of(db, destination, client, port)

    service = service_of(db, host, client.viewer)
    rules_of = unregistered_rules if _is_unregistered(service, port) else http_rules
    rules = rules_of(db, host, client, port)
    routes = rule_routes(rules, client, port, upstream, is_proxyless=is_proxyless)
    return routes or default_route(upstream_of_host(host, port))


def _is_unregistered(service: Service | None, port: int) -> bool:
    """Whether a host answers on a port because of a VirtualService, not for its service's sake."""
    return service is None or service.port(port) is None


def _protocol(service: Service | None, port: int) -> Protocol:
    """What a host's port speaks; HTTP when only a VirtualService knows of it."""
    shape = None if service is None else service.port(port)
    return Protocol.HTTP if shape is None else shape.protocol


def _default_port(db: Reader, client: ClientScope, host: str, service: Service | None) -> int:
    """The port that a request without one means: 80 if it takes requests, else the first that does.

    Of a host whose service has no such port, those count that VirtualServices have it answer on.
    0 for none.
    """
    ports = () if service is None else service.ports
    numbers: Sequence[int] = [port.number for port in ports if port.protocol.takes_requests]
    numbers = numbers or unregistered_ports(db, client, host)
    return _DEFAULT_PORT if _DEFAULT_PORT in numbers else next(iter(numbers), 0)


def _domains(
    db: Reader, client: ClientScope, mode: Mode, at: tuple[str, int], service: Service | None
) -> list[str]:
    """All domains of a (host, port) that no other host has a better claim to.

    The full name is always there. It is the only one where only a VirtualService has the host
    answer: its short names and addresses are the service's, which the client may not see.
    """
    host, port = at
    if mode is Mode.CAPTURED:
        ports = Ports.IGNORED
    elif mode is Mode.PROXYLESS or _default_port(db, client, host, service) == port:
        ports = Ports.OPTIONAL
    else:
        ports = Ports.REQUIRED
    if service is None or service.port(port) is None:
        return domains.with_ports((host,), port, ports)
    forms = domains.names(host, client.viewer.namespace)
    if mode is Mode.PROXYLESS:
        return domains.with_ports(forms, port, ports)
    taken = ambiguous_names(db, client.viewer)
    if taken or any(is_shared(db, address) for address in service.addresses):
        return contested_domains(db, client, at, service.addresses, ports)
    if not service.addresses:
        return domains.with_ports(forms, port, ports)
    return domains.with_ports((*forms, *domains.address_names(service.addresses)), port, ports)


@cache
def _placeholder(name: str) -> bytes:
    """A virtual host that no request can ask for."""
    return encode(new(VirtualHost)(name=name, domains=["placeholder.invalid"]))


@cache
def _tail() -> bytes:
    """What follows the routes of every outbound virtual host."""
    return encode(
        new(VirtualHost)(include_request_attempt_count=True, retry_policy=default_outbound())
    )
