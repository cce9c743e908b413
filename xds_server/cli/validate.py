"""`chancery validate`: reads a directory as the server would, and says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xds_server.cli.options import Output, OutputOption


def validate(
    directory: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, help="The directory of configuration files to read."
        ),
    ],
    output: OutputOption = Output.TABLE,
) -> None:
    """Check a directory without a server; exit with 1 when a document would be refused."""
    from translators.database import Database
    from translators.model.origin import Severity
    from translators.world import INDEXES
    from xds_server.cli.printing import print_document, print_lines, problem_lines
    from xds_server.ledger.lost_hosts import LostHosts
    from xds_server.sources.files import read_directory
    from xds_server.status import problem_status

    listing = read_directory(directory)
    database = Database(INDEXES)
    for key, value in listing.set.items():
        database.set(key, value, 1)
    lost = LostHosts(database)
    lost.follow(listing)
    all_problems = (*listing.problems, *lost.problems())
    problems = [problem_status(problem) for problem in all_problems]
    found = sum(problem.count for problem in all_problems)
    errors = (each for each in all_problems if each.severity is Severity.ERROR)
    refused = sum(problem.count for problem in errors)
    if output is Output.TABLE:
        print_lines(problem_lines(problems))
        typer.echo(_summary(len(listing.set), refused, found - refused))
    else:
        from dataclasses import asdict

        documents = [asdict(problem) for problem in problems]
        print_document({"objects": len(listing.set), "problems": documents}, output)
    if refused:
        raise typer.Exit(1)


def _summary(objects: int, errors: int, others: int) -> str:
    """One line, e.g. `12 objects, 1 error, no warnings`."""
    return ", ".join(
        (_count(objects, "object"), _count(errors, "error"), _count(others, "warning"))
    )


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
