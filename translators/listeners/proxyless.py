"""Listeners for gRPC clients that speak xDS themselves: one per target, `xds:///svc.ns:port`.

Source: gRFC A27; the client takes the listener named as its target, and from it the name of a route
configuration.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.listener.v3 import ApiListener, Listener

from translators import names
from translators.codec import encode, new, pack
from translators.database import Reader, query
from translators.listeners.http_connection_manager import proxyless_manager
from translators.model.resource import Reference, Resource, resource
from translators.model.service import ClientScope
from translators.world.ports import http_hosts
from translators.world.services import service_of
from translators.world.unregistered import unregistered_hosts, unregistered_ports


@query
def proxyless_names(db: Reader, client: ClientScope, bucket: int) -> tuple[str, ...]:
    """The targets for hosts in a bucket that a client may name, sorted.

    Each port by full name and, where the host has a service, by short forms.
    """
    hosts = http_hosts(db, client, bucket)
    targets = {f"{host}:{port}" for port, host in hosts}
    for port, host in set(hosts).difference(unregistered_hosts(db, client, bucket)):
        forms = names.short_hosts(host, client.viewer.namespace)
        targets.update(f"{form}:{port}" for form in forms)
    return tuple(sorted(targets))


@query
def proxyless_listener(db: Reader, client: ClientScope, target: str) -> Resource:
    """The listener of a target.

    A name that is some host's in full means that host, else the short form of a service's.
    """
    label, port = names.host_and_port(target)
    is_host = _is_host(db, client, label, port)
    host = label if is_host else _full_name(label, client.viewer.namespace)
    return _api_listener(db, target, f"{host}:{port}")


def _is_host(db: Reader, client: ClientScope, label: str, port: int) -> bool:
    """Whether a name is in full that of a host with requests on the port."""
    service = service_of(db, label, client.viewer)
    shape = None if service is None else service.port(port)
    if shape is None:
        return port in unregistered_ports(db, client, label)
    return shape.protocol.takes_requests


def _full_name(label: str, namespace: str) -> str:
    match label.split("."):
        case [name]:
            return names.service_host(name, namespace)
        case [name, own] | [name, own, "svc"]:
            return names.service_host(name, own)
        case _:
            return label


@query
def _api_listener(db: Reader, target: str, route: str) -> Resource:
    """The same for every client that means the same service by the target."""
    del db
    manager = new(ApiListener)(api_listener=pack(proxyless_manager(route)))
    listener = new(Listener)(name=target, api_listener=manager)
    return resource(
        names.LISTENER_TYPE, target, encode(listener), (Reference(names.ROUTE_TYPE, route),)
    )
