"""Listeners for what arrives at the local workload.

Captured: `virtualInbound` on port 15006, to which iptables redirects, with a chain for each of the
workload's ports; other ports pass through. Egress mode: a listener at the workload's own address
for each port that its bootstrap names, in front of an application that listens elsewhere.

Requests are routed by a route configuration of the port, so that what is decided there reaches open
connections.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.listener.v3 import (
    Listener,
    ListenerFilter,
    ListenerFilterChainMatchPredicate,
    ListenerFilterChainMatchPredicateMatchSet,
)
from envoy_data_plane.envoy.type.v3 import Int32Range

from translators import names
from translators.codec import encode, new
from translators.database import Reader, query
from translators.envoy.addresses import ANY_ADDRESS, address
from translators.listeners.filter_chains import (
    INBOUND,
    Chain,
    NetworkFilter,
    chain,
    http_inspector,
    http_match,
    http_port_match,
    original_destination,
    port_match,
    routes_of,
    tcp_proxy,
)
from translators.listeners.http_connection_manager import inbound_manager
from translators.model.resource import Resource, resource
from translators.model.service import Protocol
from translators.model.upstream import Upstream, WeightedUpstream
from translators.world.inbound import Inbound

_FIRST_BYTES: Final = timedelta(seconds=1)
"""How long a connection's first bytes are waited for; then the server is the first to speak.

A client that is slower loses nothing but what the sidecar does for HTTP: its bytes go to the same
application. On the way out a rule may send requests elsewhere, so that is not guessed there.
"""


def inbound_listener_names(inbound: Inbound) -> tuple[str, ...]:
    """The names of the inbound listeners, sorted.

    A port at whose address the application itself listens has none: its clients reach it directly.
    """
    if inbound.is_captured:
        return (names.VIRTUAL_INBOUND,)
    return tuple(
        sorted(
            names.listener(host, port.port)
            for host in inbound.addresses
            for port in inbound.ports
            if port.app_address != f"{host}:{port.port}"
        )
    )


@query
def inbound_listener(db: Reader, inbound: Inbound, name: str) -> Resource:
    """One of the inbound listeners, by its name.

    Raises:
        LookupError: There is no such listener.
    """
    if inbound.is_captured:
        return virtual_inbound(db, tuple((port.port, port.protocol) for port in inbound.ports))
    host, number = names.listener_place(name)
    for port in inbound.ports:
        if number == port.port and host in inbound.addresses:
            return _bound_listener(db, host, port.port, port.protocol)
    raise LookupError(f"no port of the workload is served by a listener {name}")


@query
def _bound_listener(db: Reader, host: str, port: int, protocol: Protocol) -> Resource:
    """A listener at the workload's address."""
    del db
    name = names.listener(host, port)
    sniffs = protocol is Protocol.AUTO
    *conditional, default = _chains(port, protocol, by_port=False)
    listener = new(Listener)(
        name=name,
        address=address(host, port),
        filter_chains=[chain.message for chain in conditional or [default]],
        default_filter_chain=default.message if conditional else None,
        listener_filters=[http_inspector()] if sniffs else [],
        listener_filters_timeout=_FIRST_BYTES if sniffs else None,
        continue_on_listener_filters_timeout=sniffs,
        traffic_direction=INBOUND,
        # Two Envoys would share the port silently, and each get half of the connections.
        enable_reuse_port=False,
    )
    return resource(names.LISTENER_TYPE, name, encode(listener), routes_of((*conditional, default)))


@query
def virtual_inbound(db: Reader, ports: tuple[tuple[int, Protocol], ...]) -> Resource:
    """The listener that iptables redirects to; the same for all workloads with these ports."""
    del db
    name = names.VIRTUAL_INBOUND
    blackhole = _proxy_to(names.BLACKHOLE_CLUSTER)
    passthrough = _proxy_to(names.INBOUND_PASSTHROUGH_CLUSTER)
    sniffed = [port for port, protocol in ports if protocol is Protocol.AUTO]
    chains = [
        chain(blackhole, port_match(names.INBOUND_CAPTURE_PORT), f"{name}-blackhole"),
        *(
            port_chain
            for port, protocol in ports
            for port_chain in _chains(port, protocol, by_port=True)
        ),
    ]
    listener = new(Listener)(
        name=name,
        address=address(ANY_ADDRESS, names.INBOUND_CAPTURE_PORT),
        filter_chains=[chain.message for chain in chains],
        default_filter_chain=chain(passthrough, name=f"{name}-passthrough").message,
        listener_filters=[original_destination(), *_inspectors(sniffed)],
        listener_filters_timeout=_FIRST_BYTES if sniffed else None,
        continue_on_listener_filters_timeout=bool(sniffed),
        traffic_direction=INBOUND,
    )
    return resource(names.LISTENER_TYPE, name, encode(listener), routes_of(chains))


def _chains(port: int, protocol: Protocol, *, by_port: bool) -> list[Chain]:
    """The chains of a port; the last takes what the others do not.

    `by_port`: they match the port themselves.
    """
    cluster = names.inbound_cluster(port)
    own = port_match(port) if by_port else None
    chains = []
    if protocol.takes_requests:
        requests = inbound_manager(f"inbound_{port}", names.inbound_route(port))
        if protocol is not Protocol.AUTO:
            return [chain(requests, own, cluster)]
        is_http = http_port_match(port) if by_port else http_match()
        chains.append(chain(requests, is_http, f"{cluster}http"))
    return [*chains, chain(_proxy_to(cluster), own, cluster)]


def _proxy_to(cluster: str) -> NetworkFilter:
    return tcp_proxy((WeightedUpstream(Upstream(cluster)),))


def _inspectors(ports: list[int]) -> Iterable[ListenerFilter]:
    """The HTTP inspector for these ports only: on others the server may be the first to speak."""
    if not ports:
        return ()
    matches = [
        new(ListenerFilterChainMatchPredicate)(
            destination_port_range=new(Int32Range)(start=port, end=port + 1)
        )
        for port in ports
    ]
    sniffed = (
        matches[0]
        if len(matches) == 1
        else new(ListenerFilterChainMatchPredicate)(
            or_match=new(ListenerFilterChainMatchPredicateMatchSet)(rules=matches)
        )
    )
    inspector = http_inspector()
    return (
        new(ListenerFilter)(
            name=inspector.name,
            typed_config=inspector.typed_config,
            filter_disabled=new(ListenerFilterChainMatchPredicate)(not_match=sniffed),
        ),
    )
