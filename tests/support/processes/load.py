"""Constant load through a sidecar's egress listener, with every failure on record.

async with load(envoy.egress_port, "reviews.default") as running:
    ... change something ...
    await running.seen(500)
assert running.failures == []
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp


@dataclass(frozen=True)
class Failure:
    """A request that was not answered with 2xx. `at` is seconds since the load began."""

    at: float
    reason: str

    def __str__(self) -> str:
        return f"{self.at:7.3f}s {self.reason}"


@dataclass
class Load:
    """What was answered so far.

    Statuses and instances count answers, `failures` everything that was not 2xx.
    """

    total: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    zones: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    _windows: list[Load] = field(default_factory=list)

    async def seen(self, requests: int, timeout: float = 30.0) -> None:
        """Wait until that many more requests have ended."""
        goal = self.total + requests
        async with asyncio.timeout(timeout):
            while self.total < goal:
                await asyncio.sleep(0.01)

    async def window(self, requests: int, timeout: float = 30.0) -> Load:
        """The counts of requests that are sent from now on, at least that many.

        Ones in flight already are not in it.
        """
        window = Load()
        self._windows.append(window)
        await window.seen(requests, timeout)
        self._windows.remove(window)
        return window

    def share(self, version: str) -> float:
        """The version's part of all answers that named one, 0 to 1."""
        return self.versions[version] / max(1, self.versions.total())

    def report(self) -> str:
        """The failures as text, at most twenty, and the counts."""
        lines = [str(failure) for failure in self.failures[:20]]
        counts = f"{len(self.failures)} of {self.total} failed; {dict(self.statuses)}"
        return "\n".join([counts, *lines])

    def open_windows(self) -> tuple[Load, ...]:
        """The counters that a request which begins now belongs to."""
        return (self, *self._windows)

    def add(self, status: int | None, headers: Mapping[str, str], failure: Failure | None) -> None:
        """Count one request that ended; `status` is None when nothing was answered."""
        self.total += 1
        if status is not None:
            self.statuses[status] += 1
        for counter, header in (
            (self.instances, "x-instance"),
            (self.versions, "x-version"),
            (self.zones, "x-zone"),
        ):
            if header in headers:
                counter[headers[header]] += 1
        if failure is not None:
            self.failures.append(failure)


@asynccontextmanager
async def load(
    port: int,
    host: str,
    *,
    address: str = "127.0.0.1",
    workers: int = 4,
    per_second: float = 200.0,
    path: str = "/",
    headers: dict[str, str] | None = None,
    timeout: float = 5.0,
    keep_alive: bool = True,
) -> AsyncIterator[Load]:
    """Send requests for a host to `address:port` until the block is left.

    Then the requests in flight are still counted.

    Args:
        port: The egress listener.
        host: The Host header.
        address: Where the listener is.
        workers: How many connections at a time.
        per_second: Requests of all workers together; 0 is as fast as they can.
        path: The path asked for.
        headers: More headers.
        timeout: Seconds after which a request counts as failed.
        keep_alive: False makes a connection for each request.
    """
    running = Load()
    stop = asyncio.Event()
    connector = aiohttp.TCPConnector(limit=0, force_close=not keep_alive)
    url = f"http://{address}:{port}{path}"
    sent = {**(headers or {}), "Host": host}
    began = asyncio.get_running_loop().time()
    pause = workers / per_second if per_second else 0.0

    async def work(session: aiohttp.ClientSession, offset: float) -> None:
        loop = asyncio.get_running_loop()
        due = began + offset
        while not stop.is_set():
            await _one(session, url, sent, running, began)
            due = max(due + pause, loop.time() - pause)
            await asyncio.sleep(max(0.0, due - loop.time()))

    client_timeout = aiohttp.ClientTimeout(total=timeout)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=client_timeout) as session,
        asyncio.TaskGroup() as group,
    ):
        for number in range(workers):
            group.create_task(work(session, number * pause / workers))
        try:
            yield running
        finally:
            stop.set()


async def _one(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], running: Load, began: float
) -> None:
    loop = asyncio.get_running_loop()
    counters = running.open_windows()
    status: int | None = None
    answered: Mapping[str, str] = {}
    reason = ""
    try:
        async with session.get(url, headers=headers, allow_redirects=False) as answer:
            body = await answer.read()
            status, answered = answer.status, answer.headers
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"
    else:
        if not 200 <= status < 300:
            author = answered.get("x-instance") or answered.get("server", "")
            reason = f"{status} from {author}: {body[:200]!r}"
    failure = Failure(loop.time() - began, reason) if reason else None
    for counter in counters:
        counter.add(status, answered, failure)
