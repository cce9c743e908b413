"""Weights and subsets move under constant load, and no request is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio

from tests.support.processes.chancery import write
from tests.support.processes.load import Load, load
from tests.support.processes.traffic import (
    DELTA,
    SOTW,
    Mesh,
    assert_nothing_lost,
    assert_share,
    destination_rule,
    running_mesh,
    service_entry,
    split,
    to_host,
    virtual_service,
)

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    async with running_mesh(tmp_path_factory.mktemp("weights")) as running:
        yield running


async def two_versions(mesh: Mesh, host: str) -> None:
    """A service with two instances of v1 and one of v2, and no policy."""
    found = [
        await mesh.http(f"{host}-{name}", version)
        for name, version in (("a", "v1"), ("b", "v1"), ("c", "v2"))
    ]
    await mesh.save({f"{host}.yaml": service_entry(host, *found)})


@asynccontextmanager
async def both_loaded(mesh: Mesh, host: str, per_second: float = 200) -> AsyncIterator[list[Load]]:
    """Constant load through the sidecars of both wires; nothing of it may be lost."""
    async with AsyncExitStack() as stack:
        loads = [
            await stack.enter_async_context(load(mesh.port(client), host, per_second=per_second))
            for client in (DELTA, SOTW)
        ]
        yield loads
    assert_nothing_lost(*loads)


async def windows(loads: list[Load], requests: int) -> list[Load]:
    return await asyncio.gather(*(one.window(requests) for one in loads))


async def test_weights_move_from_one_version_to_the_other_without_loss(mesh: Mesh) -> None:
    host = "moving.mesh"
    await two_versions(mesh, host)
    rule = destination_rule(host, {"one": "v1", "two": "v2"})
    await mesh.save({"moving-rule.yaml": rule})
    await mesh.save({"moving.policy.yaml": virtual_service(host, split(host, one=100, two=0))})
    async with both_loaded(mesh, host, 300) as loads:
        for weight in (0, 10, 50, 100):
            policy = virtual_service(host, split(host, one=100 - weight, two=weight))
            if weight:
                await mesh.save({"moving.policy.yaml": policy})
            for window in await windows(loads, 300):
                assert_share(window, "v2", weight / 100)


async def test_weights_that_are_saved_faster_than_they_spread_end_at_the_last_ones(
    mesh: Mesh,
) -> None:
    host = "hasty.mesh"
    await two_versions(mesh, host)
    await mesh.save({"hasty-rule.yaml": destination_rule(host, {"one": "v1", "two": "v2"})})
    async with both_loaded(mesh, host) as loads:
        for weight in range(0, 105, 5):
            policy = virtual_service(host, split(host, one=100 - weight, two=weight))
            write(mesh.plane.config / "hasty.policy.yaml", policy)
            await asyncio.sleep(0.015)
        await mesh.save(
            {"hasty.last.yaml": "# saved after all others\n" + service_entry("last.mesh")}
        )
        for window in await windows(loads, 100):
            assert_share(window, "v2", 1)


async def test_subsets_that_are_added_routed_to_and_removed_lose_nothing(mesh: Mesh) -> None:
    host = "swapped.mesh"
    await two_versions(mesh, host)
    async with both_loaded(mesh, host) as loads:
        for number in range(20):
            version = f"v{number % 2 + 1}"
            # The subset before goes in the same save in which this one comes; every fourth time it
            # goes before.
            await mesh.save(
                {
                    "swapped-rule.yaml": destination_rule(host, {f"s{number}": version}),
                    "swapped.policy.yaml": virtual_service(host, split(host, **{f"s{number}": 1})),
                }
            )
            for window in await windows(loads, 10):
                assert_share(window, version, 1)
            if number % 4 == 3:
                await mesh.save(
                    {"swapped-rule.yaml": destination_rule(host), "swapped.policy.yaml": None}
                )
    left = await mesh.envoys[DELTA].clusters()
    assert {name for name in left if name.endswith(f"|{host}")} == {f"outbound|80||{host}"}


async def test_swaps_that_overtake_each_other_lose_nothing(mesh: Mesh) -> None:
    host = "rushed.mesh"
    await two_versions(mesh, host)
    async with both_loaded(mesh, host) as loads:
        for number in range(20):
            subset = f"s{number}"
            text = destination_rule(host, {subset: f"v{number % 2 + 1}"})
            text += virtual_service(host, split(host, **{subset: 1}))
            write(mesh.plane.config / "rushed.policy.yaml", text)
            await asyncio.sleep(0.02 * (number % 3))
        await mesh.save({"rushed.policy.yaml": virtual_service(host, to_host(host))})
        for window in await windows(loads, 100):
            assert set(window.versions) == {"v1", "v2"}
    for client in (DELTA, SOTW):
        left = await mesh.envoys[client].clusters()
        assert {name for name in left if name.endswith(f"|{host}")} == {f"outbound|80||{host}"}
