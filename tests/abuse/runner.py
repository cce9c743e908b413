"""Tries one case on a world that is used again while all is well with it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from tests.abuse.accidents import Accident
from tests.abuse.clients import Hostile
from tests.abuse.outcome import MOST_KEPT_MIB, Outcome
from tests.abuse.poison import Poison
from tests.abuse.world import World, running_world
from translators.model.proxy_node import Mode
from xds_server.errors import AdminError
from xds_server.status import TypeState

_SETTLES = 0.4
"""Seconds of traffic after a mistake, in which its harm would be seen."""


_FAILS = (AssertionError, pytest.fail.Exception)
"""What the parts of a world raise when they are not what they should be."""
_OWN_AFFAIR = "each proxy"
"""How the status begins to say that nobody but those who refuse it lacks something."""


class Stage:
    """Keeps a world from case to case, and replaces one in which something is wrong."""

    def __init__(self, mode: Mode, workdir: Path, args: Sequence[str] = ()) -> None:
        """`args` are further options of the server."""
        self.mode = mode
        self.where = " ".join((mode.value, *args))
        self._args = args
        self._workdir = workdir
        self._stack = AsyncExitStack()
        self._world: World | None = None
        self._numbers = itertools.count()

    async def world(self) -> World:
        """Give a world in which all is well."""
        if self._world is not None and not self._world.is_clean:
            await self.close()
        if self._world is None:
            workdir = self._workdir / str(next(self._numbers))
            self._world = await self._stack.enter_async_context(
                running_world(self.mode, workdir, self._args)
            )
        return self._world

    async def close(self) -> None:
        """End what runs."""
        stack, self._stack, self._world = self._stack, AsyncExitStack(), None
        await stack.aclose()


Deed = Callable[[World, Outcome], Coroutine[None, None, None]]


async def tried(stage: Stage, outcome: Outcome, deed: Deed) -> Outcome:
    """Do something under traffic, edit honestly meanwhile, mend it, and see that all is well."""
    world = await stage.world()
    world.is_clean = False
    async with world.traffic():
        await world.flowing(3)
        try:
            await deed(world, outcome)
        except _FAILS as error:
            outcome.wrong.append(_words(error))
        await asyncio.sleep(_SETTLES)
        outcome.edit = outcome.edit or await world.edit()
        await _healed(world, outcome)
        _count(world, outcome)
    return outcome


async def _healed(world: World, outcome: Outcome) -> None:
    world.mend()
    try:
        outcome.healed = await world.until_whole()
        await world.until_served()
    except (*_FAILS, TimeoutError) as error:
        outcome.healed = None
        outcome.wrong.append(_words(error))
        outcome.detail += getattr(error, "__notes__", ())
    if not world.plane.process.is_running:
        outcome.wrong.append(f"the server ended with {world.plane.process.returncode}")
        outcome.detail.append(world.plane.process.tail(12))


def _words(error: BaseException) -> str:
    """Its first line, or its name when it says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0]


def _count(world: World, outcome: Outcome) -> None:
    outcome.lost, outcome.lost_of_author = world.lost_of_honest, world.lost_of_author
    if outcome.lost:
        outcome.detail += [f"{traffic.report()}" for traffic in world.traffics]
    world.is_clean = not outcome.faults()


async def warm(stage: Stage, poison: Poison) -> Outcome:
    """Save a poison under traffic."""
    outcome = Outcome("poison", poison.name, f"{stage.where}, warm", has_name=poison.is_named)

    async def deed(world: World, outcome: Outcome) -> None:
        world.write({poison.file: poison.text})
        await _name(world, poison, outcome)

    return await tried(stage, outcome, deed)


async def cold(stage: Stage, poison: Poison) -> Outcome:
    """Start a server and both Envoys with a poison; what is lost counts once they are ready."""
    outcome = Outcome("poison", poison.name, f"{stage.where}, cold", has_name=poison.is_named)
    world = await stage.world()
    world.is_clean = False
    await world.plane.kill()
    world.write({poison.file: poison.text})
    try:
        await world.start_cold()
    except _FAILS as error:
        outcome.wrong.append(_words(error))
        return outcome
    async with world.traffic():
        await _name(world, poison, outcome)
        await world.flowing(8)
        outcome.edit = await world.edit()
        await _healed(world, outcome)
        _count(world, outcome)
    return outcome


