"""Which names were edited on the way from one snapshot to another, without holding any snapshot in between."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from xds_server.ads.snapshot import Snapshot

_TRAIL_LENGTH = 64


class Trail:
    """Which names were edited on the way to a snapshot; linked to the snapshot's ancestors, not to their resources.

    ``series`` is one object for all snapshots that descend from one another; what is derived from a series is kept by it.
    """

    __slots__ = ("depth", "edited", "parent", "series")

    def __init__(self, parent: Trail | None, edited: tuple[str, ...], series: Series) -> None:
        self.parent = parent
        self.edited = edited
        self.series = series
        self.depth: int = 0 if parent is None else parent.depth + 1
        if self.depth and self.depth % (_TRAIL_LENGTH // 2) == 0:
            self._forget()

    def _forget(self) -> None:
        """Cuts the trail so that it stays short."""
        node: Trail | None = self
        for _ in range(_TRAIL_LENGTH // 2):
            if node is None:
                return
            node = node.parent
        if node is not None:
            node.parent = None

    def edited_since(self, old: Trail) -> Collection[str] | None:
        """The names edited between an earlier (or sibling) trail's end and this one's; None when that is forgotten."""
        if self.parent is old:
            return self.edited
        if self.series is not old.series:
            return None
        before: dict[Trail, int] = {}
        theirs: Trail | None = old
        while theirs is not None:
            before[theirs] = len(before)
            theirs = theirs.parent
        names: dict[str, None] = {}
        mine: Trail | None = self
        while mine is not None and mine not in before:
            names.update(dict.fromkeys(mine.edited))
            mine = mine.parent
        if mine is None:
            return None
        for trail, _ in zip(before, range(before[mine]), strict=False):
            names.update(dict.fromkeys(trail.edited))
        return names


class Series:
    """A line of snapshots that were edited one from another.

    Attributes:
        selected: Who selects from it → the newest snapshot it selected from, and what it got.
    """

    __slots__ = ("selected",)

    def __init__(self) -> None:
        self.selected: WeakKeyDictionary[object, tuple[Snapshot, Snapshot]] = WeakKeyDictionary()
