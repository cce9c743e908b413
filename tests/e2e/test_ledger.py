"""A policy that only Envoy itself can reject.

What it harms (nothing), what is told of it, and how it ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.processes.chancery import write
from tests.support.processes.load import load
from tests.support.processes.traffic import (
    DELTA,
    SOTW,
    Mesh,
    assert_nothing_lost,
    running_mesh,
    service_entry,
)
from tests.support.processes.waiting import eventually
from xds_server.bootstrap import BootstrapOptions

pytestmark = pytest.mark.envoy

COUNT = 200
GUILTY = "svc-077.mesh"
POISON = "%CEL(request.path +)%"
"""An expression that nobody but Envoy judges."""
PATH = "spec.http[0].headers.response.set.x-note"
ROOT = Path(__file__).parents[2]


def hosts() -> list[str]:
    return [f"svc-{number:03}.mesh" for number in range(COUNT)]


def policy(host: str, edition: str, note: str = "none") -> str:
    """A policy whose answers carry its edition."""
    return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {host.replace(".", "-")}}}
spec:
  hosts: [{host}]
  http:
  - headers:
      response:
        set: {{x-edition: "{edition}", x-note: "{note}"}}
    route: [{{destination: {{host: {host}}}}}]
"""


async def edition(mesh: Mesh, client: str, host: str) -> str:
    answer = await mesh.ask(client, host)
    assert answer.status == 200, answer
    return answer.headers["x-edition"]


async def editions(mesh: Mesh, client: str) -> dict[str, str]:
    return {host: await edition(mesh, client, host) for host in hosts()}


async def chancery_wait(mesh: Mesh) -> tuple[int, str]:
    """Exit code and output of `chancery wait --latest`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xds_server.cli.main", "wait", "--latest", "--timeout", "20s",
        "--admin", f"127.0.0.1:{mesh.plane.admin_port}",
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def test_a_poison_among_two_hundred_policies_harms_nobody(tmp_path: Path) -> None:
    async with running_mesh(tmp_path) as mesh:
        upstream = await mesh.http("everyone")
        files = {f"{host}.yaml": service_entry(host, upstream) for host in hosts()}
        policies = {f"policy-{host}.yaml": policy(host, "1") for host in hosts()}
        await mesh.save(files | policies)
        async with (
            load(mesh.port(DELTA), GUILTY) as delta,
            load(mesh.port(SOTW), GUILTY) as sotw,
        ):
            before = (await mesh.plane.status()).revision
            for host in hosts():
                note = POISON if host == GUILTY else "none"
                write(mesh.plane.config / f"policy-{host}.yaml", policy(host, "2", note))
            await mesh.plane.revision_after(before)
            write(mesh.plane.config / "policy-svc-005.mesh.yaml", policy("svc-005.mesh", "3"))

            async def is_named() -> bool:
                return bool((await mesh.plane.status()).rejections)

            await eventually(is_named, "the poison is found", explain=mesh.plane.process.tail)
            wanted = dict.fromkeys(hosts(), "2") | {GUILTY: "1", "svc-005.mesh": "3"}

            for client in (DELTA, SOTW):

                async def has_the_others(client: str = client) -> bool:
                    return await editions(mesh, client) == wanted

                await eventually(has_the_others, "the others converge", timeout=20, interval=0.5)
            await delta.seen(50)
            await sotw.seen(50)
        assert_nothing_lost(delta, sotw)

        [rejection] = (await mesh.plane.status()).rejections
        assert rejection.object == f"VirtualService default/{GUILTY.replace('.', '-')}"
        assert rejection.place == f"{mesh.plane.config}/policy-{GUILTY}.yaml:9"
        assert rejection.path == PATH
        assert "parse expression" in rejection.reason
        assert rejection.serving == "the last good version"

        await mesh.envoys[DELTA].restart()
        await mesh.envoys[DELTA].ready()
        assert await editions(mesh, DELTA) == wanted

        write(mesh.plane.config / f"policy-{GUILTY}.yaml", policy(GUILTY, "4"))
        await eventually(lambda: _has(mesh, GUILTY, "4"), "the repaired policy serves")
        assert (await mesh.plane.status()).rejections == ()


async def _has(mesh: Mesh, host: str, wanted: str) -> bool:
    return {await edition(mesh, client, host) for client in (DELTA, SOTW)} == {wanted}


async def test_waiting_for_a_poison_fails_and_names_file_line_and_field(tmp_path: Path) -> None:
    host = "one.mesh"
    async with running_mesh(tmp_path) as mesh:
        upstream = await mesh.http("one")
        await mesh.save({"one.yaml": service_entry(host, upstream), "p.yaml": policy(host, "1")})
        before = (await mesh.plane.status()).revision
        write(mesh.plane.config / "p.yaml", policy(host, "2", POISON))
        poisoned = await mesh.plane.revision_after(before)
        code, printed = await chancery_wait(mesh)
        assert code == 1, printed
        assert f"{mesh.plane.config}/p.yaml:9  VirtualService default/one-mesh  {PATH}" in printed
        result = await mesh.plane.wait(before + 1)
        assert (result.everywhere, len(result.rejected)) == (False, 1), (poisoned, result)

        result = await mesh.plane.save({"other.yaml": service_entry("other.mesh", upstream)})
        assert result.everywhere
        assert [each.object for each in result.held_back] == ["VirtualService default/one-mesh"]
        code, printed = await chancery_wait(mesh)
        assert (code, "still held back" in printed) == (0, True), printed


async def test_a_poison_that_was_there_at_the_start_takes_its_own_routes_only(
    tmp_path: Path,
) -> None:
    async with running_mesh(tmp_path / "first", clients={}) as first:
        upstream = await first.http("everyone")
        files = {f"{host}.yaml": service_entry(host, upstream) for host in hosts()[70:80]}
        files |= {
            f"policy-{host}.yaml": policy(host, "1", POISON if host == GUILTY else "none")
            for host in hosts()[70:80]
        }
        clients = {
            DELTA: BootstrapOptions("web-0"),
            SOTW: BootstrapOptions("web-1", is_delta=False),
        }
        async with running_mesh(tmp_path / "second", files, clients) as mesh:
            for client in clients:
                for host in hosts()[70:80]:

                    async def serves(host: str = host, client: str = client) -> bool:
                        answer = await mesh.ask(client, host)
                        edition = None if host == GUILTY else "1"
                        return (answer.status, answer.headers.get("x-edition")) == (200, edition)

                    await eventually(serves, f"{client} reaches {host}")
            # It has an answer when the field is found, too.
            await mesh.plane.wait(None)
            [rejection] = (await mesh.plane.status()).rejections
            assert (rejection.path, rejection.serving) == (PATH, "nothing: it was never good")
