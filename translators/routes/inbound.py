"""Routes of requests that arrive for the local workload.

One route configuration per port, everything to the application.

They come by RDS, not inside the listener, because what changes in a listener does not reach open
connections.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.route.v3 import (
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)

from translators import names
from translators.codec import encode, new
from translators.database import Reader, query
from translators.envoy.durations import NO_LIMIT
from translators.model.resource import Resource, resource
from translators.model.service import Protocol
from translators.routes.actions import unlimited_stream
from translators.routes.retries import default_inbound
from translators.routes.rules import DEFAULT_ROUTE_NAME


@query
def inbound_route(db: Reader, port: int, protocol: Protocol) -> Resource:
    """The route configuration of the workload's port.

    The same for every workload with such a port.
    """
    del db
    name = names.inbound_route(port)
    action = new(RouteAction)(
        cluster=names.inbound_cluster(port),
        timeout=NO_LIMIT,
        max_stream_duration=unlimited_stream(),
    )
    host = new(VirtualHost)(
        name=f"inbound|http|{port}",
        domains=["*"],
        routes=[
            new(Route)(name=DEFAULT_ROUTE_NAME, match=new(RouteMatch)(prefix="/"), route=action)
        ],
        retry_policy=None if protocol is Protocol.GRPC else default_inbound(),
    )
    configuration = new(RouteConfiguration)(
        name=name, virtual_hosts=[host], validate_clusters=False
    )
    return resource(names.ROUTE_TYPE, name, encode(configuration))
