"""How commands print: documents for programs, tables for people.

Texts that come from outside (files, Envoy's messages) go through `plain` before a terminal sees
them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import typer
from rich.console import Console
from rich.text import Text

from xds_server.cli.options import Output
from xds_server.status import ProblemStatus, writable


def print_document(content: object, output: Output) -> None:
    """Print plain dictionaries, lists, texts and numbers as JSON or YAML."""
    if output is Output.JSON:
        typer.echo(writable(json.dumps(content, indent=2, ensure_ascii=False)))
        return
    import yaml

    unfolded = float("inf")
    typer.echo(
        yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=unfolded), nl=False
    )


def console(*, stderr: bool = False) -> Console:
    """A console that colours on a terminal only."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def print_lines(lines: Iterable[Text]) -> None:
    """Print lines whole, however narrow the terminal is."""
    screen = console()
    for line in lines:
        screen.print(line, soft_wrap=True)


def plain(text: str) -> str:
    """The text without what could steer a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def columns(rows: Sequence[Sequence[Text]]) -> list[Text]:
    """The rows as lines with aligned columns; the first row is the heading."""
    widths = [max(row[at].cell_len for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        line = Text()
        for cell, width in zip(row, widths, strict=True):
            line.append_text(cell)
            line.append(" " * (width - cell.cell_len + 2))
        line.rstrip()
        lines.append(line)
    return lines


def problem_lines(problems: Iterable[ProblemStatus]) -> list[Text]:
    """Two lines for each problem: where it is, then what it is."""
    lines = []
    for problem in problems:
        colour = "red" if problem.severity == "error" else "yellow"
        where = "  ".join(filter(None, (problem.place, problem.object, problem.path)))
        lines.append(Text.assemble(("  " + problem.severity, colour), "  ", (plain(where), "bold")))
        lines.append(Text("    " + plain(problem.message).replace("\n", "\n    ")))
    return lines
