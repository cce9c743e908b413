"""The demo's user.

A constant stream of requests through the client's sidecar, every answer counted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp

from xds_server.clock import Clock
from xds_server.demo.topology import REVIEWS

PER_SECOND = 100
_WORKERS = 8
_TIMEOUT_SECONDS = 5.0
_RECENT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One request that ended.

    `failure` is empty when it went well; `version`, `zone` and `instance` when nobody said.
    """

    at: float
    version: str = ""
    zone: str = ""
    instance: str = ""
    failure: str = ""


@dataclass(slots=True)
class Tally:
    """Counts of answers. `places` are (version, zone)."""

    total: int = 0
    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Count one more."""
        self.total += 1
        if answer.failure:
            self.failures.append(answer.failure)
        else:
            self.places[answer.version, answer.zone] += 1
            self.instances[answer.instance] += 1

    def version(self, version: str) -> float:
        """The version's share of the good answers, 0 to 1."""
        return self._share(count for (name, _), count in self.places.items() if name == version)

    def zone(self, zone: str) -> float:
        """The zone's share of the good answers, 0 to 1."""
        return self._share(count for (_, name), count in self.places.items() if name == zone)

    def _share(self, counts: Iterator[int]) -> float:
        return sum(counts) / max(1, self.places.total())


class Traffic:
    """Sends requests until cancelled.

    `all` counts every one; `tally` opens a count of those that begin from then on.
    """

    def __init__(self, clock: Clock, egress_port: int) -> None:
        self.all = Tally()
        self._clock = clock
        self._url = f"http://127.0.0.1:{egress_port}/"
        self._recent: deque[Answer] = deque()
        self._open: tuple[Tally, ...] = (self.all,)

    @contextlib.contextmanager
    def tally(self) -> Iterator[Tally]:
        """A count of the requests that begin in the block."""
        tally = Tally()
        self._open = (*self._open, tally)
        try:
            yield tally
        finally:
            self._open = tuple(other for other in self._open if other is not tally)

    def recent(self) -> Tally:
        """The count of the last two seconds."""
        self._forget()
        tally = Tally()
        for answer in self._recent:
            tally.add(answer)
        return tally

    def rate(self) -> float:
        """Answers per second, of the last two seconds."""
        self._forget()
        return len(self._recent) / _RECENT_SECONDS

    async def run(self) -> None:
        """Send until cancelled."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as group,
        ):
            for number in range(_WORKERS):
                group.create_task(self._work(session, number / PER_SECOND))

    async def _work(self, session: aiohttp.ClientSession, offset: float) -> None:
        pause = _WORKERS / PER_SECOND
        due = self._clock.now() + offset
        while True:
            await asyncio.sleep(max(0.0, due - self._clock.now()))
            tallies = self._open
            answer = await self._ask(session)
            self._recent.append(answer)
            for tally in tallies:
                tally.add(answer)
            due = max(due + pause, self._clock.now() - pause)

    async def _ask(self, session: aiohttp.ClientSession) -> Answer:
        try:
            async with session.get(self._url, headers={"Host": REVIEWS}) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Answer(self._clock.now(), failure=f"{type(error).__name__}: {error}")
        headers = response.headers
        if response.status != 200:
            failure = f"HTTP {response.status} {text.strip()[:120]}"
            return Answer(self._clock.now(), failure=failure)
        return Answer(
            self._clock.now(),
            headers.get("x-version", ""),
            headers.get("x-zone", ""),
            headers.get("x-instance", ""),
        )

    def _forget(self) -> None:
        horizon = self._clock.now() - _RECENT_SECONDS
        while self._recent and self._recent[0].at < horizon:
            self._recent.popleft()