async def _name(world: World, poison: Poison, outcome: Outcome) -> None:
    named = await world.named(world.config / poison.file, timeout=4.0 if poison.is_named else 0.3)
    if named is not None:
        outcome.named, outcome.said = named


async def attacked(stage: Stage, hostile: Hostile) -> Outcome:
    """Let a client do its worst while honest edits go on, and see what is left when it is gone."""
    when = "cold" if hostile.is_first else "warm"
    outcome = Outcome("clients", hostile.name, f"{stage.where}, {when}")
    world = await stage.world()
    world.is_clean = False
    if hostile.is_first:
        await world.plane.kill()
        await asyncio.gather(*(envoy.kill() for envoy in world.envoys))
        await world.start_plane()
    before = world.plane.memory_mib()
    attack = asyncio.create_task(_until_cancelled(hostile.act(world)))
    try:
        if hostile.is_first:
            await asyncio.sleep(1.0)
            await world.start_envoys()
        async with world.traffic():
            await world.flowing(3)
            outcome.edit = await _edits(world, hostile, outcome)
            attack.cancel()
            await _healed(world, outcome)
            outcome.kept_mib = await _kept(world, before)
            if outcome.kept_mib > MOST_KEPT_MIB:
                # What the allocator keeps for later is not kept twice.
                before = world.plane.memory_mib()
                attack = asyncio.create_task(_until_cancelled(hostile.act(world)))
                await asyncio.sleep(hostile.seconds)
                attack.cancel()
                outcome.kept_mib = await _kept(world, before)
            _count(world, outcome)
    except _FAILS as error:
        outcome.wrong.append(_words(error))
    finally:
        attack.cancel()
        await asyncio.gather(attack, return_exceptions=True)
    return outcome


async def _until_cancelled(attack: Coroutine[None, None, None]) -> None:
    """Let the client go on; what ends it by an error of its own only ends it."""
    with contextlib.suppress(OSError, grpc.aio.AioRpcError, BaseExceptionGroup):
        await attack


async def _edits(world: World, hostile: Hostile, outcome: Outcome) -> float:
    """Edit again and again for so long; return what the slowest one took."""
    loop = asyncio.get_running_loop()
    until = loop.time() + hostile.seconds
    slowest = 0.0
    withheld: set[str] = set()
    is_shown = False
    while loop.time() < until and world.plane.process.is_running:
        slowest = max(slowest, await world.edit())
        with contextlib.suppress(AdminError):
            status = await world.plane.status()
            withheld |= {
                f"{each.object or each.resource} is held back: {each.reason[:80]}"
                for each in status.rejections
                if not each.serving.startswith(_OWN_AFFAIR)
            }
            is_shown |= any(
                row.state is TypeState.REJECTED and row.reason
                for proxy in status.proxies
                for row in proxy.types
            )
        await asyncio.sleep(0.2)
    outcome.wrong += sorted(withheld)
    if hostile.is_shown and not is_shown:
        outcome.wrong.append("the status does not say what that proxy refuses")
    return slowest


async def _kept(world: World, before: float) -> float:
    """How many MiB the server has more than before, once it gave back what it can."""
    for _ in range(20):
        kept = world.plane.memory_mib() - before
        if kept < MOST_KEPT_MIB:
            break
        await asyncio.sleep(0.5)
    return kept


async def happened(stage: Stage, accident: Accident) -> Outcome:
    """Let something happen to files or processes under traffic."""
    outcome = Outcome("accidents", accident.name, stage.where, has_name=bool(accident.named))

    async def deed(world: World, outcome: Outcome) -> None:
        naming = asyncio.create_task(world.named(world.config / (accident.named or "none")))
        await accident.act(world)
        if accident.named and (named := await naming) is not None:
            outcome.named, outcome.said = named
        naming.cancel()

    await tried(stage, outcome, deed)
    if outcome.lost_of_author and not accident.is_authors:
        outcome.wrong.append(f"the author lost {outcome.lost_of_author}")
    return outcome
