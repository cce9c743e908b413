"""Virtual hosts: one resource per host and port, joined from domains and encoded routes.

A delta stream gets each as a VirtualHost resource (VHDS); the same bytes stand inline in the route configuration of everyone
else. Which names a host has depends on the mode:

* captured: one route configuration per port, named by its number; ports in the Host header are ignored.
* egress: one for all ports; a name without a port means the service's default port.
* proxyless: one per host and port, named ``host:port``.
"""

from __future__ import annotations

from functools import cache

from envoy_data_plane.envoy.config.route.v3 import VirtualHost

from translators import names
from translators.codec import encode
from translators.codec.wire import string, tag, varint
from translators.database import Reader, query
from translators.kinds.virtual_service import Destination
from translators.model.proxy_node import Mode
from translators.model.resource import Resource, resource
from translators.model.service import ClientScope, Protocol, Service
from translators.routes import domains
from translators.routes.domains import Ports
from translators.routes.ownership import contested_domains, takes_requests
from translators.routes.retries import default_outbound
from translators.routes.rules import connect_route, default_route, rule_routes
from translators.world.ambiguous_names import ambiguous_names
from translators.world.destinations import destination_cluster
from translators.world.ports import http_hosts, http_ports, is_shared, l4_hosts, l4_ports
from translators.world.services import service
from translators.world.virtual_services import virtual_service

_DEFAULT_PORT = 80
_PLACEHOLDER = "placeholder"
_NAME, _DOMAIN = 1, 2
"""``VirtualHost.name`` and ``VirtualHost.domains``."""
_LENGTH_DELIMITED = 2
_DOMAIN_HEADS = tuple(tag(_DOMAIN, _LENGTH_DELIMITED) + varint(size) for size in range(512))
"""The head of a domain by its length; Envoy takes no longer ones, nor does DNS."""


@query
def route_names(db: Reader, client: ClientScope, mode: Mode) -> tuple[str, ...]:
    """The route configurations of a client's outbound requests, sorted."""
    if mode is Mode.EGRESS:
        return (names.EGRESS_ROUTE,)
    ports = http_ports(db, client.namespace)
    if mode is Mode.CAPTURED:
        return tuple(sorted(map(str, ports)))
    return tuple(
        sorted(
            f"{host}:{port}" for port in ports for host in http_hosts(db, client.namespace, port)
        )
    )


@query
def host_names(db: Reader, client: ClientScope, mode: Mode, route: str) -> tuple[str, ...]:
    """The virtual hosts of a route configuration, ``route/host:port``, sorted; never empty.

    Envoy opens a listener only once its route configuration has a host, so an empty one gets a placeholder.
    """
    found = _hosts_of(db, client.namespace, mode, route)
    if not found:
        return (f"{route}/{_PLACEHOLDER}",)
    return tuple(sorted(names.virtual_host(route, host, port) for host, port in found))


def _hosts_of(db: Reader, namespace: str, mode: Mode, route: str) -> set[tuple[str, int]]:
    if mode is Mode.PROXYLESS:
        host, _, label = route.rpartition(":")
        return {(host, int(label))} if label.isdigit() else set()
    if mode is Mode.CAPTURED:
        number = int(route) if route.isdigit() else 0
        return {(host, number) for host in http_hosts(db, namespace, number)}
    found = {
        (host, port)
        for port in http_ports(db, namespace)
        for host in http_hosts(db, namespace, port)
    }
    for port in l4_ports(db, namespace):
        found.update(
            (host, port)
            for host in (one.host for one in l4_hosts(db, namespace, port))
            if not host.startswith(domains.WILDCARD)
        )
    return found


@query
def virtual_host(db: Reader, client: ClientScope, mode: Mode, name: str) -> Resource:
    """One virtual host by its resource name."""
    _, _, label = name.partition("/")
    host, _, number = label.rpartition(":")
    if not host:
        return resource(names.VIRTUAL_HOST_TYPE, name, _placeholder())
    port = int(number)
    found = service(db, host, client.namespace)
    protocol = _protocol(found, port)
    parts = [string(_NAME, label)]
    for domain in _domains(db, client.namespace, mode, (host, port), found):
        text = domain.encode()
        parts.append(_DOMAIN_HEADS[len(text)] + text)
    if mode is Mode.EGRESS and not protocol.is_http:
        parts.append(connect_route(names.outbound_cluster(host, port)))
    if takes_requests(protocol):
        if virtual_service(db, host, client.namespace) is None:
            parts.append(default_route(names.outbound_cluster(host, port)))
        else:
            parts.append(host_routes(db, client, mode is Mode.PROXYLESS, host, port))
    parts.append(_tail())
    return resource(names.VIRTUAL_HOST_TYPE, name, b"".join(parts))


@query
def host_routes(db: Reader, client: ClientScope, is_proxyless: bool, host: str, port: int) -> bytes:
    """The encoded routes of a host with a VirtualService, the same for every Envoy of these clients.

    The default route when no rule applies to the client and port.
    """
    policy = virtual_service(db, host, client.namespace)

    def cluster(destination: Destination) -> str:
        return destination_cluster(db, destination, client.namespace, port)

    rules = () if policy is None else policy.spec.http
    routes = rule_routes(rules, client, port, cluster, is_proxyless=is_proxyless)
    return routes or default_route(names.outbound_cluster(host, port))


def _protocol(found: Service | None, port: int) -> Protocol:
    """What a host's port speaks; HTTP when only a VirtualService knows the host."""
    shape = None if found is None else found.port(port)
    return Protocol.HTTP if shape is None else shape.protocol


def default_port(found: Service) -> int:
    """The port that a request without one means: 80 if it takes requests, else the first that does; 0 for none."""
    numbers = [port.number for port in found.ports if takes_requests(port.protocol)]
    return _DEFAULT_PORT if _DEFAULT_PORT in numbers else next(iter(numbers), 0)


def _domains(
    db: Reader, namespace: str, mode: Mode, at: tuple[str, int], found: Service | None
) -> list[str]:
    """All domains of a (host, port) that no other host has a better claim to; the full name is always there."""
    host, port = at
    forms = domains.names(host, namespace)
    if mode is Mode.PROXYLESS:
        return domains.with_ports(forms, port, Ports.OPTIONAL)
    if mode is Mode.CAPTURED:
        ports = Ports.IGNORED
    elif found is None or default_port(found) == port:
        ports = Ports.OPTIONAL
    else:
        ports = Ports.REQUIRED
    addresses = () if found is None else found.addresses
    taken = ambiguous_names(db, namespace)
    if taken or any(is_shared(db, address) for address in addresses):
        return contested_domains(db, namespace, at, addresses, ports)
    if not addresses:
        return domains.with_ports(forms, port, ports)
    return domains.with_ports((*forms, *domains.address_names(addresses)), port, ports)


@cache
def _placeholder() -> bytes:
    """A virtual host that no request can ask for."""
    return encode(VirtualHost(name=_PLACEHOLDER, domains=["placeholder.invalid"]))


@cache
def _tail() -> bytes:
    """What follows the routes of every outbound virtual host."""
    return encode(VirtualHost(include_request_attempt_count=True, retry_policy=default_outbound()))
