"""The nodes of the dependency graph: inputs and results of queries; listings are apart.

Edges are kept in both directions. Forwards, a result holds the cells that it read, in the order of
reading. Backwards, a cell holds each reader with the position of the read, so that a reader can be
told "your read number 417 may have changed" and need not look at the other 999. A cell with one
reader, the most common sort, holds it without a dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final

from translators.database.query import AnyQuery, Dependency, InputRead, Key, QueryKey
from translators.object_key import ObjectKey


class _Mark(Enum):
    UNSET = "unset"


UNSET: Final = _Mark.UNSET
"""The value of a result that never ran; equal to nothing a query can return."""


class Cell:
    """Something that a query can read.

    Attributes:
        value: What readers have seen, or will see if they read now and the cell is `current`.
        current: Whether `value` is good to be returned at once. False while a change is pending,
            and for results that failed.
        changed_at: The clock of the graph when `value` last became a different one.
        reader: The reader, if there is just one.
        position: Where that reader read this cell.
        readers: All readers with positions, if there are several; else empty or None.
    """

    __slots__ = ("changed_at", "current", "position", "reader", "readers", "value")

    value: object
    current: bool
    changed_at: int
    reader: ResultCell | None
    position: int
    readers: dict[ResultCell, int] | None

    def __init__(self, value: object, *, current: bool) -> None:
        self.value = value
        self.current = current
        self.changed_at = 0
        self.reader = None
        self.position = 0
        self.readers = None

    def link(self, reader: ResultCell, position: int) -> None:
        """Note that `reader` reads this cell at `position`, in place of where it did before."""
        readers = self.readers
        if readers:
            readers[reader] = position
        elif self.reader is None or self.reader is reader:
            self.reader = reader
            self.position = position
        else:
            self.readers = {self.reader: self.position, reader: position}
            self.reader = None

    def unlink(self, reader: ResultCell) -> None:
        """Note that `reader` reads this cell no more."""
        if self.reader is reader:
            self.reader = None
        elif self.readers:
            self.readers.pop(reader, None)

    def is_read(self) -> bool:
        """Whether any result is linked to this cell as a reader."""
        return self.reader is not None or bool(self.readers)

    def each_reader(self) -> Iterator[tuple[ResultCell, int]]:
        """Each reader with the position of its read."""
        if self.reader is not None:
            yield self.reader, self.position
        elif self.readers:
            yield from self.readers.items()


class ResultCell(Cell):
    """The memo of one query call.

    Attributes:
        query: The query.
        key: Its key arguments.
        reads: What the last run read, in order, each cell once.
        dirty: Positions in `reads` that may have changed; None when there is nothing to check.
        verified_at: The clock when the value was last known to be right; negative if it must run.
        pins: How many times it is pinned as a root.
    """

    __slots__ = ("dirty", "key", "pins", "query", "reads", "verified_at")

    dirty: list[int] | None

    def __init__(self, query: AnyQuery, key: Key) -> None:
        super().__init__(UNSET, current=False)
        self.query = query
        self.key = key
        self.reads: tuple[Cell, ...] = ()
        self.dirty = []
        self.verified_at = -1
        self.pins = 0

    def __repr__(self) -> str:
        return str(self.ref())

    def ref(self) -> QueryKey[object]:
        """The public name of the result."""
        return QueryKey(self.query, self.key)

    def describe(self) -> Dependency:
        """The public name of the result, as what some query read."""
        return QueryKey(self.query, self.key)


class LeafCell(Cell):
    """An input or a listing, which edits change; a change is pending until somebody reads it."""

    __slots__ = ()

    def latest(self) -> object:
        """The value with pending changes."""
        raise NotImplementedError

    def commit(self, clock: int) -> None:
        """Let readers see pending changes; an equal value leaves the old object in place."""
        raise NotImplementedError

    def is_empty(self) -> bool:
        """Whether the cell stands for something absent, so that nothing is lost with it."""
        raise NotImplementedError

    def describe(self) -> Dependency:
        """What reading this cell is called."""
        raise NotImplementedError


class InputCell(LeafCell):
    """An input, or the absence of one, with the revision that brought it."""

    __slots__ = ("key", "pending", "revision")

    def __init__(self, key: ObjectKey, value: object | None, revision: int | None) -> None:
        super().__init__(value, current=True)
        self.key = key
        self.pending: object | None = None
        self.revision = revision

    def latest(self) -> object | None:
        """The value with a pending change, None when absent."""
        return self.value if self.current else self.pending

    def commit(self, clock: int) -> None:
        """Let readers see a pending change; an equal value leaves the old object in place."""
        value, self.pending = self.pending, None
        self.current = True
        if value is not self.value and value != self.value:
            self.value = value
            self.changed_at = clock

    def is_empty(self) -> bool:
        """Whether the input is absent."""
        return self.revision is None

    def describe(self) -> Dependency:
        """What reading this cell is called."""
        return InputRead(self.key)
