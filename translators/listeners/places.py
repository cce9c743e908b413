"""Where in Envoy's tables the chains of branches stand, so that those meant take a connection.

Envoy looks a connection's chain up level by level, the most specific address range first and then
the most specific server name, and does not come back: a chain for a range hides all chains that
say nothing of the address. So every range gets a chain for each branch that reaches into it.

Of server names the most specific wins, as in Envoy; it and a branch for any server name go by the
order of the branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from operator import itemgetter
from typing import NamedTuple

from translators.listeners.connections import Branch
from translators.model.hosts import covers

_ANY = ""
"""Any address, or any server name."""


class Place(NamedTuple):
    """Where a branch has a chain: in each of these ranges, for each of these server names.

    Empty means any.
    """

    branch: Branch
    subnets: tuple[str, ...]
    server_names: tuple[str, ...]


def places(branches: tuple[Branch, ...]) -> tuple[Place, ...]:
    """The places of conditional branches, in their order; no two meet.

    A connection that finds none of them is for what follows the branches. Ranges are whole, as
    `whole_subnets` gives them.
    """
    ranges = dict.fromkeys(subnet for branch in branches for subnet in branch.subnets)
    subnets: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for subnet in (_ANY, *ranges):
        for won in _winners(branches, subnet):
            subnets.setdefault(won, []).append(subnet)
    return tuple(
        Place(branches[number], part, server_names)
        for number, server_names in sorted(subnets, key=itemgetter(0))
        for part in _apart(subnets[number, server_names])
    )


def _apart(subnets: list[str]) -> Iterator[tuple[str, ...]]:
    """Any address apart from ranges: one match cannot mean both."""
    if _ANY in subnets:
        yield ()
    ranges = tuple(subnet for subnet in subnets if subnet != _ANY)
    if ranges:
        yield ranges


def _winners(branches: tuple[Branch, ...], subnet: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(number of a branch, the server names that it wins in a range, empty for any other one)."""
    reaching = {
        number: branch
        for number, branch in enumerate(branches)
        if not branch.subnets or any(_contains(outer, subnet) for outer in branch.subnets)
    }
    winner = {
        name: next(
            number
            for number, branch in reaching.items()
            if not branch.server_names or name in branch.server_names
        )
        for branch in reaching.values()
        for name in branch.server_names or (_ANY,)
    }
    rest = winner.pop(_ANY, None)
    wildcards = [name for name, number in winner.items() if "*" in name and number != rest]
    won: dict[int, tuple[str, ...]] = {}
    for name, number in winner.items():
        # Where the branch for any name wins, a name is needed only against a wildcard.
        if number != rest or any(covers(wildcard, name) for wildcard in wildcards):
            won[number] = (*won.get(number, ()), name)
    yield from won.items()
    if rest is not None:
        yield rest, ()


def _contains(outer: str, inner: str) -> bool:
    """Whether a range holds another one; none holds any address."""
    if inner == _ANY:
        return False
    large, small = ip_network(outer), ip_network(inner)
    if isinstance(large, IPv4Network) and isinstance(small, IPv4Network):
        return small.subnet_of(large)
    if isinstance(large, IPv6Network) and isinstance(small, IPv6Network):
        return small.subnet_of(large)
    return False
