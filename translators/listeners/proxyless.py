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
from translators.model.viewer import Viewer
from translators.world.ports import UNREGISTERED_PORT, http_hosts
from translators.world.services import service_of
from translators.world.virtual_services import is_unregistered


@query
def proxyless_names(db: Reader, viewer: Viewer, bucket: int) -> tuple[str, ...]:
    """The targets for hosts in a bucket that a client may name, sorted.

    Each port by full name and short forms.
    """
    return tuple(
        sorted(
            {
                f"{form}:{port}"
                for port, host in http_hosts(db, viewer, bucket)
                for form in (host, *names.short_hosts(host, viewer.namespace))
            }
        )
    )


@query
def proxyless_listener(db: Reader, viewer: Viewer, target: str) -> Resource:
    """The listener of a target.

    A name that is some host's in full means that host, else the short form of a service's.
    """
    label, port = names.host_and_port(target)
    host = label if _is_host(db, viewer, label, port) else _full_name(label, viewer.namespace)
    return _api_listener(db, target, f"{host}:{port}")


def _is_host(db: Reader, viewer: Viewer, label: str, port: int) -> bool:
    """Whether a name is in full that of a host with requests on the port."""
    service = service_of(db, label, viewer)
    if service is None:
        return port == UNREGISTERED_PORT and is_unregistered(db, viewer, label)
    shape = service.port(port)
    return shape is not None and shape.protocol.takes_requests


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
