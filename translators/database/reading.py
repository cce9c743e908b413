"""How inputs and listings are read: by the running query, with a record, or from outside."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

from translators.database.graph import Graph
from translators.database.listings import Listings
from translators.database.query import Index
from translators.object_key import ObjectKey

K = TypeVar("K", bound=Hashable)


class InputReader(Graph):
    """The half of the `Reader` protocol that is about inputs; queries are read by calling them."""

    def input(self, key: ObjectKey) -> object | None:
        """The value of an input, or None when there is none."""
        reads = self.reads
        if reads is None:
            return self.leaves.peek(key)[0]
        cell = self.leaves.cells.get(key)
        if cell is None:
            cell = self.leaves.cell(key)
            self.unreferenced[cell] = None
        elif not cell.current:
            cell.commit(self.clock)
        reads.append(cell)
        return cell.value

    def inputs(self, kind: str) -> tuple[ObjectKey, ...]:
        """The sorted keys of the inputs of a kind."""
        return self._listing(self.leaves.kinds, kind)

    def lookup(self, index: Index, key: Hashable) -> tuple[ObjectKey, ...]:
        """The sorted keys of the inputs that the index files under `key`."""
        return self._listing(self.leaves.index(index), key)

    def index_keys(self, index: Index, group: Hashable = None) -> tuple[Hashable, ...]:
        """The sorted distinct keys of an index, or of one group of them."""
        return self._listing(self.leaves.keys(index), group)

    def _listing(self, home: Listings[K], key: Hashable) -> tuple[K, ...]:
        reads = self.reads
        if reads is None:
            return home.peek(key)
        cell = home.cells.get(key)
        if cell is None:
            cell = home.cell(key)
            self.unreferenced[cell] = None
        elif not cell.current:
            cell.commit(self.clock)
        reads.append(cell)
        return cell.value
