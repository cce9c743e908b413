"""Random edits, mistakes among them, end where a fresh server and fresh Envoys begin."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.abuse.edits import RandomEdits
from tests.abuse.outcome import MOST_MS, Outcome
from tests.abuse.world import CAPTURED, EGRESS, World, running_world, said_of
from tests.support.processes.chancery import write
from translators.model.proxy_node import Mode
from xds_server.errors import AdminError

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

_PATIENCE = 6.0
"""Seconds after which a mistake is taken for unnamed."""


class Verdicts:
    """How long each mistake took from its save until the status named its file."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._due: dict[str, float] = {}
        self._named: frozenset[str] = frozenset()
        self.slowest = 0.0
        self.count = 0
        self.late: dict[str, float] = {}

    def saved(self, files: Mapping[str, str | None], named: frozenset[str]) -> None:
        """Note that these files were saved, and which of all have to be named from now on."""
        now = asyncio.get_running_loop().time()
        begin = (named - self._named) | (named & files.keys())
        kept = {name: since for name, since in self._due.items() if name in named}
        self._due = kept | dict.fromkeys(begin, now)
        self._named = named

    async def follow(self) -> None:
        """Read the status for ever."""
        while True:
            with contextlib.suppress(AdminError):
                await self._look()
            await asyncio.sleep(0.03)

    async def _look(self) -> None:
        due = dict(self._due)
        status = await self._world.plane.status()
        now = asyncio.get_running_loop().time()
        for name, since in due.items():
            if self._due.get(name) != since:
                continue
            is_named = bool(said_of(status, self._world.config / name))
            if is_named or now - since > _PATIENCE:
                took = 1000 * (now - since)
                self.count += 1
                self.slowest = max(self.slowest, took)
                if took > MOST_MS or not is_named:
                    self.late[name] = took
                del self._due[name]

    async def all_given(self) -> None:
        """Wait until none is due."""
        while self._due:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("mode", "services", "edits", "poisons"),
    [
        pytest.param(EGRESS, 40, 30, 5, id="short"),
        pytest.param(EGRESS, 1000, 300, 40, id="egress", marks=pytest.mark.abuse),
        pytest.param(
            CAPTURED, 1000, 300, 40, id="captured", marks=[pytest.mark.abuse, pytest.mark.root]
        ),
    ],
)
async def test_random_edits_end_where_a_fresh_server_begins(
    mode: Mode,
    services: int,
    edits: int,
    poisons: int,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    promise: Callable[[Outcome], None],
) -> None:
    seed = int(request.config.getoption("--abuse-seed"))
    outcome = Outcome("edits", f"{edits} edits of {services} services", f"{mode.value}, {seed=}")
    async with running_world(mode, tmp_path) as world:
        apps = tuple(
            f"{world.places[f'{who}_IP']}:{world.places[f'APP_PORT_{who}']}"
            if mode is CAPTURED
            else f"127.0.0.1:{world.places[f'APP_PORT_{who}']}"
            for who in "AB"
        )
        mesh = RandomEdits(random.Random(seed), apps, services)
        _save(world, mesh.files())
        await asyncio.sleep(1.0)
        await world.until_whole(60)
        verdicts = Verdicts(world)
        following = asyncio.create_task(verdicts.follow())
        async with world.traffic():
            await world.flowing()
            outcome.edit = await _edited(world, mesh, verdicts, edits, poisons)
            await verdicts.all_given()
            outcome.named = verdicts.slowest
            outcome.wrong += [f"{n} was named after {t:.0f} ms" for n, t in verdicts.late.items()]
            outcome.wrong += await _held_back(world, mesh)
            _save(world, mesh.mend())
            await asyncio.sleep(1.0)
            try:
                outcome.healed = await world.until_whole(20)
            except AssertionError as error:
                outcome.wrong.append(str(error).splitlines()[0])
                outcome.detail += error.__notes__
            outcome.lost, outcome.lost_of_author = world.lost_of_honest, world.lost_of_author
        following.cancel()
        edited = [await envoy.held() for envoy in world.envoys]
        await world.plane.kill()
        await world.start_cold()
        await world.until_whole(60)
        fresh = [await envoy.held() for envoy in world.envoys]
        for envoy, had, has in zip(world.envoys, edited, fresh, strict=True):
            _differences(outcome, envoy.node_id, had, has)
    promise(outcome)


def _save(world: World, files: Mapping[str, str | None]) -> None:
    for name, text in files.items():
        path = world.config / name
        if text is not None or path.exists():
            write(path, text)


async def _edited(
    world: World, mesh: RandomEdits, verdicts: Verdicts, edits: int, poisons: int
) -> float:
    """Edit, spoil many at once in the middle, and time honest edits; return the slowest one's."""
    slowest = 0.0
    for number in range(edits):
        files = mesh.spoil(poisons) if number == edits // 2 else mesh.edit()
        _save(world, files)
        verdicts.saved(files, mesh.named())
        if number % 10 == 5 or number == edits // 2:
            slowest = max(slowest, await world.edit())
        await asyncio.sleep(mesh.chance.choice((0.0, 0.01, 0.05, 0.2, 0.4)))
    return slowest


async def _held_back(world: World, mesh: RandomEdits) -> list[str]:
    """What is held back though its file has no mistake."""
    mistakes = {f"{world.config / name}" for name in mesh.mistakes()}
    return [
        f"{each.object or each.resource} at {each.place} is held back: {each.reason[:100]}"
        for each in (await world.plane.status()).rejections
        if each.place.rpartition(":")[0] not in mistakes
    ]


def _differences(
    outcome: Outcome,
    who: str,
    had: dict[str, dict[str, object]],
    has: dict[str, dict[str, object]],
) -> None:
    """Note the resources that an edited Envoy has otherwise than a fresh one."""
    for part, fresh in has.items():
        for name in sorted(had[part].keys() | fresh.keys()):
            old, new = had[part].get(name), fresh.get(name)
            if old != new:
                outcome.wrong.append(f"{who} has another {part} {name} than a fresh one")
                outcome.detail.append(f"{who} {part} {name}: {_first_difference(old, new)}")


def _first_difference(old: object, new: object) -> str:
    """Where two values from JSON differ first, and how."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                return f".{key}{_first_difference(old.get(key), new.get(key))}"
    if isinstance(old, list) and isinstance(new, list):
        for number, (one, other) in enumerate(zip_longest(old, new)):
            if one != other:
                return f"[{number}]{_first_difference(one, other)}"
    return f": {str(old)[:600]} became {str(new)[:600]}"
