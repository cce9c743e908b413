"""The graph of results: runs queries, records their reads, and finds what a change makes stale.

An edit *pushes* dirt: from the changed cell along the readers, each reader is told which of its
reads may have changed, and a result that is dirty already stops the walk. Reading *pulls* the
truth: a dirty result checks its dirty reads in the order in which it read them, and runs again only
when one of them really became a different value; if the new value is equal to the old one, the old
object stays and its readers do not run (early cut-off).

Checking in the order of reading means that a read is checked only if the run would come to it
again, since all that it read before is unchanged. So nothing runs that a fresh evaluation would
not, and a result that meets itself while it is being checked is a true cycle, just as one that
meets itself while it runs.

Checking is a loop over an explicit stack, so a chain of any length is checked without recursion.
Running recurses, as one query calls the next; when runs are nested `_DEEPEST` deep, all of them are
given up, the innermost missing result is made from the bottom of the stack, and then the others run
anew and find it ready. Queries being pure, that is not seen from outside, and Python's recursion
limit is no limit for the depth of the graph.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable

from translators.database.cells import UNSET, Cell, LeafCell, ResultCell
from translators.database.inputs import Inputs
from translators.database.query import AnyQuery, CycleError, Failure, Key

_DEEPEST = 60


class _TooDeepError(BaseException):
    """Gives up all runs in progress, to make `wanted` first; no query should catch it."""

    def __init__(self, wanted: ResultCell) -> None:
        super().__init__()
        self.wanted = wanted


class Graph:
    """Results and what they read. Its attributes are for the modules of this package only.

    Attributes:
        memo: Query → key arguments → result.
        reads: What the running query has read so far, with repetitions; None when no query runs.
        leaves: The inputs and listings.
        clock: Counts edits; says what happened before what.
        unreferenced: Cells that perhaps nobody reads or pins, in need of a look by `sweep`.
        touched: Pinned results that are dirty or were never computed, or have been since the last
            `settle`.
        runs: How many runs came to their end.
        hits: How many reads found their result ready.
        verified: How many dirty results turned out to be right.
        drops: How many results were dropped.
        in_cycle: Results in progress that were found to need themselves, with the error.
        failing: Results whose query raised by itself, not because one that it read had.
        last_good: Failed result → its last value before that, if there was one.
    """

    def __init__(self, leaves: Inputs) -> None:
        self.memo: dict[AnyQuery, dict[Key, ResultCell]] = {}
        self.reads: list[Cell] | None = None
        self.leaves = leaves
        self.clock = 0
        self.unreferenced: dict[Cell, None] = {}
        self.touched: dict[ResultCell, None] = {}
        self.runs = self.hits = self.verified = self.drops = 0
        self._depth = 0
        self._misses = 0
        self.in_cycle: dict[ResultCell, CycleError] = {}
        self.failing: dict[ResultCell, None] = {}
        self.last_good: dict[ResultCell, object] = {}
        self._stack: dict[ResultCell, None] = {}

    def node(self, query: AnyQuery, key: Key) -> ResultCell:
        """The cell of a result; made, without being computed, if there is none."""
        results = self.memo.get(query)
        if results is None:
            results = self.memo[query] = {}
        node = results.get(key)
        if node is None:
            node = results[key] = ResultCell(query, key)
            self.unreferenced[node] = None
        return node

    def recall(self, query: AnyQuery, key: Key) -> object:
        """Read a result that is missing, dirty or failed, as the running query if there is one.

        Raises:
            Exception: What the query raised.
            CycleError: The result needs itself.
        """
        node = self._read(query, key)
        value = node.value
        if node.current:
            return value
        if isinstance(value, Failure):
            raise value.exception.with_traceback(None)
        raise AssertionError(f"{node} is neither a value nor a failure")

    def recall_good(self, query: AnyQuery, key: Key) -> object | None:
        """Read a result as it is or, while its query raises, as it last was; None: it never was.

        Raises:
            CycleError: The result needs itself.
        """
        node = self._read(query, key)
        return node.value if node.current else self.last_good.get(node)

    def _read(self, query: AnyQuery, key: Key) -> ResultCell:
        """The cell of a result, made clean, as a read of the running query if there is one."""
        node = self.node(query, key)
        reads = self.reads
        if reads is not None:
            reads.append(node)
        if node.dirty is not None:
            self._misses += 1
            self.refresh(node)
        return node

    def invalidate_readers(self, cells: Iterable[Cell]) -> None:
        """Tell all that depends on the cells that it may have changed."""
        spread = list(cells)
        while spread:
            for reader, position in spread.pop().each_reader():
                if reader.dirty is not None:
                    reader.dirty.append(position)
                else:
                    self.invalidate(reader, [position])
                    spread.append(reader)

    def invalidate(self, node: ResultCell, dirty: list[int]) -> None:
        """Make one clean result dirty, without telling its readers."""
        node.dirty = dirty
        node.current = False
        if node.pins:
            self.touched[node] = None

    def refresh(self, target: ResultCell) -> None:
        """Make a dirty result clean: check what it read, and run what needs to."""
        stack = self._stack
        base = len(stack)
        if self._depth >= _DEEPEST and target not in stack:
            raise _TooDeepError(target)
        if not self.enter(target):
            raise self._cycle(target)
        try:
            while len(stack) > base:
                try:
                    self._step(next(reversed(stack)))
                except _TooDeepError as deep:
                    if base:
                        raise
                    self.enter(deep.wanted)
        except _TooDeepError:
            raise
        except BaseException:
            while len(stack) > base:
                self.in_cycle.pop(stack.popitem()[0], None)
            raise

    def enter(self, node: ResultCell) -> bool:
        """Put a dirty result on the stack, to be made clean; False if it is there already."""
        if node in self._stack:
            return False
        self._stack[node] = None
        if node.dirty:
            node.dirty.sort(reverse=True)
        return True

    def _cycle(self, node: ResultCell) -> CycleError:
        """Doom all results in the stack from `node` up, since the top one reads `node`."""
        path = list(self._stack)
        members = path[path.index(node) :]
        error = CycleError(member.ref() for member in members)
        for member in members:
            self.in_cycle.setdefault(member, error)
            member.verified_at = -1
        return error

    def _step(self, node: ResultCell) -> None:
        """Bring the top of the stack one step on: to one of its reads, a run, or its end."""
        dirty = node.dirty
        while dirty and node.verified_at >= 0:
            cell = node.reads[dirty[-1]]
            if isinstance(cell, ResultCell):
                if cell.dirty is not None:
                    if self.enter(cell):
                        return
                    node.verified_at = -1  # a cycle: run, and meet it there
                    break
            elif isinstance(cell, LeafCell) and not cell.current:
                cell.commit(self.clock)
            if cell.changed_at > node.verified_at:
                node.verified_at = -1
                break
            dirty.pop()
        if node.verified_at < 0:
            self.run(node)
            return
        self.verified += 1
        del self._stack[node]
        node.dirty = None
        node.verified_at = self.clock
        node.current = not isinstance(node.value, Failure)

    def run(self, node: ResultCell) -> None:
        """Run the query of the result at the top of the stack."""
        outer, misses = self.reads, self._misses
        reads: list[Cell] = []
        self.reads, self._misses = reads, 0
        self._depth += 1
        old = node.value
        try:
            value = node.query.function(self, *node.key)
            same = value is old or (old is not UNSET and bool(value == old))
        except Exception as error:
            if isinstance(error, RecursionError) and self._depth > 1:
                raise _TooDeepError(node) from None
            value = self._failure(node, error, reads)
            same = value == old
        finally:
            missed, self.reads, self._misses = self._misses, outer, misses
            self._depth -= 1
        self.runs += 1
        cycle = self.in_cycle.pop(node, None)
        if cycle is not None:
            value = Failure(cycle, node.ref(), "")
            same = value == old
        self.finish(node, value, reads, same=same)
        self.hits += len(node.reads) - missed

    def finish(self, node: ResultCell, value: object, reads: list[Cell], *, same: bool) -> None:
        """Note the outcome of the top of the stack; an equal one leaves the old object there."""
        del self._stack[node]
        if not same:
            if isinstance(value, Failure) or self.failing or self.last_good:
                self._note_failure(node, value)
            node.value = value
            node.changed_at = self.clock
        node.dirty = None
        node.verified_at = self.clock
        node.current = not isinstance(node.value, Failure)
        after = tuple(reads)
        if after != node.reads:
            after = tuple(dict.fromkeys(reads))
            if after != node.reads:
                self._relink(node, after)

    def _note_failure(self, node: ResultCell, value: object) -> None:
        """Note that a result fails from now on, or no more."""
        self.failing.pop(node, None)
        if not isinstance(value, Failure):
            self.last_good.pop(node, None)
            return
        if value.origin == node.ref():
            self.failing[node] = None
        if node.value is not UNSET and not isinstance(node.value, Failure):
            self.last_good[node] = node.value

    def sweep(self) -> None:
        """Drop the results that no pinned one depends on, and absent inputs that none reads."""
        unreferenced = list(self.unreferenced)
        self.unreferenced.clear()
        while unreferenced:
            cell = unreferenced.pop()
            if isinstance(cell, ResultCell):
                for node in self._garbage(cell):
                    unreferenced += self.drop(node)
            elif isinstance(cell, LeafCell) and not cell.is_read():
                self.leaves.drop(cell)

    def _failure(self, node: ResultCell, error: Exception, reads: list[Cell]) -> Failure:
        last = reads[-1].value if reads else None
        if isinstance(last, Failure) and last.exception is error:
            _forget_frames(error)
            return last
        text = "".join(traceback.format_exception(error))
        _forget_frames(error)
        return Failure(error, node.ref(), text)

    def _relink(self, node: ResultCell, after: tuple[Cell, ...]) -> None:
        before = node.reads
        if not before:
            node.reads = after
            for position, cell in enumerate(after):
                cell.link(node, position)
            return
        start = 0
        for old, new in zip(before, after, strict=False):
            if old is not new:
                break
            start += 1
        gone = dict.fromkeys(before[start:])
        for position in range(start, len(after)):
            cell = after[position]
            cell.link(node, position)
            gone.pop(cell, None)
        node.reads = after
        for cell in gone:
            cell.unlink(node)
            if not cell.is_read() or _in_cycle(cell):
                self.unreferenced[cell] = None

    def _garbage(self, node: ResultCell) -> Iterable[ResultCell]:
        """The results that nothing pinned depends on, among an unreferenced one and its readers."""
        if node.pins:
            return ()
        if not node.is_read():
            return (node,)
        if not _in_cycle(node):
            return ()
        above = {node: None}
        climb = [node]
        while climb:
            for reader, _ in climb.pop().each_reader():
                if reader.pins:
                    return ()
                if reader not in above:
                    above[reader] = None
                    climb.append(reader)
        return above

    def drop(self, node: ResultCell) -> list[Cell]:
        """Forget a result; what it read, where that may be unreferenced now."""
        results = self.memo.get(node.query, {})
        if results.pop(node.key, None) is None:
            return []
        if not results:
            del self.memo[node.query]
        self.drops += 1
        self.failing.pop(node, None)
        self.last_good.pop(node, None)
        unreferenced = []
        for cell in node.reads:
            cell.unlink(node)
            if not cell.is_read() or _in_cycle(cell):
                unreferenced.append(cell)
        node.reads = ()
        node.dirty = []
        node.verified_at = -1
        node.current = False
        node.value = UNSET
        return unreferenced


def _in_cycle(cell: Cell) -> bool:
    return isinstance(cell.value, Failure) and isinstance(cell.value.exception, CycleError)


def _forget_frames(error: BaseException) -> None:
    """Let go of the frames that an exception holds, and those that led to it."""
    chain: list[BaseException | None] = [error]
    seen = set()
    while chain:
        link = chain.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            link.__traceback__ = None
            chain += (link.__cause__, link.__context__)
