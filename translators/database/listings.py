"""Sorted listings of keys: the inputs of a kind, and those under the keys of an index."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from translators.database.cells import LeafCell
from translators.database.query import Index, IndexKeysRead, ListingRead
from translators.object_key import ObjectKey

K = TypeVar("K", bound=Hashable)

_ALL = (None,)
_SHORT = 32
"""Longer listings are cells, which take many edits at once without a copy for each."""


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
        cells: What is filed under → the listing, if somebody asked for it or it is long.
        plain: What is filed under → the keys of all other listings, of which none is empty.
        describe: Makes what reading one of `cells` is called.
        below: What these are laid over.
    """

    def __init__(
        self, describe: Callable[[Hashable], ListingRead], below: Listings[K] | None = None
    ) -> None:
        self.cells: dict[Hashable, ListingCell[K]] = {}
        self.plain: dict[Hashable, tuple[K, ...]] = {}
        self.describe = describe
        self.below = below

    def __len__(self) -> int:
        return len(self.cells) + len(self.plain)

    def over(self) -> Listings[K]:
        """New listings laid over these."""
        return Listings(self.describe, self)

    def cell(self, key: Hashable) -> ListingCell[K]:
        """The listing under `key`; an empty one is made when there is none."""
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = ListingCell(self, key, self.peek(key))
            self.plain.pop(key, None)
        return cell

    def peek(self, key: Hashable) -> tuple[K, ...]:
        """The latest keys filed under `key`, without making a cell."""
        cell = self.cells.get(key)
        if cell is not None:
            return cell.merged()
        if self.below is not None:
            return self.below.peek(key)
        return self.plain.get(key, ())

    def edit(self, key: Hashable, member: K, present: bool, stale: list[LeafCell]) -> int:
        """File a member that is not there under `key`, or take away one that is.

        Returns:
            How many there are then. If readers of the listing must be told, it joins `stale`.
        """
        cell = self.cells.get(key)
        if cell is None:
            before = self.plain.get(key, ())
            if self.below is None and len(before) < _SHORT:
                return self._edit_plain(key, before, member, present)
            cell = self.cell(key)
        cell.edit(member, present=present)
        if cell.current:
            cell.current = False
            stale.append(cell)
        size = cell.size
        if not size and self.below is None and not cell.is_read():
            cell.drop()
        return size

    def copy(self, key: Hashable, other: Listings[K]) -> None:
        """Have the listing under `key` be as it is in other listings."""
        self.cells[key] = ListingCell(self, key, other.peek(key))

    def filed(self) -> set[Hashable]:
        """All that something is filed under."""
        keys = set() if self.below is None else self.below.filed()
        keys.update(self.plain)
        keys.difference_update([key for key, cell in self.cells.items() if not cell.size])
        keys.update([key for key, cell in self.cells.items() if cell.size])
        return keys

    def _edit_plain(self, key: Hashable, before: tuple[K, ...], member: K, present: bool) -> int:
        if not before:
            self.plain[key] = (member,)
            return 1
        members = list(before)
        if present:
            insort(members, member)  # type: ignore[call-overload]  # index keys are comparable
        else:
            members.remove(member)
        if members:
            self.plain[key] = tuple(members)
        else:
            del self.plain[key]
        return len(members)


class Names(Listings[Hashable]):
    """The keys of an index by group, made when somebody asks for the first of them.

    Attributes:
        index: The index.
        table: The inputs by these keys.
        is_made: Whether somebody asked.
    """

    def __init__(
        self, index: Index, table: Listings[ObjectKey], below: Names | None = None
    ) -> None:
        super().__init__(lambda group: IndexKeysRead(index.name, group), below)
        self.index = index
        self.table = table
        self.is_made = below is not None

    def laid_over(self, table: Listings[ObjectKey]) -> Names:
        """The same laid over these, for a table that is laid over theirs."""
        return Names(self.index, table, self if self.is_made else None)

    def groups(self, name: Hashable) -> tuple[Hashable, ...]:
        """The groups of a key, None among them."""
        return (None, name[0]) if self.index.is_grouped and isinstance(name, tuple) else _ALL

    def cell(self, key: Hashable) -> ListingCell[Hashable]:
        """The keys in a group; an empty listing is made when there are none."""
        if not self.is_made:
            self._make()
        return super().cell(key)

    def peek(self, key: Hashable) -> tuple[Hashable, ...]:
        """The latest keys in a group, without making a cell."""
        if not self.is_made:
            self._make()
        return super().peek(key)

    def _make(self) -> None:
        self.is_made = True
        members: dict[Hashable, list[Hashable]] = {}
        for name in self.table.filed():
            for group in self.groups(name):
                members.setdefault(group, []).append(name)
        for group, names in members.items():
            names.sort()  # type: ignore[call-arg]  # index keys are comparable
            self.cells[group] = ListingCell(self, group, tuple(names))
