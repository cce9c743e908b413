"""What a fork may take from its parent: clean results that no difference between them reaches."""

from __future__ import annotations

from translators.database.cells import Cell, ResultCell
from translators.database.graph import Graph
from translators.database.inputs import Inputs


class ParentResults:
    """The results of a parent as seen from a fork whose inputs are laid over the parent's."""

    def __init__(self, parent: Graph, leaves: Inputs) -> None:
        self._parent = parent
        self._leaves = leaves
        self._affected: dict[ResultCell, list[int]] = {}
        self._affected_at: tuple[int, ...] = ()

    def state(self) -> tuple[int, ...]:
        """Something that stays equal as long as the parent's results read the same things."""
        parent = self._parent
        return (parent.clock, parent.runs, parent.drops)

    def clean(self, node: ResultCell) -> ResultCell | None:
        """The same result in the parent, if it is clean there."""
        in_parent = self._parent.memo.get(node.query, {}).get(node.key)
        return None if in_parent is None or in_parent.dirty is not None else in_parent

    def affected(self, clock: int) -> dict[ResultCell, list[int]]:
        """The results of the parent that depend on what differs → positions of such reads.

        Args:
            clock: The clock of the fork; what differs is looked up again when it or the parent
                moved on.
        """
        state = (*self.state(), clock)
        if state != self._affected_at:
            self._affected_at = state
            affected = self._affected = {}
            todo: list[Cell] = list(self._leaves.differences())
            while todo:
                for reader, position in todo.pop().each_reader():
                    if reader in affected:
                        affected[reader].append(position)
                    else:
                        affected[reader] = [position]
                        todo.append(reader)
        return self._affected
