"""Which names were edited on the way from one set of resources to another, without holding any set in between."""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_LENGTH = 64


class EditLog(Generic[T]):
    """Which names were edited on the way to a set; linked to the logs of the set's ancestors, not to their resources.

    `lineage` is one object for all sets that descend from one another; what is derived from a lineage is kept by it.
    """

    __slots__ = ("depth", "edited", "lineage", "parent")

    def __init__(
        self, parent: EditLog[T] | None, edited: tuple[str, ...], lineage: Lineage[T]
    ) -> None:
        self.parent = parent
        self.edited = edited
        self.lineage = lineage
        self.depth: int = 0 if parent is None else parent.depth + 1
        if self.depth and self.depth % (_LENGTH // 2) == 0:
            self._forget()

    def _forget(self) -> None:
        """Cut the log so that it stays short."""
        log: EditLog[T] | None = self
        for _ in range(_LENGTH // 2):
            if log is None:
                return
            log = log.parent
        if log is not None:
            log.parent = None

    def edited_since(self, old: EditLog[T]) -> Collection[str] | None:
        """The names edited between an earlier (or sibling) log's end and this one's; None when that is forgotten."""
        if self.parent is old:
            return self.edited
        if self.lineage is not old.lineage:
            return None
        before: dict[EditLog[T], int] = {}
        theirs: EditLog[T] | None = old
        while theirs is not None:
            before[theirs] = len(before)
            theirs = theirs.parent
        names: dict[str, None] = {}
        mine: EditLog[T] | None = self
        while mine is not None and mine not in before:
            names.update(dict.fromkeys(mine.edited))
            mine = mine.parent
        if mine is None:
            return None
        for log, _ in zip(before, range(before[mine]), strict=False):
            names.update(dict.fromkeys(log.edited))
        return names


class Lineage(Generic[T]):
    """A line of sets that were edited one from another.

    Attributes:
        selected: Who selects from it → the newest set it selected from, and what it got.
    """

    __slots__ = ("selected",)

    def __init__(self) -> None:
        self.selected: WeakKeyDictionary[object, tuple[T, T]] = WeakKeyDictionary()
