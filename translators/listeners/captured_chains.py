"""What listeners behind iptables are put together from, whichever address they are for."""

from __future__ import annotations

from envoy_data_plane.envoy.config.listener.v3 import Listener, ListenerFilter

from translators import names
from translators.codec import encode, new
from translators.envoy.addresses import address
from translators.envoy.durations import NO_LIMIT
from translators.listeners.connections import Branch
from translators.listeners.filter_chains import (
    OUTBOUND,
    Chain,
    branch_match,
    chain,
    http_match,
    routes_of,
    tcp_proxy,
)
from translators.listeners.http_connection_manager import outbound_manager
from translators.model.resource import Resource, resource
from translators.model.upstream import Upstream, WeightedUpstream

PASSTHROUGH = (WeightedUpstream(Upstream(names.PASSTHROUGH_CLUSTER)),)
"""Connections go on to where the client wanted."""


def requests_chain(port: int) -> Chain:
    """The chain for plaintext HTTP, by the route configuration of the port."""
    return chain(outbound_manager(f"outbound_{port}", str(port)), http_match())


def branch_chain(branch: Branch) -> Chain:
    """Give the chain for a branch's connections."""
    return chain(
        tcp_proxy(branch.upstreams, branch.idle_timeout),
        branch_match(branch.server_names, branch.subnets),
    )


def unseen(branch: Branch, seen: set[tuple[str, str]]) -> Branch | None:
    """The branch for the server names that no earlier one has to its subnets.

    Envoy rejects two chains with the same match.
    """
    subnets = branch.subnets or ("",)
    fresh = tuple(
        server_name
        for server_name in branch.server_names or ("",)
        if not any((server_name, subnet) in seen for subnet in subnets)
    )
    if not fresh:
        return None
    seen.update((server_name, subnet) for server_name in fresh for subnet in subnets)
    server_names = fresh if branch.server_names else ()
    return Branch(server_names, branch.subnets, branch.upstreams, branch.idle_timeout)


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
