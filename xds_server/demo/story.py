"""The walk of the demo: what is done, what is promised of it, and whether the promise was kept.

Every step promises that no request fails. An edit is followed until every proxy has ACKed it; only
requests that begin after that are held against the step's other promises, so that answers under way
do not count for either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from xds_server.clock import Clock
from xds_server.demo.board import Board, StepRecord, Verdict
from xds_server.demo.mesh import Mesh
from xds_server.demo.topology import FAR, NEAR
from xds_server.demo.traffic import Tally, Traffic
from xds_server.demo.workspace import NEAR_ZONE, RATINGS_FILE, ROUTES

SICK = "reviews-v2-a1"
_GOOD_MATCH = "prefix: /demo.Ratings/"
# Expressions in CEL are judged by nobody but Envoy.
_BAD_RULE = (
    f'{_GOOD_MATCH}\n    headers: {{response: {{set: {{x-path: "%CEL(request.path +)%"}}}}}}'
)
_PATIENCE_SECONDS = 15.0
_SETTLE_SECONDS = 0.1


class Story:
    """Walks through the steps once."""

    def __init__(self, mesh: Mesh, traffic: Traffic, board: Board, clock: Clock) -> None:
        self._mesh = mesh
        self._traffic = traffic
        self._board = board
        self._clock = clock
        self._files = mesh.workspace
        self.steps: tuple[Callable[[], Awaitable[None]], ...] = (
            self._start,
            self._canary,
            self._half,
            self._rollout,
            self._zone_leaves,
            self._zone_returns,
            self._sick_host,
            self._typing_error,
            self._rejected_by_envoy,
        )
        board.steps_planned = len(self.steps)

    async def walk(self) -> None:
        """All steps, one after the other; what came of them is on the board."""
        for step in self.steps:
            await step()

    async def _start(self) -> None:
        async with self._step(
            "100 / 0",
            "web calls reviews through its sidecar. Version 2 runs, but its weight is 0. "
            "Instances of web's own zone, eu-1a, are preferred.",
        ) as step:
            seen = await self._watch(step, 5.0)
            _expect(step, seen.version("v1") == 1, "only version 1 answers")
            _expect(step, seen.zone(NEAR.zone) == 1, "only the near zone answers")

    async def _canary(self) -> None:
        async with self._step(
            "90 / 10",
            f"A canary: weights 90 and 10 are saved in {ROUTES}. One host's routes travel, nothing else.",
        ) as step:
            await self._edit(step, lambda: self._files.set_weights(90, 10))
            seen = await self._watch(step, 8.0)
            _expect(
                step, 0.04 <= seen.version("v2") <= 0.18, "about a tenth is answered by version 2"
            )

    async def _half(self) -> None:
        async with self._step("50 / 50", "The canary does well: half of the requests.") as step:
            await self._edit(step, lambda: self._files.set_weights(50, 50))
            seen = await self._watch(step, 6.0)
            _expect(step, 0.4 <= seen.version("v2") <= 0.6, "about a half is answered by version 2")

    async def _rollout(self) -> None:
        async with self._step(
            "0 / 100",
            "All of them. Version 2 shows stars: it calls ratings over gRPC, through its own sidecar.",
        ) as step:
            await self._edit(step, lambda: self._files.set_weights(0, 100))
            seen = await self._watch(step, 6.0)
            _expect(step, seen.version("v2") == 1, "only version 2 answers")

    async def _zone_leaves(self) -> None:
        async with self._step(
            "zone eu-1a leaves",
            f"{NEAR_ZONE} is taken away, and with it every instance in web's own zone.",
        ) as step:
            await self._edit(step, lambda: self._files.remove(NEAR_ZONE))
            seen = await self._watch(step, 6.0)
            _expect(step, seen.zone(FAR.zone) == 1, "the other zone answers everything")

    async def _zone_returns(self) -> None:
        async with self._step(
            "zone eu-1a returns", f"{NEAR_ZONE} is back, and so is the traffic."
        ) as step:
            await self._edit(step, lambda: self._files.restore(NEAR_ZONE))
            seen = await self._watch(step, 6.0)
            _expect(step, seen.zone(NEAR.zone) >= 0.95, "the near zone answers again")

    async def _sick_host(self) -> None:
        async with self._step(
            "a sick host",
            f"{SICK} answers every request with a 500. Callers see none of it, the request is tried elsewhere; "
            "after three in a row the instance is ejected, and comes back when it is well.",
        ) as step:
            self._mesh.set_sick(SICK, True)
            after = await self._until(step, self._is_ejected, "the sick host is ejected")
            step.seen.append(f"ejected after {after:.1f} s")
            before = self._mesh.requests_to(SICK)
            await self._watch(step, 2.0)
            _expect(
                step, self._mesh.requests_to(SICK) == before, "no request reaches the ejected host"
            )
            self._mesh.set_sick(SICK, False)
            before = self._mesh.requests_to(SICK)

            async def is_back() -> bool:
                return not self._board.ejected and self._mesh.requests_to(SICK) > before

            after = await self._until(step, is_back, "the healed host is used again")
            step.seen.append(f"healed: back after {after:.1f} s")

    async def _typing_error(self) -> None:
        async with self._step(
            "a typing error",
            f"Somebody saves 'wieght' in {ROUTES}. What was good goes on serving; the status says where it is.",
        ) as step:
            line = self._files.replace(ROUTES, "weight:", "wieght:")
            place = f"{ROUTES}:{line}"

            async def is_reported() -> bool:
                return any(p.place.endswith(place) for p in self._board.status.problems)

            await self._until(step, is_reported, f"the status names {place}")
            step.notes += self._board.complaints()
            seen = await self._watch(step, 5.0)
            _expect(step, seen.version("v2") == 1, "the last good routes go on serving")
            self._files.replace(ROUTES, "wieght:", "weight:")
            await self._until(step, self._has_no_problem, "the repaired file has no problem")

    async def _rejected_by_envoy(self) -> None:
        async with self._step(
            "rejected by Envoy",
            f"An expression for a header in {RATINGS_FILE} that only Envoy itself can judge. It is held back, the last good one serves, "
            "and an edit of reviews made meanwhile goes through.",
        ) as step:
            self._files.replace(RATINGS_FILE, _GOOD_MATCH, _BAD_RULE)

            async def is_reported() -> bool:
                return any(RATINGS_FILE in r.place for r in self._board.status.rejections)

            await self._until(step, is_reported, f"the status names {RATINGS_FILE} as rejected")
            step.notes += self._board.complaints()
            await self._edit(step, lambda: self._files.set_weights(50, 50))
            seen = await self._watch(step, 6.0)
            _expect(step, 0.35 <= seen.version("v2") <= 0.65, "the other edit goes through")
            # Back to what still serves: nobody gets anything new, so there is no new revision to
            # follow.
            self._files.replace(RATINGS_FILE, _BAD_RULE, _GOOD_MATCH)

            async def is_clear() -> bool:
                return not self._board.status.rejections

            await self._until(step, is_clear, "nothing is rejected any more")

    @asynccontextmanager
    async def _step(self, title: str, narration: str) -> AsyncIterator[StepRecord]:
        """Put a step on the board.

        At its end its requests and errors, and whether its promises were kept.
        """
        step = StepRecord(title, narration)
        self._board.steps.append(step)
        requests, errors = self._traffic.all.total, len(self._traffic.all.failures)
        calls = self._mesh.ratings_calls
        ratings_errors = len(calls.failures)
        yield step
        step.requests = self._traffic.all.total - requests
        failures = self._traffic.all.failures[errors:] + calls.failures[ratings_errors:]
        step.errors = len(failures)
        if failures:
            step.broken.append(f"no request fails (first failure: {failures[0]})")
        step.verdict = Verdict.BROKEN if step.broken else Verdict.KEPT

    async def _edit(self, step: StepRecord, edit: Callable[[], object]) -> None:
        """Save, and wait until the change is everywhere."""
        applied = await self._mesh.apply(edit)
        step.seconds.append(applied.seconds)
        lacking = ", ".join(lack.proxy for lack in applied.result.lacking)
        _expect(
            step,
            applied.result.everywhere,
            f"revision {applied.revision} reaches everyone (lacking: {lacking})",
        )

    async def _watch(self, step: StepRecord, seconds: float) -> Tally:
        """The requests that begin in the next seconds."""
        # An Envoy's worker takes up what its main thread has ACKed a moment later.
        await asyncio.sleep(_SETTLE_SECONDS)
        with self._traffic.tally() as tally:
            await asyncio.sleep(seconds)
        shares = [
            f"{name} {tally.version(name):.0%}" for name in ("v1", "v2") if tally.version(name)
        ]
        shares += [
            f"{place.zone} {tally.zone(place.zone):.0%}"
            for place in (NEAR, FAR)
            if tally.zone(place.zone)
        ]
        step.seen.append(", ".join(shares))
        return tally

    async def _until(
        self, step: StepRecord, probe: Callable[[], Awaitable[bool]], promise: str
    ) -> float:
        """Wait for a promise to come true, and return the seconds that it took."""
        began = self._clock.now()
        while self._clock.now() - began < _PATIENCE_SECONDS:
            if await probe():
                return self._clock.now() - began
            await asyncio.sleep(0.05)
        _expect(step, False, f"{promise} (not within {_PATIENCE_SECONDS:g} s)")
        return _PATIENCE_SECONDS

    async def _is_ejected(self) -> bool:
        return SICK in self._board.ejected

    async def _has_no_problem(self) -> bool:
        return not self._board.status.problems


def _expect(step: StepRecord, is_kept: bool, promise: str) -> None:
    """Note a promise that was not kept."""
    if not is_kept:
        step.broken.append(promise)
