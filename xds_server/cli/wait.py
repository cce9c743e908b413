"""`chancery wait`: returns when every proxy has a revision, or says who lacks it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Protocol

import typer

from xds_server.admin.client import AdminClient
from xds_server.admin.documents import document
from xds_server.cli.options import (
    DEFAULT_ADMIN,
    AdminOption,
    Output,
    OutputOption,
    address,
    duration,
)
from xds_server.status import Lacking, ProblemStatus, RejectionStatus, WaitResult

SLICE_SECONDS = 2.0
"""One request waits so long at most, so that progress can be shown."""
_NAMED = 3


class Progress(Protocol):
    """What is told how far the waiting is."""

    def __call__(self, text: str, /) -> None:
        """Show the text in place of the one before."""


def wait(
    revision: Annotated[
        int | None, typer.Option(min=0, help="The revision to wait for.", show_default=False)
    ] = None,
    latest: Annotated[
        bool,
        typer.Option("--latest", help="Wait for the newest revision there is now (the default)."),
    ] = False,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait, e.g. 500ms, 30s, 2m.")
    ] = "60s",
    admin: AdminOption = DEFAULT_ADMIN,
    output: OutputOption = Output.TABLE,
) -> None:
    """Return when every proxy has ACKed a revision.

    When time is up, or when something of it was rejected by Envoy or could not be translated, say
    who lacks what, and exit with 1.
    """
    if latest and revision is not None:
        raise typer.BadParameter("--latest and --revision exclude each other: give one of them")
    client = AdminClient(*address(admin, "--admin"))
    with _progress(is_wanted=output is Output.TABLE) as show:
        result = await_revision(
            client, revision, duration(timeout, "--timeout").total_seconds(), show
        )
    if output is Output.TABLE:
        typer.echo("\n".join(verdict(result)))
    else:
        from xds_server.cli.printing import print_document

        print_document(document(result), output)
    if not result.everywhere:
        raise typer.Exit(1)


def await_revision(
    client: AdminClient, revision: int | None, seconds: float, show: Progress
) -> WaitResult:
    """The server's last word: everywhere, never, or not within the seconds.

    The newest revision is settled by the first answer.
    """
    waited = 0.0
    while True:
        piece = min(SLICE_SECONDS, seconds - waited)
        result = client.wait(revision, piece)
        waited += piece
        # What is held back stays so until somebody edits it, which is another revision.
        if result.everywhere or result.rejected or result.failed or waited >= seconds:
            return replace(result, seconds=waited - piece + min(result.seconds, piece))
        revision = result.revision
        show(_state(result))


def verdict(result: WaitResult) -> list[str]:
    """The result as lines for a person."""
    if result.everywhere:
        who = f"{result.proxies} proxies" if result.proxies != 1 else "1 proxy"
        if not result.proxies:
            who = "no proxies are connected"
        told = [f"revision {result.revision} is everywhere ({who}, {result.seconds:.2f} s)"]
        if result.held_back:
            told.append("still held back from earlier revisions:")
        return told + [f"  {_place(each)}" for each in result.held_back]
    if not result.exists:
        return [
            f"revision {result.revision} does not exist after {result.seconds:.1f} s: nothing changed that often yet"
        ]
    if not result.lacking and not result.rejected and not result.failed:
        return [
            f"revision {result.revision} is not everywhere after {result.seconds:.1f} s: every proxy has answered, "
            "and what one of them rejected is still being judged"
        ]
    lines = []
    if result.failed:
        lines.append(
            f"revision {result.revision} is not everywhere: chancery failed to translate a part of it, "
            "the rest is served"
        )
        lines += [line for each in result.failed for line in _failure(each)]
    if result.rejected:
        what = "this part" if len(result.rejected) == 1 else f"{len(result.rejected)} parts"
        lines.append(
            f"revision {result.revision} is not everywhere: Envoy rejected {what} of it, the rest is served"
        )
        lines += [line for each in result.rejected for line in _rejection(each)]
    if result.lacking:
        lines.append(
            f"revision {result.revision} is not everywhere after {result.seconds:.1f} s: "
            f"{len(result.lacking)} of {result.proxies} proxies lack it"
        )
    return lines + [_line(each) for each in result.lacking]


def _failure(problem: ProblemStatus) -> list[str]:
    from xds_server.cli.printing import plain

    where = "  ".join(filter(None, (problem.place, problem.object, problem.path)))
    return [*([f"  {plain(where)}"] if where else ()), f"    {plain(problem.message)}"]


def _rejection(rejection: RejectionStatus) -> list[str]:
    from xds_server.cli.printing import plain

    lines = [f"  {_place(rejection)}", "    " + plain(rejection.reason).replace("\n", "\n    ")]
    if rejection.proxies:
        lines.append("    rejected by " + plain(", ".join(rejection.proxies)))
    return [*lines, f"    proxies have instead: {plain(rejection.serving)}"]


def _place(rejection: RejectionStatus) -> str:
    from xds_server.cli.printing import plain

    object_ = rejection.object or f"resource {rejection.resource}"
    return plain("  ".join(filter(None, (rejection.place, object_, rejection.path))))


def _line(entry: Lacking) -> str:
    from xds_server.cli.printing import plain

    parts = (entry.proxy, ", ".join(entry.types), entry.reason)
    return "  " + plain("  ".join(filter(None, parts)))


def _state(result: WaitResult) -> str:
    if not result.exists:
        return f"revision {result.revision} does not exist yet"
    if not result.lacking:
        return f"revision {result.revision}: what a proxy rejected is being judged"
    names = ", ".join(entry.proxy for entry in result.lacking[:_NAMED])
    more = len(result.lacking) - _NAMED
    has = result.proxies - len(result.lacking)
    return (
        f"revision {result.revision}: {has} of {result.proxies} proxies have it; waiting for {names}"
        + (f" and {more} more" if more > 0 else "")
    )


@contextlib.contextmanager
def _progress(*, is_wanted: bool) -> Iterator[Progress]:
    """A line on a terminal's standard error that is rewritten.

    Nothing where there is no terminal.
    """
    if not is_wanted or not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.text import Text

    from xds_server.cli.printing import console, plain

    with console(stderr=True).status("asking the control plane") as spinner:
        yield lambda text: spinner.update(Text(plain(text)))
