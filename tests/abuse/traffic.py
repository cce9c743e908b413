"""Continuous requests through one sidecar, sent by a thread of their own.

The thread may stand in another network namespace. What the test does meanwhile does not slow it.
Lost is every request that was not answered by an instance of the service that was asked for: an
error, no answer, and the answer of somebody who took the name or the address.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.support.processes.load import Load, load
from tests.support.processes.netns import Namespace


@dataclass(frozen=True)
class Target:
    """A service, where its requests are sent, and who may answer them."""

    host: str
    address: str
    port: int
    instances: frozenset[str]
    per_second: float = 30.0


@dataclass
class Traffic:
    """Loads by host; they run in the block of `async with`."""

    targets: tuple[Target, ...]
    space: Namespace | None = None
    loads: dict[str, Load] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert await asyncio.to_thread(self._started.wait, 10), "the traffic did not begin"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        await asyncio.to_thread(self._thread.join, 20)
        assert not self._thread.is_alive(), "the traffic did not end"

    def lost(self, host: str) -> int:
        """Requests for a host that ended without an answer of one of its instances."""
        [target] = [target for target in self.targets if target.host == host]
        running = self.loads[host]
        return running.total - sum(running.instances[name] for name in target.instances)

    def report(self) -> Mapping[str, str]:
        """Host → the failures in words, and who answered."""
        return {
            host: f"{running.report()}; answered by {dict(running.instances)}"
            for host, running in self.loads.items()
        }

    def _run(self) -> None:
        with self.space.entered() if self.space is not None else nullcontext():
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self._drive())
        self._loop.close()

    async def _drive(self) -> None:
        async with AsyncExitStack() as stack:
            for target in self.targets:
                self.loads[target.host] = await stack.enter_async_context(
                    load(
                        target.port,
                        target.host,
                        address=target.address,
                        workers=2,
                        per_second=target.per_second,
                    )
                )
            self._started.set()
            await self._stop.wait()
