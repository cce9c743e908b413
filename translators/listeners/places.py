"""Where in Envoy's tables the chains of branches stand, so that those meant take a connection.

Envoy looks a connection's chain up level by level, the most specific address range first and then
the most specific server name, and does not come back: a chain for a range hides all chains that
say nothing of the address. So every range gets a chain for each branch that reaches into it.

Of server names the most specific wins, as in Envoy; it and a branch for any server name go by the
order of the branches, of which none is reached behind the first one for any. As ranges times server
names could be millions, they are few: a branch that would be one too many stands as it is written,
for the ranges and names that nobody has there.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from operator import itemgetter
from typing import Final, NamedTuple

from translators.listeners.connections import Branch

MAX_CROSSINGS: Final = 2000
"""How many ranges times server names are looked at together: some 50 ms of work."""
_ANY: Final = ""
"""Any address, or any server name."""

Won = tuple[int, tuple[str, ...]]
"""The number of a branch, and the server names for which it is meant; empty for any other one."""


class Place(NamedTuple):
    """Where a branch has a chain: in each of these ranges, for each of these server names.

    Empty means any.
    """

    branch: Branch
    subnets: tuple[str, ...]
    server_names: tuple[str, ...]


class _Block(NamedTuple):
    """A range of addresses: its IP version, the length of its prefix, and the prefix."""

    version: int
    length: int
    prefix: int


_ANYWHERE: Final = _Block(0, 0, 0)
"""Not of any version: what says nothing of addresses."""


def places(branches: tuple[Branch, ...]) -> tuple[Place, ...]:
    """The places of conditional branches, in their order; no two meet.

    A connection that finds none of them is for what follows the branches. Ranges are whole, as
    `whole_subnets` gives them.
    """
    crossed = _affordable(branches)
    subnets: dict[Won, list[str]] = {}
    reach = _Reach(crossed)
    for subnet in (_ANY, *reach.subnets):
        for won in _winners(branches, reach.into(subnet)):
            subnets.setdefault(won, []).append(subnet)
    placed = [
        Place(branches[number], part, server_names)
        for number, server_names in sorted(subnets, key=itemgetter(0))
        for part in _apart(subnets[number, server_names])
    ]
    if len(crossed) < len(branches):
        others = (branch for number, branch in enumerate(branches) if number not in crossed)
        placed += _as_written(others, placed)
    return tuple(placed)


def _affordable(branches: tuple[Branch, ...]) -> Mapping[int, Branch]:
    """The branches by their numbers, without those that would be too many."""
    affordable: dict[int, Branch] = {}
    ranges: set[str] = set()
    names: set[str] = set()
    for number, branch in enumerate(branches):
        more_ranges = set(branch.subnets) - ranges
        more_names = set(branch.server_names) - names
        if (len(ranges) + len(more_ranges)) * (len(names) + len(more_names)) <= MAX_CROSSINGS:
            ranges |= more_ranges
            names |= more_names
            affordable[number] = branch
    return affordable


def _as_written(branches: Iterator[Branch], placed: list[Place]) -> Iterator[Place]:
    """The places that branches say of themselves, as far as nothing stands there."""
    taken = {
        (subnet, name)
        for place in placed
        for subnet in place.subnets or (_ANY,)
        for name in place.server_names or (_ANY,)
    }
    for branch in branches:
        subnets = branch.subnets or (_ANY,)
        free = tuple(
            name
            for name in branch.server_names or (_ANY,)
            if not any((subnet, name) in taken for subnet in subnets)
        )
        if free:
            taken.update((subnet, name) for subnet in subnets for name in free)
            yield Place(branch, branch.subnets, free if branch.server_names else ())


def _apart(subnets: list[str]) -> Iterator[tuple[str, ...]]:
    """Any address apart from ranges: one match cannot mean both."""
    if _ANY in subnets:
        yield ()
    ranges = tuple(subnet for subnet in subnets if subnet != _ANY)
    if ranges:
        yield ranges


class _Reach:
    """Which branches reach into which range of addresses, as far as they may win there."""

    def __init__(self, branches: Mapping[int, Branch]) -> None:
        self.subnets = {
            subnet: _block(subnet) for branch in branches.values() for subnet in branch.subnets
        }
        self._by_block: dict[_Block, list[int]] = {}
        taken: dict[_Block, set[str]] = {}
        for number, branch in branches.items():
            for block in [self.subnets[subnet] for subnet in branch.subnets] or [_ANYWHERE]:
                names = taken.setdefault(block, set())
                own = branch.server_names or (_ANY,)
                if _ANY not in names and not names.issuperset(own):
                    names.update(own)
                    self._by_block.setdefault(block, []).append(number)
        self._lengths = sorted({(block.version, block.length) for block in self._by_block})

    def into(self, subnet: str) -> Iterator[int]:
        """The numbers of those that reach into a range, or to any address; in order."""
        around = [self._by_block.get(_ANYWHERE, [])]
        if subnet != _ANY:
            version, length, prefix = self.subnets[subnet]
            around += [
                self._by_block.get(_Block(version, outer, prefix >> length - outer), [])
                for other, outer in self._lengths
                if other == version and outer <= length
            ]
        return heapq.merge(*around)


def _block(subnet: str) -> _Block:
    network = ip_network(subnet)
    length = network.prefixlen
    prefix = int(network.network_address) >> network.max_prefixlen - length
    return _Block(network.version, length, prefix)


def _winners(branches: tuple[Branch, ...], reaching: Iterator[int]) -> Iterator[Won]:
    """What branches win of the connections that reach them, in order."""
    winner: dict[str, int] = {}
    rest: int | None = None
    for number in reaching:
        names = branches[number].server_names
        if not names:
            rest = number
            break
        for name in names:
            winner.setdefault(name, number)
    wins: dict[int, list[str]] = {}
    for name, number in winner.items():
        wins.setdefault(number, []).append(name)
    for number, won in wins.items():
        yield number, tuple(won)
    if rest is not None:
        yield rest, ()
