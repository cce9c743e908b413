"""Time and chance as values to hand in, so that tests own both.

The only module that reads the system's clock.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the parts that wait, stamp or spread are given.

    Attributes:
        rng: The source of jitter.
    """

    rng: random.Random

    def now(self) -> float:
        """Seconds that only ever grow, from an arbitrary start."""

    def wall(self) -> datetime:
        """The time of day, in UTC."""


class SystemClock:
    """The real thing."""

    def __init__(self) -> None:
        self.rng = random.Random()  # noqa: S311 - spreads load, keeps no secret

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def wall(self) -> datetime:
        """The system's time of day."""
        return datetime.now(UTC)
