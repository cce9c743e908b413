"""Which of many resources an Envoy rejects, found in few runs of it.

A run ends at the first resource that Envoy rejects. Its words or its log mostly say which one that
is; then that is taken out. The rest is halved and both halves are read at once: so of any number
of resources K bad ones take 2K + 1 runs at most, and where nothing is said it is a bisection.
What is only likely is read alone meanwhile, so that nothing is rejected on a guess.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from translators.model.resource import Resource
from xds_server.judge.bootstrap import (
    LIMIT,
    bootstrap,
    indexed_places,
    load_order,
    tagged_places,
    untagged,
)
from xds_server.judge.envoy import Refusal

Read = Callable[[bytes], Awaitable[Refusal | None]]
"""Has an Envoy read an encoded bootstrap."""

_WRONG_GUESSES: Final = 3
_LAST_WORDS: Final = 1024
_INDEX: Final = re.compile(r"\b(Clusters|Listeners)\[(\d+)\]")
_BEGUN: Final = re.compile(r"^debug\|begin add/update listener: name=(\S+) ", re.MULTILINE)
_ADDED: Final = re.compile(r"^debug\|add active listener: name=(\S+),", re.MULTILINE)
_UNDONE: Final = re.compile(r"^debug\|init manager Cluster (\S+) destroyed", re.MULTILINE)
_READING: Final = re.compile(r"^info\|loading \d+ cluster", re.MULTILINE)
_DONE: Final = re.compile(r"^info\|loading \d+ listener", re.MULTILINE)


async def rejected(resources: Sequence[Resource], read: Read) -> dict[Resource, str]:
    """The resources that an Envoy rejects, with the reason of each, in its own words.

    Raises:
        JudgeError: It cannot be run.
    """
    sorting = _Sorting(read)
    chunks = [resources[start : start + LIMIT] for start in range(0, len(resources), LIMIT)]
    await asyncio.gather(*map(sorting.sort, chunks))
    return sorting.rejected


class _Sorting:
    def __init__(self, read: Read) -> None:
        self.rejected: dict[Resource, str] = {}
        self._read = read
        self._wrong_guesses = 0

    async def sort(self, resources: Sequence[Resource]) -> None:
        if not resources:
            return
        refusal = await self._read(bootstrap(resources))
        if refusal is None:
            return
        if len(resources) == 1:
            self.rejected[resources[0]] = untagged(refusal.reason, resources)
            return
        named = _named(refusal, resources)
        if named is not None:
            self.rejected[resources[named]] = untagged(refusal.reason, resources)
            await self._sort_halves(_without(resources, (named,)))
            return
        likely = _likely(refusal.log, resources)
        if 0 < len(likely) < len(resources) and self._wrong_guesses < _WRONG_GUESSES:
            rest = _without(resources, likely)
            await asyncio.gather(self._try(resources, likely), self._sort_halves(rest))
            return
        await self._sort_halves(resources)

    async def _sort_halves(self, resources: Sequence[Resource]) -> None:
        """Sort two halves at once: each run of the one or the other tells of one resource more."""
        half = (len(resources) + 1) // 2
        await asyncio.gather(self.sort(resources[:half]), self.sort(resources[half:]))

    async def _try(self, resources: Sequence[Resource], likely: Sequence[int]) -> None:
        """Read resources alone of which one is likely to be what was rejected."""
        await asyncio.gather(*[self.sort([resources[place]]) for place in likely])
        if all(resources[place] not in self.rejected for place in likely):
            self._wrong_guesses += 1


def _named(refusal: Refusal, resources: Sequence[Resource]) -> int | None:
    """The place of the one resource that Envoy surely rejected; None when it does not say."""
    begun = _BEGUN.findall(refusal.log)
    if begun and begun[-1] not in _ADDED.findall(refusal.log):
        places = set(tagged_places(begun[-1]))
    else:
        # Its words may repeat all that it has read, and the reason comes last.
        words = refusal.reason[-_LAST_WORDS:]
        places = {
            listed[int(index)]
            for kind, index in _INDEX.findall(words)
            if int(index) < len(listed := indexed_places(resources)[kind])
        }
    places = {place for place in places if place < len(resources)}
    return places.pop() if len(places) == 1 else None


def _likely(log: str, resources: Sequence[Resource]) -> Sequence[int]:
    """The places of two clusters of which Envoy was reading one when it gave up.

    It reads them in order, those with EDS last, and what it has read it lets go. Empty when it was
    reading something else.
    """
    if _DONE.search(log) or not _READING.search(log):
        return ()
    read = {place for tag in _UNDONE.findall(log) for place in tagged_places(tag)}
    order = load_order(resources)
    last = max((number for number, place in enumerate(order) if place in read), default=-1)
    return order[max(last, 0) : last + 2]


def _without(resources: Sequence[Resource], places: Sequence[int]) -> Sequence[Resource]:
    return [resource for place, resource in enumerate(resources) if place not in places]
