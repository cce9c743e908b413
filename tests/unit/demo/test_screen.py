"""What a person reads is what happened."""

from __future__ import annotations

import asyncio
import io

from rich.console import Console

from tests.support.fakes.virtual_clock import VirtualClock
from xds_server.demo.board import Board, StepRecord, Verdict
from xds_server.demo.screen import LiveScreen, PlainScreen, print_summary
from xds_server.demo.traffic import Answer, Traffic
from xds_server.status import MeshStatus, ProblemStatus, ProxyStatus


def proxy(name: str, revision: int) -> ProxyStatus:
    return ProxyStatus(
        f"{name}.demo", "demo", "eu-1/eu-1a", "1.40", "egress", "delta", "now", revision, ()
    )


def scene() -> tuple[Board, Traffic, VirtualClock]:
    clock = VirtualClock()
    traffic = Traffic(clock, 1)
    for answer in [Answer(0.0, "v1", "eu-1a", "a")] * 3 + [
        Answer(0.0, "v2", "eu-1b", "b"),
        Answer(0.0, failure="HTTP 503"),
    ]:
        traffic.all.add(answer)
        traffic._recent.append(answer)
    board = Board(steps_planned=2)
    board.status = MeshStatus(
        revision=7,
        proxies=(proxy("web", 7), proxy("reviews-v1-a1", 6)),
        problems=(
            ProblemStatus(
                "error",
                "VirtualService demo/reviews",
                "routes.yaml:14",
                "spec.wieght",
                "unknown field",
            ),
        ),
    )
    board.ejected = frozenset({"reviews-v1-a1"})
    board.steps = [
        StepRecord("90 / 10", "A canary.", 500, 0, [0.031], ["v2 10%"], verdict=Verdict.KEPT),
        StepRecord(
            "a [sick] host", "It fails.", 5, 1, [], [], ["no request fails"], verdict=Verdict.BROKEN
        ),
    ]
    return board, traffic, clock


def console() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=160, force_terminal=False), out


async def printed_by(screen: PlainScreen, seconds: float = 0.05) -> None:
    try:
        async with asyncio.timeout(seconds):
            await screen.run()
    except TimeoutError:
        return


async def test_plain_lines_tell_steps_outcomes_and_complaints() -> None:
    board, traffic, clock = scene()
    to, out = console()
    screen = PlainScreen(to, board, traffic, clock)
    clock.advance(2.0)
    await printed_by(screen)
    text = out.getvalue()
    assert "[1/2] 90 / 10. A canary." in text
    assert "✓ 90 / 10: 500 requests, 0 errors; everywhere after 31 ms; v2 10%" in text
    assert "✗ a [sick] host: 5 requests, 1 errors; NOT KEPT: no request fails" in text
    assert "v1  75%  v2  25%" in text
    assert "revision 7 at 1 of 2, ejected: reviews-v1-a1" in text
    assert text.count("routes.yaml:14 spec.wieght: unknown field") == 1


def test_live_screen_shows_shares_revisions_and_ejection() -> None:
    board, traffic, clock = scene()
    to, out = console()
    to.print(LiveScreen(to, board, traffic, clock)._draw())
    text = out.getvalue()
    assert "75%" in text
    assert "revision 7: at 1 of 2 sidecars" in text
    assert "ejected" in text
    assert "step 2 of 2: a [sick] host" in text
    assert "routes.yaml:14" in text


def test_summary_names_what_was_not_kept() -> None:
    board, traffic, _ = scene()
    to, out = console()
    print_summary(to, board, traffic, 61.0)
    text = out.getvalue()
    assert "31 ms" in text
    assert "not kept: a [sick] host: no request fails" in text
    assert "5 requests, 1 failed; some promises were not kept" in text


def test_tally_counts_only_what_begins_while_it_is_open() -> None:
    traffic = Traffic(VirtualClock(), 1)
    with traffic.tally() as first:
        opened = traffic._open
    for tally in opened:
        tally.add(Answer(0.0, "v1", "eu-1a", "a"))
    assert (first.total, traffic.all.total) == (1, 1)
    assert traffic._open == (traffic.all,)
