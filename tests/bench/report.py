"""What a benchmark found, as tables for people and as JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure against the highest value that it should have; nothing fails because of it."""

    value: float
    limit: float
    unit: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the figure is not above the limit."""
        return self.value <= self.limit

    def __str__(self) -> str:
        return f"≤ {self.limit:g}{self.unit} {'ok' if self.is_met else 'miss'}"


Cell: TypeAlias = str | float | Verdict | None
"""None is nothing: not measured, or no target."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Its key in JSON, its heading (a line break is one), and how its numbers are written for people.
    """

    key: str
    heading: str
    form: str = "{:,.0f}"

    def text(self, cell: Cell) -> str:
        """A cell for people."""
        if cell is None:
            return ""
        return self.form.format(cell) if isinstance(cell, (int, float)) else str(cell)


@dataclass(slots=True)
class Table:
    """One table; its columns of numbers are aligned right."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: list[Sequence[Cell]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The table for people."""
        headings = [column.heading.split("\n") for column in self.columns]
        height = max(map(len, headings))
        padded = [[""] * (height - len(heading)) + heading for heading in headings]
        texts = [list(line) for line in zip(*padded, strict=True)]
        texts += [
            [column.text(cell) for column, cell in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        yield self.title
        for row in texts:
            yield "  " + "  ".join(map(self._pad, range(len(row)), row, widths)).rstrip()

    def _pad(self, number: int, text: str, width: int) -> str:
        cells = [row[number] for row in self.rows]
        is_number = any(isinstance(cell, (int, float)) for cell in cells)
        return text.rjust(width) if is_number else text.ljust(width)

    def plain(self) -> list[dict[str, object]]:
        """The table for scripts: one object for each row."""
        return [
            {
                column.key: {"limit": cell.limit, "ok": cell.is_met}
                if isinstance(cell, Verdict)
                else cell
                for column, cell in zip(self.columns, row, strict=True)
            }
            for row in self.rows
        ]


class Report:
    """All tables, in order."""

    def __init__(self) -> None:
        self._tables: list[Table] = []

    def add(self, table: Table) -> None:
        """Add a table if there is anything in it."""
        if table.rows:
            self._tables.append(table)

    def text(self) -> str:
        """Everything for people."""
        blocks = ["\n".join(table.lines()) for table in self._tables]
        verdicts = [
            cell
            for table in self._tables
            for row in table.rows
            for cell in row
            if isinstance(cell, Verdict)
        ]
        met = sum(verdict.is_met for verdict in verdicts)
        blocks.append(f"{met} of {len(verdicts)} targets met")
        return "\n\n".join(blocks)

    def json(self) -> str:
        """Everything for scripts: key of a table → its rows."""
        return json.dumps({table.key: table.plain() for table in self._tables}, indent=2)


def ratio(value: float, base: float) -> float | None:
    """How many times the base a value is; None when the base is nothing."""
    return value / base if base > 0 else None


def verdict(value: float | None, limit: float | None, unit: str = "") -> Verdict | None:
    """A verdict when there are both a figure and a limit."""
    return Verdict(value, limit, unit) if value is not None and limit is not None else None


Progress: TypeAlias = Callable[[str], None]
