"""A bug of our own, met by one host, in front of real Envoys."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.processes import faulty_chancery
from tests.support.processes.chancery import write
from tests.support.processes.faulty_chancery import BUG
from tests.support.processes.load import load
from tests.support.processes.traffic import (
    DELTA,
    SOTW,
    Mesh,
    assert_nothing_lost,
    running_mesh,
    service_entry,
    to_host,
    virtual_service,
)
from tests.support.processes.waiting import eventually

pytestmark = pytest.mark.envoy

BAD, GOOD = "one.mesh", "two.mesh"
PATH = "spec.http[0].match[0].uri.prefix"


def policy(host: str, edition: str, prefix: str = "/") -> str:
    mark = f"headers: {{response: {{set: {{x-edition: '{edition}'}}}}}}"
    return virtual_service(host, to_host(host, mark, prefix=prefix))


async def editions(mesh: Mesh, host: str) -> set[str]:
    answers = [await mesh.ask(client, host) for client in (DELTA, SOTW)]
    return {f"{answer.status} {answer.headers.get('x-edition', '')}".strip() for answer in answers}


async def chancery(mesh: Mesh, *words: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xds_server.cli.main", *words,
        "--admin", f"127.0.0.1:{mesh.plane.admin_port}",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def test_a_bug_that_one_host_meets_is_seen_and_harms_no_other(tmp_path: Path) -> None:
    async with running_mesh(tmp_path / "upstreams", clients={}) as first:
        upstream = await first.http("everyone")
        files = {f"{host}.yaml": service_entry(host, upstream) for host in (BAD, GOOD)}
        files |= {"bad.yaml": policy(BAD, "1", BUG), "good.yaml": policy(GOOD, "1")}
        async with running_mesh(tmp_path / "mesh", files, module=faulty_chancery.__name__) as mesh:
            told = f"{mesh.plane.config}/bad.yaml:8  VirtualService default/one-mesh  {PATH}"
            assert await editions(mesh, GOOD) == {"200 1"}
            assert not any(each.startswith("200") for each in await editions(mesh, BAD))
            code, printed = await chancery(mesh, "status")
            assert (code, told in printed) == (0, True), printed
            code, printed = await chancery(mesh, "wait")
            assert (code, told in printed) == (1, True), printed

            before = (await mesh.plane.status()).revision
            write(mesh.plane.config / "bad.yaml", policy(BAD, "2"))
            assert (await mesh.plane.wait(await mesh.plane.revision_after(before))).everywhere
            assert await editions(mesh, BAD) == {"200 2"}
            assert (await mesh.plane.status()).problems == ()

            async with (
                load(mesh.port(DELTA), BAD) as delta,
                load(mesh.port(SOTW), BAD) as sotw,
            ):
                await delta.seen(20)
                await sotw.seen(20)
                before = (await mesh.plane.status()).revision
                write(mesh.plane.config / "bad.yaml", policy(BAD, "3", BUG))
                write(mesh.plane.config / "good.yaml", policy(GOOD, "3"))
                await mesh.plane.revision_after(before)

                async def is_there() -> bool:
                    return await editions(mesh, GOOD) == {"200 3"}

                await eventually(is_there, "the other host goes on")
                await delta.seen(20)
                await sotw.seen(20)
                assert await editions(mesh, BAD) == {"200 2"}
            assert_nothing_lost(delta, sotw)
            code, printed = await chancery(mesh, "wait")
            assert code == 1, printed
            assert "chancery failed to translate a part of it" in printed
