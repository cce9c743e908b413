"""Sorted listings of keys: the inputs of a kind, and the buckets and the keys of an index."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from translators.database.cells import LeafCell
from translators.database.query import InputKey, ListingRead

K = TypeVar("K", bound=Hashable)


class ListingCell(LeafCell, Generic[K]):
    """A sorted tuple of distinct keys.

    Attributes:
        home: The listings that this one belongs to.
        key: What it is filed under there; None for the listing of all that something is filed
            under.
        size: How many keys there are, pending changes included.
        pending: The exact difference to `value`: key → whether it comes or goes. None for none.
    """

    __slots__ = ("home", "key", "pending", "size")

    value: tuple[K, ...]
    pending: dict[K, bool] | None

    def __init__(self, home: Listings, key: Hashable, value: tuple[K, ...]) -> None:
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
        if self is not self.home.names:
            self.home.cells.pop(self.key, None)

    def describe(self) -> ListingRead:
        """What reading this cell is called."""
        home = self.home
        return home.names_read if self is home.names else home.describe(self.key)


class Listings:
    """Keys filed under other keys: inputs by kind, or inputs by the keys of an index.

    Attributes:
        cells: What is filed under → the listing; has those not empty, and those asked for.
        names: The listing of all that something is filed under.
        names_read: What reading `names` is called.
        describe: Makes what reading one of `cells` is called.
        below: What these are laid over.
    """

    def __init__(
        self,
        names_read: ListingRead,
        describe: Callable[[Hashable], ListingRead],
        below: Listings | None = None,
    ) -> None:
        self.names: ListingCell[Hashable] = ListingCell(
            self, None, () if below is None else below.names.merged()
        )
        self.cells: dict[Hashable, ListingCell[InputKey]] = {}
        self.names_read = names_read
        self.describe = describe
        self.below = below

    def over(self) -> Listings:
        """New listings laid over these."""
        return Listings(self.names_read, self.describe, self)

    def cell(self, key: Hashable) -> ListingCell[InputKey]:
        """The listing under `key`; an empty one is made when there is none."""
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = ListingCell(self, key, self._below(key))
        return cell

    def peek(self, key: Hashable) -> tuple[InputKey, ...]:
        """The latest keys filed under `key`, without making a cell."""
        cell = self.cells.get(key)
        return self._below(key) if cell is None else cell.merged()

    def _below(self, key: Hashable) -> tuple[InputKey, ...]:
        return () if self.below is None else self.below.peek(key)
