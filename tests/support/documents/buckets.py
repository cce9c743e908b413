"""Lists that translation makes bucket by bucket, put together."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from translators.world import BUCKETS

T = TypeVar("T", bound=Hashable)


def everywhere(found: Callable[[int], tuple[T, ...]]) -> tuple[T, ...]:
    """What is found in any bucket, each once, in the order of the buckets."""
    return tuple(dict.fromkeys(one for bucket in BUCKETS for one in found(bucket)))
