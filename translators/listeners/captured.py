"""The listeners behind iptables.

One that all connections reach, and those it hands them to, by original destination.

* `virtualOutbound` on port 15001 takes what iptables redirects. What no other listener is for
  passes through.
* `0.0.0.0_PORT` takes a port at any address: requests by the route configuration of that number,
  TLS by server name, and other connections of services without a virtual IP; what is none of these
  passes through.
* `VIP_PORT` takes a service's connections at its virtual IP, if they are not (or not surely) HTTP.

`0.0.0.0_80` of a mesh with only HTTP on port 80 holds nothing but the number, so that it never
changes and no connection is drained when services come and go.

Envoy's own ports have none, whatever a service says; its document is told.

Headless TCP services have no listener: their connections pass through to the instance that the
client chose.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.listener.v3 import Listener

from translators import names
from translators.codec import encode, new
from translators.database import Reader, query
from translators.envoy.addresses import ANY_ADDRESS, address
from translators.listeners.captured_chains import PASSTHROUGH
from translators.listeners.filter_chains import (
    OUTBOUND,
    chain,
    original_destination,
    port_match,
    tcp_proxy,
)
from translators.listeners.virtual_ip import vip_listener
from translators.listeners.wildcard import wildcard_listener, wildcard_ports
from translators.model.resource import Resource, resource
from translators.model.service import ClientScope
from translators.model.upstream import Upstream, WeightedUpstream
from translators.world.exposure import virtual_ips
from translators.world.ports import l4_hosts

_BLACKHOLE = (WeightedUpstream(Upstream(names.BLACKHOLE_CLUSTER)),)


@query
def captured_names(db: Reader, client: ClientScope, bucket: int) -> tuple[str, ...]:
    """The names of these listeners as far as hosts in a bucket give rise to them, sorted."""
    listeners = {names.VIRTUAL_OUTBOUND} if bucket == 0 else set()
    ports = wildcard_ports(db, client, bucket)
    listeners.update(names.listener(ANY_ADDRESS, port) for port in ports)
    listeners.update(
        names.listener(vip, port)
        for port, exposed in l4_hosts(db, client.viewer, bucket)
        if port not in names.ENVOY_PORTS
        for vip in virtual_ips(exposed)
    )
    return tuple(sorted(listeners))


@query
def virtual_outbound(db: Reader) -> Resource:
    """The listener that iptables redirects to; the same for every proxy.

    Connections to itself end here.
    """
    del db
    name = names.VIRTUAL_OUTBOUND
    listener = new(Listener)(
        name=name,
        address=address(ANY_ADDRESS, names.OUTBOUND_CAPTURE_PORT),
        filter_chains=[
            chain(
                tcp_proxy(_BLACKHOLE),
                port_match(names.OUTBOUND_CAPTURE_PORT),
                f"{name}-blackhole",
            ).message
        ],
        default_filter_chain=chain(tcp_proxy(PASSTHROUGH), name=f"{name}-passthrough").message,
        listener_filters=[original_destination()],
        use_original_dst=True,
        traffic_direction=OUTBOUND,
    )
    return resource(names.LISTENER_TYPE, name, encode(listener))


def captured_listener(db: Reader, client: ClientScope, name: str) -> Resource:
    """One of the listeners that connections are handed to, by its name.

    Raises:
        LookupError: There is no such listener for this client.
    """
    host, port = names.listener_place(name)
    if host == ANY_ADDRESS:
        return wildcard_listener(db, client, port)
    return vip_listener(db, client, host, port)
