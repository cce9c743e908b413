"""Sorted listings of keys: the inputs of a kind, and the buckets and keys of an index."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from translators.database.cells import LeafCell
from translators.database.query import ListingRead

K = TypeVar("K", bound=Hashable)


class ListingCell(LeafCell, Generic[K]):
    """A sorted tuple of distinct keys.

    Attributes:
        home: The listings that this one belongs to.
        key: What it is filed under there.
        size: How many keys there are, pending changes included.
        pending: The exact difference to `value`: key → whether it comes or goes. None for none.
    """

    __slots__ = ("home", "key", "pending", "size")

    value: tuple[K, ...]
    pending: dict[K, bool] | None

    def __init__(self, home: Listings[K], key: Hashable, value: tuple[K, ...]) -> None:
        super().__init__(value, current=True)
        self.home = home
        self.key = key
        self.size = len(value)
        self.pending = None

    def edit(self, key: K, *, present: bool) -> None:
        """Add a key that is not there, or remove one that is."""
        self.size += 1 if present else -1
        pending = self.pending
        if pending is None:
            self.pending = {key: present}
        elif pending.get(key) is (not present):
            del pending[key]
        else:
            pending[key] = present
            if len(pending) > len(self.value) + 16 and not self.is_read():
                self.commit(self.changed_at)

    def latest(self) -> tuple[K, ...]:
        """The keys with pending changes."""
        pending = self.pending
        if not pending:
            return self.value
        if len(pending) > 8 + len(self.value) // 32:
            keys = [key for key in self.value if key not in pending]
            keys += (key for key, present in pending.items() if present)
            keys.sort()  # type: ignore[call-arg]  # index keys are comparable, see `Index`
            return tuple(keys)
        keys = list(self.value)
        for key, present in pending.items():
            place = bisect_left(keys, key)  # type: ignore[call-overload]  # as above
            if present:
                keys.insert(place, key)
            else:
                del keys[place]
        return tuple(keys)

    def merged(self) -> tuple[K, ...]:
        """The keys with pending changes, which are taken in for good if nobody reads them."""
        if self.pending and not self.is_read():
            self.commit(self.changed_at)
        return self.latest()

    def commit(self, clock: int) -> None:
        """Let readers see pending changes."""
        if self.pending:
            self.value = self.latest()
            self.changed_at = clock
        self.pending = None
        self.current = True

    def is_empty(self) -> bool:
        """Whether nothing is filed here."""
        return self.size == 0

    def drop(self) -> None:
        """Leave the listings that this one belongs to."""
        if self.home.cells.get(self.key) is self:
            del self.home.cells[self.key]

    def describe(self) -> ListingRead:
        """What reading this cell is called."""
        return self.home.describe(self.key)


class Listings(Generic[K]):
    """Keys filed under other keys.

    There are inputs by kind, inputs by the keys of an index, and the keys of an index by group,
    where None is the group of them all.

    Attributes:
        cells: What is filed under → the listing; has those not empty, and those asked for.
        describe: Makes what reading one of `cells` is called.
        below: What these are laid over.
    """

    def __init__(
        self, describe: Callable[[Hashable], ListingRead], below: Listings[K] | None = None
    ) -> None:
        self.cells: dict[Hashable, ListingCell[K]] = {}
        self.describe = describe
        self.below = below

    def over(self) -> Listings[K]:
        """New listings laid over these."""
        return Listings(self.describe, self)

    def cell(self, key: Hashable) -> ListingCell[K]:
        """The listing under `key`; an empty one is made when there is none."""
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = ListingCell(self, key, self._below(key))
        return cell

    def peek(self, key: Hashable) -> tuple[K, ...]:
        """The latest keys filed under `key`, without making a cell."""
        cell = self.cells.get(key)
        return self._below(key) if cell is None else cell.merged()

    def copy(self, key: Hashable, other: Listings[K]) -> None:
        """Have the listing under `key` be as it is in other listings."""
        self.cells[key] = ListingCell(self, key, other.peek(key))

    def _below(self, key: Hashable) -> tuple[K, ...]:
        return () if self.below is None else self.below.peek(key)
