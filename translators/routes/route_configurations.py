"""Route configurations of outbound requests, in two forms made of the same host bytes.

On a delta stream a route configuration holds only the catch-all host and asks for the others by
VHDS; it never changes with them. Elsewhere the hosts stand inline.
"""

from __future__ import annotations

from functools import cache

from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    Vhds,
    VirtualHost,
)

from translators import names
from translators.codec import encode, field_number, new
from translators.codec.wire import delimited, string
from translators.database import Reader, query
from translators.envoy.config_source import ads
from translators.envoy.durations import NO_LIMIT
from translators.model.proxy_node import Mode
from translators.model.resource import Reference, Resource, resource
from translators.model.routing import MAX_BODY_BYTES
from translators.model.service import ClientScope
from translators.routes.virtual_hosts import route_hosts, virtual_host

UNKNOWN_HOST = (
    "chancery: no service of the mesh has this host name and port. Known are the names of services, "
    "such as reviews, reviews.default or reviews.default.svc.cluster.local, alone or with a port.\n"
)
"""What a request for a host that nobody knows is told in egress mode."""

_NAME = field_number(RouteConfiguration, "name")
_VIRTUAL_HOSTS = field_number(RouteConfiguration, "virtual_hosts")


@query
def route_configuration(db: Reader, client: ClientScope, mode: Mode, route: str) -> Resource:
    """A route configuration for delta streams: its hosts are resources of their own.

    The same for every client.
    """
    del client
    return _without_hosts(db, mode, route)


@query
def _without_hosts(db: Reader, mode: Mode, route: str) -> Resource:
    del db
    body = string(_NAME, route) + _catch_all(mode) + _tail(mode, vhds=True)
    return resource(names.ROUTE_TYPE, route, body, (Reference(names.VIRTUAL_HOST_TYPE, "*"),))


@query
def inline_route_configuration(db: Reader, client: ClientScope, mode: Mode, route: str) -> Resource:
    """A route configuration with all of its hosts, in the order of their names.

    They are the very bytes of the hosts' resources. One that fails is there as it last was, or not
    at all if it never was: as it is for those who get the hosts one by one.
    """
    parts = [string(_NAME, route)]
    for name in route_hosts(db, client, mode, route):
        host = virtual_host.last_good(db, client, mode, name)
        if host is not None:
            parts.append(delimited(_VIRTUAL_HOSTS, host.body))
    parts += (_catch_all(mode), _tail(mode, vhds=False))
    return resource(names.ROUTE_TYPE, route, b"".join(parts))


@cache
def _catch_all(mode: Mode) -> bytes:
    """The host of requests that are for no other.

    Let through where captured, explained at an egress listener.
    """
    if mode is Mode.PROXYLESS:
        return b""
    if mode is Mode.CAPTURED:
        name = "allow_any"
        action = new(RouteAction)(cluster=names.PASSTHROUGH_CLUSTER, timeout=NO_LIMIT)
        route = new(Route)(name=name, match=new(RouteMatch)(prefix="/"), route=action)
    else:
        name = "unknown_host"
        answer = new(DirectResponseAction)(
            status=502, body=new(DataSource)(inline_string=UNKNOWN_HOST)
        )
        route = new(Route)(name=name, match=new(RouteMatch)(prefix="/"), direct_response=answer)
    host = new(VirtualHost)(name=name, domains=["*"], routes=[route])
    return delimited(_VIRTUAL_HOSTS, encode(host))


@cache
def _tail(mode: Mode, *, vhds: bool) -> bytes:
    """The fields behind the hosts."""
    return encode(
        new(RouteConfiguration)(
            validate_clusters=False,
            vhds=new(Vhds)(config_source=ads(initial_fetch_timeout=None)) if vhds else None,
            ignore_port_in_host_matching=mode is Mode.CAPTURED,
            max_direct_response_body_size_bytes=MAX_BODY_BYTES,
        )
    )
