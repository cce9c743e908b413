"""The egress listener of laptops and VMs: one HTTP proxy on the loopback interface for everything.

Applications name the service in the Host header, or use the listener as their HTTP_PROXY; TCP
services are reached by CONNECT.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.listener.v3 import Listener

from translators import names
from translators.codec import encode, new
from translators.database import Reader, query
from translators.envoy.addresses import LOOPBACK, address
from translators.listeners.filter_chains import OUTBOUND, chain, routes_of
from translators.listeners.http_connection_manager import outbound_manager
from translators.model.resource import Resource, resource


@query
def egress_listener(db: Reader, port: int) -> Resource:
    """The listener on this port; the same for every proxy with that port."""
    del db
    requests = chain(outbound_manager(names.EGRESS_LISTENER, names.EGRESS_ROUTE, connect=True))
    listener = new(Listener)(
        name=names.EGRESS_LISTENER,
        address=address(LOOPBACK, port),
        filter_chains=[requests.message],
        traffic_direction=OUTBOUND,
        # Two Envoys would share the port silently, and each get half of the connections.
        enable_reuse_port=False,
    )
    body = encode(listener)
    return resource(names.LISTENER_TYPE, names.EGRESS_LISTENER, body, routes_of((requests,)))
