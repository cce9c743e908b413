"""RouteConfiguration and VirtualHost: where requests go, by host, path, headers and weight."""

from translators.routes.inbound import inbound_route
from translators.routes.route_configurations import inline_route_configuration, route_configuration
from translators.routes.virtual_hosts import (
    host_names,
    route_hosts,
    route_names,
    virtual_host,
)

__all__ = [
    "host_names",
    "inbound_route",
    "inline_route_configuration",
    "route_configuration",
    "route_hosts",
    "route_names",
    "virtual_host",
]
