"""Where the connections of a TCP or TLS service go.

The branches of its VirtualService's rules, and its cluster.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/ (TLSRoute,
TCPRoute).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network

from translators.database import Reader
from translators.model.routing import L4Match, L4Rule, WeightedDestination
from translators.model.service import ClientScope, Protocol
from translators.model.upstream import WeightedUpstream
from translators.world.destination_rules import policy_of
from translators.world.destinations import live_destinations, upstream_of, upstream_of_host
from translators.world.matches import applies
from translators.world.virtual_services import l4_rules

_ANY_CONNECTION = L4Match()
_ANY_NAME = "*"


@dataclass(frozen=True, slots=True)
class Branch:
    """Connections for these server names to these subnets, and their upstreams by weight.

    No server names or no subnets: any. `idle_timeout` None is Envoy's.
    """

    server_names: tuple[str, ...]
    subnets: tuple[str, ...]
    upstreams: tuple[WeightedUpstream, ...]
    idle_timeout: timedelta | None = None

    @property
    def is_unconditional(self) -> bool:
        """Whether it takes every connection."""
        return not self.server_names and not self.subnets

    @property
    def is_plain(self) -> bool:
        """Whether it takes every connection to one cluster, with Envoy's idle timeout."""
        return self.is_unconditional and len(self.upstreams) == 1 and self.idle_timeout is None


def branches(
    db: Reader, client: ClientScope, host: str, port: int, protocol: Protocol
) -> tuple[Branch, ...]:
    """The branches for a service's port, in order; the last and only the last is unconditional."""
    conditional: list[Branch] = []
    for rule, match in _applying(db, client, host, port, protocol):
        server_names = match.sni_hosts if _ANY_NAME not in match.sni_hosts else ()
        upstreams = tuple(
            WeightedUpstream(upstream_of(db, item.destination, client, port), weight)
            for item, weight in live_destinations(rule.route)
        )
        idle = _idle_timeout(db, client, rule.route[0], port)
        subnets = whole_subnets(match.destination_subnets)
        branch = Branch(tuple(dict.fromkeys(server_names)), subnets, upstreams, idle)
        conditional.append(branch)
        if branch.is_unconditional:
            return tuple(conditional)
    pool = policy_of(db, host, client, port).connection_pool
    idle = None if pool is None else pool.tcp_idle_timeout
    return (*conditional, Branch((), (), (WeightedUpstream(upstream_of_host(host, port)),), idle))


def whole_subnets(subnets: Iterable[str]) -> tuple[str, ...]:
    """The subnets with the bits of hosts cut off, each once.

    `10.1.2.3/8` and `10.0.0.0/8` are the same to Envoy.
    """
    return tuple(dict.fromkeys(str(ip_network(subnet, strict=False)) for subnet in subnets))


def _applying(
    db: Reader, client: ClientScope, host: str, port: int, protocol: Protocol
) -> Iterator[tuple[L4Rule, L4Match]]:
    """The rules with destinations, and their match blocks, that apply to the client and port."""
    for rule in l4_rules(db, host, client.viewer, protocol):
        for match in rule.match or (_ANY_CONNECTION,):
            if rule.route and applies(match, client, port):
                yield rule, match


def _idle_timeout(
    db: Reader, client: ClientScope, first: WeightedDestination, port: int
) -> timedelta | None:
    """What the policy of the first destination says."""
    to = first.destination
    pool = policy_of(db, to.host, client, to.port or port, to.subset).connection_pool
    return None if pool is None else pool.tcp_idle_timeout
