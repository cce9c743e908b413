"""How far each proxy is, since when a revision is under way, and who waits for it.

See `Entry.has` for when a proxy has a revision.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from xds_server.clock import Clock
from xds_server.ledger.entry import Entry
from xds_server.metrics import Metrics
from xds_server.serving.publisher import Publisher

CARRIED_KEPT: Final = 64
"""So many waits for the judge are remembered, for those who ask about a revision later."""


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody who wants to know when a revision is everywhere.

    Attributes:
        revision: The revision.
        carrier: The one that brings what it brought: itself, unless that had to wait.
        lacking: Who does not have it yet; None: it does not exist yet.
        is_over: Whether the answer is known: all have it, or never will.
        done: Is set then.
    """

    revision: int
    carrier: int
    lacking: set[Entry] | None
    is_over: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Convergence:
    """Revisions on their way.

    Args:
        publisher: Knows which revisions there are.
        metrics: Told of what has arrived.
        clock: Says how long it took.
        is_decided: Whether nothing up to a revision is under suspicion any more.
        is_lost: Whether something of a revision is held back, so that waiting is in vain.
    """

    def __init__(
        self,
        publisher: Publisher,
        metrics: Metrics,
        clock: Clock,
        is_decided: Callable[[], bool],
        is_lost: Callable[[int], bool],
    ) -> None:
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._is_decided = is_decided
        self._is_lost = is_lost
        self._waiters: dict[Waiter, None] = {}
        self._carried: deque[range] = deque(maxlen=CARRIED_KEPT)
        self._under_way: dict[int, tuple[float, set[Entry]]] = {}

    def published(self, revision: int, entries: Iterable[Entry]) -> None:
        """A revision is out; from now on its way to the proxies is timed."""
        self._metrics.revision = revision
        lacking = {entry for entry in entries if not entry.has(revision)}
        if lacking:
            self._under_way[revision] = (self._clock.now(), lacking)
        else:
            self._metrics.converged_revision = revision
        for waiter in list(self._waiters):
            if waiter.lacking is None and waiter.revision <= revision:
                waiter.lacking = {entry for entry in entries if not entry.has(waiter.carrier)}
        self.review()

    def carried(self, carried: range, entries: Iterable[Entry]) -> None:
        """What these revisions brought had to wait, and is served with the one after them.

        Whoever waits for one of them waits for that one.
        """
        self._carried.append(carried)
        for waiter in self._waiters:
            if waiter.lacking is not None and waiter.revision in carried:
                waiter.carrier = carried.stop
                waiter.lacking = {entry for entry in entries if not entry.has(carried.stop)}

    def joined(self, entry: Entry) -> None:
        """A proxy has come: who waits, waits for it too."""
        for waiter in self._waiters:
            if waiter.lacking is not None:
                waiter.lacking.add(entry)

    def settled(self, entry: Entry) -> None:
        """A proxy has answered something."""
        for revision in [each for each in self._under_way if entry.has(each)]:
            self._arrived(revision, entry)
        for waiter in self._waiters:
            if waiter.lacking and entry.has(waiter.carrier):
                waiter.lacking.discard(entry)
        self.review()

    def left(self, entry: Entry) -> None:
        """A proxy is gone: nobody waits for it any more."""
        for revision in list(self._under_way):
            self._arrived(revision, entry)
        for waiter in self._waiters:
            if waiter.lacking:
                waiter.lacking.discard(entry)
        self.review()

    def review(self) -> None:
        """Answers those whose answer is known."""
        for waiter in self._waiters:
            if not waiter.is_over and self._is_over(waiter):
                waiter.is_over = True
                waiter.done.set()

    async def wait(
        self,
        revision: int,
        entries: Iterable[Entry],
        timeout: float | None,  # noqa: ASYNC109 - the question has a limit of its own
    ) -> Waiter:
        """Wait until every proxy has a revision.

        End also when that is known to be in vain, or when the time (seconds) is up.
        """
        lacking = None
        carrier = next((each.stop for each in self._carried if revision in each), revision)
        if revision <= self._publisher.revision:
            lacking = {entry for entry in entries if not entry.has(carrier)}
        waiter = Waiter(revision, carrier, lacking)
        waiter.is_over = self._is_over(waiter)
        if waiter.is_over:
            return waiter
        self._waiters[waiter] = None
        try:
            async with asyncio.timeout(timeout):
                await waiter.done.wait()
        except TimeoutError:
            pass
        finally:
            del self._waiters[waiter]
        return waiter

    def _is_over(self, waiter: Waiter) -> bool:
        if waiter.lacking is None or not self._is_decided():
            return False
        return not waiter.lacking or self._is_lost(waiter.revision)

    def _arrived(self, revision: int, entry: Entry) -> None:
        began, lacking = self._under_way[revision]
        lacking.discard(entry)
        if not lacking:
            del self._under_way[revision]
            self._metrics.convergence.observe(self._clock.now() - began)
            if not any(earlier < revision for earlier in self._under_way):
                self._metrics.converged_revision = max(self._metrics.converged_revision, revision)
