"""The incremental query database: what did not change is not computed again.

Inputs are set and removed with a revision; queries are plain functions that read inputs and each
other through the database, which remembers their results and everything that they read. After an
edit only that runs again which really depends on it. The database knows nothing of what the values
mean.

Its rules: queries are pure; values compare by `==` and are never mutated; results live as long as a
pinned result depends on them (others go at the next `Database.settle`); edits are not allowed while
a query runs. It is not for use by several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from translators.database.cells import UNSET, Cell, InputCell, LeafCell, ResultCell
from translators.database.inputs import Inputs
from translators.database.parent_results import ParentResults
from translators.database.query import (
    AnyQuery,
    Dependency,
    Failure,
    Index,
    Key,
    QueryKey,
    Statistics,
)
from translators.database.reading import InputReader
from translators.object_key import ObjectKey

R = TypeVar("R")


class Database(InputReader):
    """Inputs and everything derived from them.

    Attributes:
        revision: The highest revision that an effective edit came with; 0 before the first.
    """

    revision: int

    def __init__(self, indexes: Iterable[Index] = ()) -> None:
        super().__init__(Inputs(indexes))
        self.revision = 0
        self._order: dict[ResultCell, int] = {}
        self._next = 0
        self._reported: dict[ResultCell, object] = {}

    def set(self, key: ObjectKey, value: object, revision: int) -> bool:
        """Give an input a value.

        Returns:
            False when it is equal to the present one: then nothing happens, and the input keeps its
            revision.

        Raises:
            ValueError: The value is None, which means absence.
            RuntimeError: A query is running.
        """
        if value is None:
            raise ValueError(f"input {key} cannot be set to None; remove it instead")
        return self._edit(key, value, revision)

    def remove(self, key: ObjectKey, revision: int) -> bool:
        """Take an input away; False when there was none.

        Raises:
            RuntimeError: A query is running.
        """
        return self._edit(key, None, revision)

    def input_revision(self, key: ObjectKey) -> int | None:
        """The revision that brought the present value of an input, None when there is none."""
        return self.leaves.peek(key)[1]

    def _edit(self, key: ObjectKey, value: object | None, revision: int) -> bool:
        self._refuse_in_query("edit input", key)
        stale = self.leaves.put(key, value, revision)
        if stale is None:
            return False
        self.revision = max(self.revision, revision)
        self.clock += 1
        self.spread(stale)
        return True

    def spread(self, stale: list[LeafCell]) -> None:
        """Tell all that depends on changed inputs and listings that it may be stale."""
        self.invalidate_readers(stale)

    def pin(self, ref: QueryKey[object]) -> None:
        """Keep a result, and all that it depends on, in memory and up to date.

        Pins are counted; each wants its `unpin`. The result is computed by the next `settle`.
        """
        self._refuse_in_query("pin", ref)
        node = self.node(ref.query, ref.key)
        node.pins += 1
        if node.pins == 1:
            self._order[node] = self._next
            self._next += 1
            self.touched[node] = None

    def unpin(self, ref: QueryKey[object]) -> None:
        """Undo one `pin`; after the last one the next `settle` drops what nothing else needs.

        Raises:
            ValueError: The result is not pinned.
        """
        self._refuse_in_query("unpin", ref)
        node = self.memo.get(ref.query, {}).get(ref.key)
        if node is None or not node.pins:
            raise ValueError(f"{ref} is not pinned; each unpin needs a pin before it")
        node.pins -= 1
        if not node.pins:
            del self._order[node]
            self._reported.pop(node, None)
            self.touched.pop(node, None)
            self.unreferenced[node] = None

    def settle(self) -> tuple[QueryKey[object], ...]:
        """Bring all pinned results up to date, and drop those that none of them needs.

        Costs in proportion to what the edits since the last call may have changed, not to what is
        in memory. A query that raises does not make it raise; see `outcome`.

        Returns:
            The pinned results whose outcome is not equal to that at the end of the last call, in
            the order in which they were first pinned. A result that was not pinned then counts as
            changed. A failure is an outcome: a result that goes on failing with an equal exception
            counts once.
        """
        self._refuse_in_query("settle")
        roots = sorted(self.touched, key=self._order.__getitem__)
        for node in roots:
            if node.dirty is not None:
                self.refresh(node)
        changed = []
        for node in roots:
            reported = self._reported.get(node, UNSET)
            if reported is not node.value and (reported is UNSET or reported != node.value):
                self._reported[node] = node.value
                changed.append(node.ref())
        self.touched.clear()
        self.sweep()
        return tuple(changed)

    def outcome(self, ref: QueryKey[R]) -> R | Failure:
        """The value of a result, brought up to date first, or what its query raised."""
        return self._fresh(ref).value  # type: ignore[return-value]  # made by the query, which returns R

    def failures(self) -> tuple[Failure, ...]:
        """What queries raised that a pinned result depends on, at the end of the last `settle`.

        Each is told for the query that raised it, not again for those that read its result.
        """
        return tuple(
            node.value
            for node in self.failing
            if node.dirty is None and isinstance(node.value, Failure)
        )

    def pinned_above(self, ref: QueryKey[object], limit: int) -> tuple[QueryKey[object], ...]:
        """Pinned results that depend on a result, itself among them; at most so many."""
        above: dict[ResultCell, None] = {self._fresh(ref): None}
        pinned: list[QueryKey[object]] = []
        climb = list(above)
        while climb and len(pinned) < limit:
            node = climb.pop()
            if node.pins:
                pinned.append(node.ref())
            fresh = [reader for reader, _ in node.each_reader() if reader not in above]
            above.update(dict.fromkeys(fresh))
            climb += fresh
        return tuple(pinned)

    def dependencies(self, ref: QueryKey[object]) -> tuple[Dependency, ...]:
        """What the query itself read, in order, each once; the result is made fresh first."""
        return tuple(
            cell.describe()
            for cell in self.reads_of(self._fresh(ref))
            if isinstance(cell, ResultCell | LeafCell)
        )

    def provenance(self, ref: QueryKey[object]) -> tuple[tuple[ObjectKey, int | None], ...]:
        """All inputs whose value or absence the result depends on, through any number of queries.

        A listing (`inputs`, `lookup`, `index_keys`) adds nothing by itself: the inputs in it count
        if their values were read too. The result is brought up to date first.

        Returns:
            Sorted keys with the revision that brought the present value, None for an absent input.
        """
        inputs: set[ObjectKey] = set()
        todo: list[Cell] = [self._fresh(ref)]
        seen = set(todo)
        while todo:
            cell = todo.pop()
            if isinstance(cell, InputCell):
                inputs.add(cell.key)
            elif isinstance(cell, ResultCell):
                fresh = [read for read in self.reads_of(cell) if read not in seen]
                seen.update(fresh)
                todo += fresh
        return tuple((key, self.input_revision(key)) for key in sorted(inputs))

    @property
    def statistics(self) -> Statistics:
        """Counts and sizes, for metrics and tests."""
        tables = self.leaves.tables
        return Statistics(
            runs=self.runs,
            hits=self.hits,
            verified=self.verified,
            results=sum(map(len, self.memo.values())),
            inputs=len(self.leaves.cells),
            listings=sum(map(len, tables)),
        )

    def fork(self) -> Fork:
        """A database with the same inputs; neither sees later edits of the other.

        Results that do not depend on what differs are taken from this database; nothing is pinned
        in the fork.
        """
        self._refuse_in_query("fork")
        return Fork(self)

    def reads_of(self, node: ResultCell) -> tuple[Cell, ...]:
        """What a clean result read."""
        return node.reads

    def _fresh(self, ref: QueryKey[object]) -> ResultCell:
        self._refuse_in_query("look into", ref)
        node = self.node(ref.query, ref.key)
        if node.dirty is not None:
            self.refresh(node)
        return node

    def _refuse_in_query(self, what: str, which: object = "") -> None:
        if self.reads is not None:
            action = f"{what} {which}".strip()
            raise RuntimeError(f"cannot {action} while a query runs; queries only read")


class Fork(Database):
    """A database laid over another one, its parent, to ask "what if".

    It is for whoever wants the outcome of an edit without the edit. The quarantine asks whether an
    object's earlier value would have made other bytes; the same will tell what a planned change
    would send, and explain a resource by what it would be without an object. That is worth an
    overlay because a fork costs what the edit may change and not a translation of the mesh, and
    because dozens may be tried before one proxy is answered.

    Inputs not edited here are the parent's as they were when the fork was made: the parent hands
    over the old state before it changes anything. Where the two differ, the parent's edges tell
    which of its results are *affected*. A result that is clean in the parent is *adopted* from
    there if it is not affected, or if all affected results that it read come out equal here; else
    its query is run here. Adopted results have no reads of their own, their edges are those in the
    parent. So after an edit of the fork, those that are affected then are checked anew when they
    are read; and all of them, if the parent has changed since their adoption.
    """

    def __init__(self, parent: Database) -> None:
        super().__init__()
        self.leaves = parent.leaves.over()
        self.revision = parent.revision
        self._parent = parent
        self._adopted: dict[ResultCell, None] = {}
        self._parent_results = ParentResults(parent, self.leaves)
        self._adopted_at = self._parent_results.state()
        self._to_check: dict[ResultCell, list[int]] = {}

    def fork(self) -> Fork:
        """Another fork of the same parent, with the inputs that this one has now."""
        self._refuse_in_query("fork")
        twin = Fork(self._parent)
        twin.leaves.copy_edits(self.leaves)
        twin.revision = self.revision
        return twin

    def spread(self, stale: list[LeafCell]) -> None:
        """Tell all that depends on changed inputs and listings that it may be stale."""
        super().spread(stale)
        self._to_check.clear()
        state = self._parent_results.state()
        suspects: Iterable[ResultCell | None] = self._adopted
        if state == self._adopted_at:
            suspects = map(self._mine, self._parent_results.affected(self.clock))
        self._adopted_at = state
        stale_here = [node for node in suspects if node in self._adopted and node.dirty is None]
        for node in stale_here:
            self.invalidate(node, [])
            node.verified_at = -1
        self.invalidate_readers(stale_here)

    def node(self, query: AnyQuery, key: Key) -> ResultCell:
        """The cell of a result; a new one is adopted at once if nothing that it needs differs."""
        results = self.memo.get(query)
        if results is not None and key in results:
            return results[key]
        node = super().node(query, key)
        in_parent = self._parent_results.clean(node)
        if in_parent is not None and in_parent not in self._parent_results.affected(self.clock):
            self._note_adopted(node)
            node.value, node.current = in_parent.value, in_parent.current
            self._adopt_last_good(node, in_parent)
            node.dirty = None
            node.changed_at = node.verified_at = self.clock
        return node

    def run(self, node: ResultCell) -> None:
        """Adopt the result at the top of the stack from the parent, or else run its query."""
        in_parent = self._parent_results.clean(node)
        if in_parent is not None:
            if node.value is UNSET:
                node.value = in_parent.value  # so that an equal value is the same object
                self._adopt_last_good(node, in_parent)
            if node not in self.in_cycle:
                stands = self._stands(node, in_parent)
                if stands is None:
                    return
                if stands:
                    self._adopt(node, in_parent)
                    return
        self._to_check.pop(node, None)
        self._adopted.pop(node, None)
        super().run(node)

    def drop(self, node: ResultCell) -> list[Cell]:
        """Forget a result; what it read, where that may be unreferenced now."""
        self._adopted.pop(node, None)
        return super().drop(node)

    def reads_of(self, node: ResultCell) -> tuple[Cell, ...]:
        """What a clean result read; for an adopted one, in the parent or, if affected, here."""
        in_parent = self._parent_results.clean(node) if node in self._adopted else None
        has_moved = self._parent_results.state() != self._adopted_at
        if node in self._adopted and (
            in_parent is None
            or (has_moved and in_parent in self._parent_results.affected(self.clock))
        ):
            self.invalidate(node, [])  # the parent may read something else now: see what holds here
            node.verified_at = -1
            self.refresh(node)
        if in_parent is None or node not in self._adopted:
            return node.reads
        affected = self._parent_results.affected(self.clock)
        return tuple(
            self._fresh(cell.ref()) if isinstance(cell, ResultCell) and cell in affected else cell
            for cell in in_parent.reads
        )

    def _adopt(self, node: ResultCell, in_parent: ResultCell) -> None:
        self._note_adopted(node)
        self._to_check.pop(node, None)
        self.verified += 1
        old, value = node.value, in_parent.value
        self.finish(node, value, [], same=value is old or value == old)
        self._adopt_last_good(node, in_parent)

    def _adopt_last_good(self, node: ResultCell, in_parent: ResultCell) -> None:
        if in_parent in self._parent.last_good:
            self.last_good[node] = self._parent.last_good[in_parent]

    def _note_adopted(self, node: ResultCell) -> None:
        if not self._adopted:
            self._adopted_at = self._parent_results.state()
        self._adopted[node] = None

    def _mine(self, in_parent: ResultCell) -> ResultCell | None:
        return self.memo.get(in_parent.query, {}).get(in_parent.key)

    def _stands(self, node: ResultCell, in_parent: ResultCell) -> bool | None:
        """Whether the parent's result holds here; None if a read was put on the stack to see."""
        todo = self._to_check.get(node)
        if todo is None:
            todo = self._to_check[node] = sorted(
                self._parent_results.affected(self.clock).get(in_parent, ()), reverse=True
            )
        while todo:
            theirs = in_parent.reads[todo[-1]]
            if not isinstance(theirs, ResultCell):
                return False
            mine = self.node(theirs.query, theirs.key)
            if mine.dirty is not None:
                return None if self.enter(mine) else False
            if mine.value is not theirs.value and mine.value != theirs.value:
                return False
            todo.pop()
        return True
