"""What a person sees: a screen that redraws itself on a terminal, plain lines everywhere else."""

from __future__ import annotations

import asyncio

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from xds_server.clock import Clock
from xds_server.demo.board import Board, StepRecord, Verdict
from xds_server.demo.topology import FAR, NEAR
from xds_server.demo.traffic import Traffic

_REDRAW_SECONDS = 0.25
_LINE_SECONDS = 2.0
_MARKS = {Verdict.RUNNING: "▶", Verdict.KEPT: "✓", Verdict.BROKEN: "✗"}
_COLOURS = {Verdict.RUNNING: "yellow", Verdict.KEPT: "green", Verdict.BROKEN: "red"}


class LiveScreen:
    """A dashboard that is redrawn four times a second."""

    def __init__(self, console: Console, board: Board, traffic: Traffic, clock: Clock) -> None:
        self._console = console
        self._board = board
        self._traffic = traffic
        self._clock = clock
        self._began = clock.now()

    async def run(self) -> None:
        """Redraws until cancelled."""
        with Live(self._draw(), console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                live.update(self._draw(), refresh=True)
                await asyncio.sleep(_REDRAW_SECONDS)

    def _draw(self) -> RenderableType:
        parts: list[RenderableType] = [self._head()]
        parts.append(Columns([self._answers(), self._proxies()], padding=(0, 3)))
        if self._board.steps:
            parts.append(self._steps())
        parts.extend(Text(line, style="red") for line in self._board.complaints())
        return Group(*parts)

    def _head(self) -> RenderableType:
        board = self._board
        title = f"Chancery demo · {self._clock.now() - self._began:.0f} s"
        if not board.steps:
            text = f"Edit the files in {board.directory} and watch. Ctrl-C ends it."
            return Panel(Text(text), title=title, title_align="left")
        step = board.steps[-1]
        title += f" · step {len(board.steps)} of {board.steps_planned}: {escape(step.title)}"
        return Panel(Text(step.narration), title=title, title_align="left")

    def _answers(self) -> RenderableType:
        recent, everything = self._traffic.recent(), self._traffic.all
        table = Table(
            title="answers of the last 2 s", title_justify="left", box=None, padding=(0, 1)
        )
        for heading in ("version", "zone", "share", ""):
            table.add_column(heading, justify="right" if heading == "share" else "left")
        good = max(1, recent.places.total())
        for version in ("v1", "v2"):
            for zone in (NEAR.zone, FAR.zone):
                share = recent.places[version, zone] / good
                bar = ProgressBar(total=1.0, completed=share, width=24, pulse=False)
                table.add_row(version, zone, f"{share:.0%}", bar)
        rate = f"{self._traffic.rate():.0f} requests/s, {everything.total} in all"
        errors = Text(
            f"{len(everything.failures)} errors", "red" if everything.failures else "green"
        )
        return Group(table, Text.assemble(rate, ", ", errors))

    def _proxies(self) -> RenderableType:
        board = self._board
        newest = board.status.revision
        title = f"revision {newest}: at {board.everywhere} of {len(board.status.proxies)} sidecars"
        table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
        for heading in ("sidecar", "zone", "revision", ""):
            table.add_column(heading, justify="right" if heading == "revision" else "left")
        for proxy in sorted(board.status.proxies, key=lambda p: (p.locality, p.id)):
            name = proxy.id.partition(".")[0]
            note = "[red]ejected" if name in board.ejected else ""
            colour = "green" if proxy.revision >= newest else "yellow"
            table.add_row(name, proxy.locality, f"[{colour}]{proxy.revision}", note)
        return table

    def _steps(self) -> RenderableType:
        table = Table(box=None, show_header=False, padding=(0, 1))
        # What is above takes nineteen lines; on a low terminal the oldest steps give way.
        room = max(2, self._console.height - 19)
        for step in self._board.steps[-room:]:
            colour = _COLOURS[step.verdict]
            table.add_row(
                f"[{colour}]{_MARKS[step.verdict]}", escape(step.title), escape(_outcome(step))
            )
        return table


class PlainScreen:
    """Lines for a log: one heading for each step, its course every two seconds, its outcome."""

    def __init__(self, console: Console, board: Board, traffic: Traffic, clock: Clock) -> None:
        self._console = console
        self._board = board
        self._traffic = traffic
        self._clock = clock
        self._began = clock.now()
        self._told = 0
        self._ended = 0
        self._next_line = self._began + _LINE_SECONDS
        self._complained: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Print until cancelled."""
        try:
            while True:
                self._print_news()
                await asyncio.sleep(_REDRAW_SECONDS)
        finally:
            self._print_news()

    def _print_news(self) -> None:
        board = self._board
        while self._ended < self._told or self._told < len(board.steps):
            if self._ended < self._told:
                step = board.steps[self._ended]
                if step.verdict is Verdict.RUNNING:
                    break
                self._say(f"{_MARKS[step.verdict]} {step.title}: {_outcome(step)}")
                self._ended += 1
            else:
                step = board.steps[self._told]
                self._told += 1
                self._say(f"\n[{self._told}/{board.steps_planned}] {step.title}. {step.narration}")
        if self._clock.now() >= self._next_line:
            self._next_line = self._clock.now() + _LINE_SECONDS
            self._say(self._course())
        complaints = frozenset(board.complaints())
        for line in sorted(complaints - self._complained):
            self._say(f"  ! {line}")
        self._complained = complaints

    def _course(self) -> str:
        recent, board = self._traffic.recent(), self._board
        shares = [f"{v} {recent.version(v):4.0%}" for v in ("v1", "v2")]
        shares += [f"{zone} {recent.zone(zone):4.0%}" for zone in (NEAR.zone, FAR.zone)]
        where = (
            f"revision {board.status.revision} at {board.everywhere} of {len(board.status.proxies)}"
        )
        ejected = f", ejected: {', '.join(sorted(board.ejected))}" if board.ejected else ""
        errors = len(self._traffic.all.failures)
        at = self._clock.now() - self._began
        return f"  {at:5.1f} s  {'  '.join(shares)}  {self._traffic.rate():.0f}/s, {errors} errors, {where}{ejected}"

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def print_summary(console: Console, board: Board, traffic: Traffic, seconds: float) -> None:
    """What was asked, what failed, how long edits took, and which promises were broken."""
    table = Table(title=f"Chancery demo: {seconds:.0f} s", title_justify="left")
    for heading in ("", "step", "requests", "errors", "edit to everywhere", "seen"):
        numeric = heading in ("requests", "errors", "edit to everywhere")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=heading != "seen")
    for step in board.steps:
        mark = f"[{_COLOURS[step.verdict]}]{_MARKS[step.verdict]}"
        times = ", ".join(_milliseconds(s) for s in step.seconds)
        table.add_row(
            mark,
            escape(step.title),
            str(step.requests),
            str(step.errors),
            times,
            escape("; ".join(step.seen)),
        )
    console.print(table)
    for note in (f"{step.title}: {note}" for step in board.steps for note in step.notes):
        console.print(Text(f"  {note}"), soft_wrap=True)
    broken = [f"{step.title}: {promise}" for step in board.steps for promise in step.broken]
    for line in broken:
        console.print(Text(f"✗ not kept: {line}", style="red"))
    total, errors = traffic.all.total, len(traffic.all.failures)
    verdict = "some promises were not kept" if broken else "every promise was kept"
    console.print(
        Text(f"{total} requests, {errors} failed; {verdict}", style="red" if broken else "green")
    )


def _outcome(step: StepRecord) -> str:
    parts = []
    if step.verdict is not Verdict.RUNNING:
        parts.append(f"{step.requests} requests, {step.errors} errors")
    if step.seconds:
        parts.append("everywhere after " + ", ".join(_milliseconds(s) for s in step.seconds))
    parts += [f"NOT KEPT: {promise}" for promise in step.broken]
    return "; ".join([*parts, *step.seen])


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
