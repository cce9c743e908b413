"""Lists that translation makes shard by shard, put together."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from translators.world import SHARDS

T = TypeVar("T", bound=Hashable)


def everywhere(found: Callable[[int], tuple[T, ...]]) -> tuple[T, ...]:
    """What is found in any shard, each once, in the order of the shards."""
    return tuple(dict.fromkeys(one for shard in SHARDS for one in found(shard)))
