"""What listeners behind iptables are put together from, whichever address they are for."""

from __future__ import annotations

from collections.abc import Iterable

from envoy_data_plane.envoy.config.listener.v3 import Listener, ListenerFilter

from translators import names
from translators.codec import encode, new
from translators.envoy.addresses import address
from translators.envoy.durations import NO_LIMIT
from translators.listeners.filter_chains import (
    OUTBOUND,
    Chain,
    branch_match,
    chain,
    http_match,
    http_range_match,
    routes_of,
    tcp_proxy,
)
from translators.listeners.http_connection_manager import outbound_manager
from translators.listeners.places import Place
from translators.model.resource import Resource, resource
from translators.model.upstream import Upstream, WeightedUpstream

PASSTHROUGH = (WeightedUpstream(Upstream(names.PASSTHROUGH_CLUSTER)),)
"""Connections go on to where the client wanted."""


def requests_chains(port: int, places: Iterable[Place] = ()) -> list[Chain]:
    """The chains for plaintext HTTP, by the route configuration of the port.

    Whatever its address: where other chains stand for ranges of addresses, it has one there too.
    """
    manager = outbound_manager(f"outbound_{port}", str(port))
    ranges = tuple(dict.fromkeys(subnet for place in places for subnet in place.subnets))
    chains = [chain(manager, http_match())]
    if ranges:
        chains.append(chain(manager, http_range_match(ranges)))
    return chains


def place_chain(place: Place) -> Chain:
    """Give the chain for the connections of a branch that arrive at a place."""
    branch = place.branch
    return chain(
        tcp_proxy(branch.upstreams, branch.idle_timeout),
        branch_match(place.server_names, place.subnets),
    )


def unbound_listener(
    host: str,
    port: int,
    chains: list[Chain],
    default: Chain,
    inspectors: list[ListenerFilter],
) -> Resource:
    """A listener without a socket of its own.

    It waits for first bytes as long as there are none.
    """
    name = names.listener(host, port)
    listener = new(Listener)(
        name=name,
        address=address(host, port),
        filter_chains=[chain.message for chain in chains],
        default_filter_chain=default.message,
        listener_filters=inspectors,
        listener_filters_timeout=NO_LIMIT if inspectors else None,
        continue_on_listener_filters_timeout=bool(inspectors),
        bind_to_port=False,
        traffic_direction=OUTBOUND,
    )
    needs = routes_of((*chains, default))
    return resource(names.LISTENER_TYPE, name, encode(listener), needs)
