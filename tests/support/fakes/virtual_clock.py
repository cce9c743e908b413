"""A clock that tests own."""

from __future__ import annotations

import random
from datetime import UTC, datetime


class VirtualClock:
    """A clock that stands still until it is told to move; its chance is seeded."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        self._start = datetime(2000, 1, 1, tzinfo=UTC)
        self._now = 0.0

    def now(self) -> float:
        """Seconds advanced so far."""
        return self._now

    def wall(self) -> datetime:
        """Midnight of 2000-01-01 plus what was advanced."""
        return datetime.fromtimestamp(self._start.timestamp() + self._now, UTC)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
