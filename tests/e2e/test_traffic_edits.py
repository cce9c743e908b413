"""What saving files does.

One save is one revision, what is removed is gone, what is broken changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.processes.chancery import write
from tests.support.processes.load import load
from tests.support.processes.traffic import (
    DELTA,
    SOTW,
    Mesh,
    assert_nothing_lost,
    destination_rule,
    running_mesh,
    service_entry,
    split,
    to_host,
    virtual_service,
)
from tests.support.processes.waiting import eventually
from xds_server.status import ProblemStatus

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

CLIENTS = (DELTA, SOTW)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    async with running_mesh(tmp_path_factory.mktemp("edits")) as running:
        yield running


async def two_versions(mesh: Mesh, host: str) -> str:
    """The documents of a service with an instance of v1 and one of v2, and these subsets."""
    one = await mesh.http(f"{host}-1", "v1")
    two = await mesh.http(f"{host}-2", "v2")
    return service_entry(host, one, two) + destination_rule(host, {"v1": "v1", "v2": "v2"})


async def versions(mesh: Mesh, client: str, host: str, requests: int = 16) -> set[str]:
    answers = [await mesh.ask(client, host) for _ in range(requests)]
    assert {answer.status for answer in answers} == {200}
    return {answer.headers["x-version"] for answer in answers}


async def test_many_files_saved_together_are_one_revision(mesh: Mesh) -> None:
    upstream = await mesh.http("common")
    before = (await mesh.plane.status()).revision
    hosts = [f"together-{number}.mesh" for number in range(30)]
    result = await mesh.save(
        {f"together/{host}.yaml": service_entry(host, upstream) for host in hosts}
    )
    assert result.revision == before + 1
    for client in CLIENTS:
        statuses = {(await mesh.ask(client, host)).status for host in hosts}
        assert statuses == {200}

    result = await mesh.save({f"together/{host}.yaml": None for host in hosts})
    await asyncio.sleep(0.3)
    assert (await mesh.plane.status()).revision == result.revision == before + 2
    for client in CLIENTS:
        answers = [await mesh.ask(client, host) for host in hosts]
        assert {answer.status for answer in answers} == {502}
        assert b"no service of the mesh has this host name" in answers[0].body


async def test_saving_a_file_without_a_change_is_no_revision(mesh: Mesh) -> None:
    host = "same.mesh"
    text = await two_versions(mesh, host)
    revision = (await mesh.save({"same.yaml": text})).revision
    write(mesh.plane.config / "same.yaml", text)
    write(mesh.plane.config / "same.yaml", f"# other words, the same meaning\n{text}")
    await asyncio.sleep(0.3)
    assert (await mesh.plane.status()).revision == revision


async def test_a_policy_that_is_deleted_leaves_the_default_route(mesh: Mesh) -> None:
    host = "plain.mesh"
    policy = virtual_service(host, split(host, v1=0, v2=1))
    await mesh.save({"plain.yaml": await two_versions(mesh, host), "plain-policy.yaml": policy})
    for client in CLIENTS:
        assert await versions(mesh, client, host) == {"v2"}
    async with load(mesh.port(DELTA), host) as running:
        await mesh.save({"plain-policy.yaml": None})
        for client in CLIENTS:
            assert await versions(mesh, client, host) == {"v1", "v2"}
        await running.seen(20)
    assert_nothing_lost(running)


async def test_a_service_that_is_deleted_and_made_again_is_served_again(mesh: Mesh) -> None:
    host = "again.mesh"
    text = await two_versions(mesh, host)
    for _ in range(3):
        await mesh.save({"again.yaml": text})
        for client in CLIENTS:
            assert await versions(mesh, client, host) == {"v1", "v2"}
        await mesh.save({"again.yaml": None})
        for client in CLIENTS:
            assert (await mesh.ask(client, host)).status == 502
            clusters = await mesh.envoys[client].clusters()
            assert [name for name in clusters if host in name] == []


async def test_a_host_that_moves_to_another_object_in_one_save_is_served_throughout(
    mesh: Mesh,
) -> None:
    host = "handed.mesh"
    one, two = await mesh.http("handed-1"), await mesh.http("handed-2")
    await mesh.save({"handed-1.yaml": service_entry(host, one, name="first")})
    async with load(mesh.port(DELTA), host) as delta, load(mesh.port(SOTW), host) as sotw:
        await asyncio.gather(delta.seen(20), sotw.seen(20))
        await mesh.save(
            {"handed-2.yaml": service_entry(host, two, name="second"), "handed-1.yaml": None}
        )
        for running in (delta, sotw):
            assert set((await running.window(20)).instances) == {"handed-2"}
    assert_nothing_lost(delta, sotw)


BROKEN = {
    "syntax": ("  hosts: [broken-syntax.mesh\n  http: []\n", "", ""),
    "unknown field": (
        "  hosts: [{host}]\n  http:\n  - tiemout: 1s\n    route: [{{destination: {{host: {host}}}}}]\n",
        "spec.http[0].tiemout",
        "timeout",
    ),
    "wrong value": (
        "  hosts: [{host}]\n  http:\n  - timeout: soon\n    route: [{{destination: {{host: {host}}}}}]\n",
        "spec.http[0].timeout",
        "soon",
    ),
    "no weights": (
        "  hosts: [{host}]\n  http:\n  - route:\n    - {{destination: {{host: {host}, subset: v1}}, weight: 0}}\n"
        "    - {{destination: {{host: {host}, subset: v2}}, weight: 0}}\n",
        "spec.http[0].route",
        "weights",
    ),
}


@pytest.mark.parametrize("mistake", BROKEN)
async def test_a_broken_policy_keeps_its_last_good_version_and_is_named(
    mesh: Mesh, mistake: str
) -> None:
    host = f"broken-{mistake.replace(' ', '-')}.mesh"
    file = f"{host}.policy.yaml"
    good = virtual_service(host, split(host, v1=0, v2=1))
    await mesh.save({f"{host}.yaml": await two_versions(mesh, host), file: good})
    head, _, _ = good.partition("  hosts:")
    text, path, word = BROKEN[mistake]
    async with load(mesh.port(DELTA), host) as running:
        write(mesh.plane.config / file, head + text.format(host=host))

        async def noticed() -> tuple[ProblemStatus, ...]:
            return tuple(one for one in (await mesh.plane.status()).problems if file in one.place)

        found = await eventually(noticed, "the mistake is in the status")
        assert [one.severity for one in found] == ["error"]
        name, _, line = found[0].place.rpartition(":")
        assert name.endswith(file)
        assert int(line) == (7 if mistake == "syntax" else 8)
        assert found[0].path == path
        assert word in found[0].message

        # The others are not kept waiting.
        await mesh.plane.save(
            {"bystander.yaml": service_entry(f"bystander-{host}", name="bystander")}
        )
        window = await running.window(30)
        assert set(window.versions) == {"v2"}
        for client in CLIENTS:
            assert await versions(mesh, client, host) == {"v2"}

        await mesh.save({file: virtual_service(host, split(host, v1=1, v2=0))})
        assert set((await running.window(20)).versions) == {"v1"}
    assert_nothing_lost(running)


async def test_a_rule_for_a_host_that_does_not_exist_yet_holds_once_it_does(mesh: Mesh) -> None:
    host = "late.mesh"
    await mesh.save({"late-policy.yaml": virtual_service("early.mesh", to_host(host))})
    for client in CLIENTS:
        assert (await mesh.ask(client, "early.mesh")).status == 503
    upstream = await mesh.http("late")
    await mesh.save({"late.yaml": service_entry(host, upstream)})
    for client in CLIENTS:
        assert (await mesh.ask(client, "early.mesh")).instance == "late"
