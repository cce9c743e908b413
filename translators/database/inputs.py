"""The inputs of a database and the listings made of them, each a cell that results can depend on.

`Inputs` knows nothing of results. Before an edit it works out everything that the edit touches, so
that an index function that raises leaves all as it was; then it changes the cells and hands back
those whose readers must be told.

Inputs can be laid over other inputs, for a fork: what is not in the overlay is looked up below and
copied up when asked for, and before the ones below change, they first push the old state up to
their overlays.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from weakref import WeakSet

from translators.database.cells import InputCell, LeafCell
from translators.database.listings import ListingCell, Listings, Names
from translators.database.query import Index, KindRead, LookupRead
from translators.object_key import ObjectKey

_Edit = tuple[int, Hashable, bool]
"""One change of a listing: the number of the table, what is filed under, and whether the input
comes or goes."""


class Inputs:
    """All inputs, with their listings.

    Attributes:
        cells: Input key → cell. Holds what is present, and what some result has asked for.
        kinds: The inputs by kind.
        tables: `kinds`, then the inputs by the keys of each index.
        names: For each index the keys under which inputs are filed, by group.
        overlays: The inputs laid over these, as long as somebody uses them.
        edited_inputs: The inputs of an overlay that may differ from those below.
        edited_listings: The listings of an overlay that may differ from those below.
    """

    def __init__(self, indexes: Iterable[Index], below: Inputs | None = None) -> None:
        self.cells: dict[ObjectKey, InputCell] = {}
        self.below = below
        self.overlays: WeakSet[Inputs] = WeakSet()
        self.indexes = tuple(dict.fromkeys(indexes))
        if below is None:
            self.kinds = Listings[ObjectKey](_kind_read)
            self.tables = (self.kinds, *map(_listings, self.indexes))
            self.names = tuple(map(Names, self.indexes, self.tables[1:]))
        else:
            self.tables = tuple(table.over() for table in below.tables)
            self.kinds = self.tables[0]
            self.names = tuple(
                names.laid_over(table)
                for names, table in zip(below.names, self.tables[1:], strict=True)
            )
        self._numbers = {index: number for number, index in enumerate(self.indexes, start=1)}
        self._of_kind: dict[str, list[Index]] = {}
        for index in self.indexes:
            self._of_kind.setdefault(index.kind, []).append(index)
        self.edited_inputs: dict[ObjectKey, None] = {}
        self.edited_listings: dict[tuple[int, Hashable], None] = {}
        if below is not None:
            below.overlays.add(self)

    def index(self, index: Index) -> Listings[ObjectKey]:
        """The listings of an index.

        Raises:
            LookupError: The database was made without this index.
        """
        return self.tables[self._number(index)]

    def keys(self, index: Index) -> Names:
        """The keys of an index by group, all of them under None.

        Raises:
            LookupError: The database was made without this index.
        """
        return self.names[self._number(index) - 1]

    def _number(self, index: Index) -> int:
        try:
            return self._numbers[index]
        except KeyError:
            raise LookupError(
                f"the database has no index {index.name!r}; give it to Database(indexes=...)"
            ) from None

    def cell(self, key: ObjectKey) -> InputCell:
        """The input under `key`; one that stands for its absence is made when there is none."""
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = InputCell(key, *self._below(key))
        return cell

    def peek(self, key: ObjectKey) -> tuple[object | None, int | None]:
        """The latest value and revision, without making a cell; twice None when absent."""
        cell = self.cells.get(key)
        return self._below(key) if cell is None else (cell.latest(), cell.revision)

    def put(self, key: ObjectKey, value: object | None, revision: int) -> list[LeafCell] | None:
        """Set an input, or remove it if the value is None.

        Returns:
            The cells whose readers must be told; None when the value is equal to the present one.
        """
        old = self.peek(key)[0]
        if value is old or value == old:
            return None
        edits = self._edits(key, old, value)
        if self.overlays:
            for overlay in self.overlays:
                overlay.keep(key, edits)
        stale: list[LeafCell] = []
        cell = self.cell(key)
        cell.revision = None if value is None else revision
        if not cell.is_read():
            cell.value, cell.pending, cell.current = value, None, True
            self.drop(cell)
        else:
            cell.pending = value
            if cell.current:
                cell.current = False
                stale.append(cell)
        self._file(key, edits, stale)
        if self.below is not None:
            self._note_edits(key, edits)
        return stale

    def _file(self, key: ObjectKey, edits: list[_Edit], stale: list[LeafCell]) -> None:
        for number, name, present in edits:
            size = self.tables[number].edit(name, key, present, stale)
            if size == present and number:  # the first one came, or the last one went
                names = self.names[number - 1]
                if names.is_made:
                    for group in names.groups(name):
                        names.edit(group, name, present, stale)

    def drop(self, cell: LeafCell) -> None:
        """Forget a cell that nobody reads, if it stands for something absent."""
        if self.below is not None or not cell.is_empty():
            return  # an overlay has to know what it lacks
        if isinstance(cell, InputCell):
            self.cells.pop(cell.key, None)
        elif isinstance(cell, ListingCell):
            cell.drop()

    def over(self) -> Inputs:
        """New inputs laid over these."""
        return Inputs(self.indexes, self)

    def keep(self, key: ObjectKey, edits: list[_Edit]) -> None:
        """Copy up the state of what is about to change below."""
        self.cell(key)
        for number, name, _ in edits:
            self.tables[number].cell(name)
        for names, group in self._groups((number, name) for number, name, _ in edits):
            if self.names[names].is_made:
                self.names[names].cell(group)
        self._note_edits(key, edits)

    def copy_edits(self, other: Inputs) -> None:
        """Become equal to another overlay of the same inputs."""
        for key in other.edited_inputs:
            self.cells[key] = InputCell(key, *other.peek(key))
        for number, name in other.edited_listings:
            self.tables[number].copy(name, other.tables[number])
        for names, group in self._groups(other.edited_listings):
            if self.names[names].is_made:
                self.names[names].copy(group, other.names[names])
        self.edited_inputs.update(other.edited_inputs)
        self.edited_listings.update(other.edited_listings)

    def differences(self) -> Iterator[LeafCell]:
        """The cells below whose value is not what this overlay has in their place."""
        if self.below is None:
            return
        for key in self.edited_inputs:
            lower = self.below.cells.get(key)
            if lower is not None and lower.latest() != self.cells[key].latest():
                yield lower
        for number, name in self.edited_listings:
            listing = self.below.tables[number].cells.get(name)
            if listing is not None and listing.latest() != self.tables[number].peek(name):
                yield listing
        for names, group in self._groups(self.edited_listings):
            keys = self.below.names[names].cells.get(group)
            if keys is not None and keys.latest() != self.names[names].peek(group):
                yield keys

    def _below(self, key: ObjectKey) -> tuple[object | None, int | None]:
        return (None, None) if self.below is None else self.below.peek(key)

    def _edits(self, key: ObjectKey, old: object | None, new: object | None) -> list[_Edit]:
        kind = key.kind
        edits: list[_Edit] = []
        if old is None:
            edits.append((0, kind, True))
        elif new is None:
            edits.append((0, kind, False))
        for index in self._of_kind.get(kind, ()):
            number = self._numbers[index]
            left = {} if old is None else dict.fromkeys(index.keys(old))
            right = {} if new is None else dict.fromkeys(index.keys(new))
            edits += [(number, name, False) for name in left if name not in right]
            edits += [(number, name, True) for name in right if name not in left]
        return edits

    def _groups(self, listings: Iterable[tuple[int, Hashable]]) -> Iterable[tuple[int, Hashable]]:
        """The groups, each as (its number in `names`, group), that the names of listings belong to.

        Kinds have none.
        """
        return dict.fromkeys(
            (number - 1, group)
            for number, name in listings
            if number
            for group in self.names[number - 1].groups(name)
        )

    def _note_edits(self, key: ObjectKey, edits: list[_Edit]) -> None:
        self.edited_inputs[key] = None
        for number, name, _ in edits:
            self.edited_listings[number, name] = None


def _kind_read(kind: Hashable) -> KindRead:
    return KindRead(str(kind))


def _listings(index: Index) -> Listings[ObjectKey]:
    return Listings(lambda key: LookupRead(index.name, key))
