"""gRPC clients that speak xDS themselves follow the same policies, without any Envoy."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.processes.chancery import ControlPlane
from tests.support.processes.traffic import (
    Mesh,
    destination_rule,
    running_mesh,
    service_entry,
    split,
    virtual_service,
)

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "support" / "processes" / "proxyless_client.py"
HOST = "ratings.mesh"


class Client:
    """A running `proxyless_client`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def calls(self, count: int) -> Counter[str]:
        """Which versions answer that many calls; failures under their status code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{count}\n".encode())
        async with asyncio.timeout(20):
            line = await self._process.stdout.readline()
        return Counter(json.loads(line))


async def bootstrap(plane: ControlPlane, name: str, *options: str) -> str:
    """What `chancery bootstrap --mode grpc` prints."""
    command = [sys.executable, "-m", "xds_server.cli.main", "bootstrap", name, "--mode", "grpc"]
    command += ["--control-plane", str(plane.address), *options]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


@asynccontextmanager
async def client(mesh: Mesh, name: str, target: str, *options: str) -> AsyncIterator[Client]:
    environment = {
        **os.environ,
        "GRPC_XDS_BOOTSTRAP_CONFIG": await bootstrap(mesh.plane, name, *options),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), target,
        env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Client(process)
    finally:
        process.kill()
        await process.wait()


def assert_split(counts: Counter[str], share: float) -> None:
    """v2 has that share of the calls, within five standard deviations, and v1 has the rest."""
    total = counts.total()
    assert set(counts) <= {"v1", "v2"}, counts
    assert abs(counts["v2"] / total - share) <= 5 * math.sqrt(share * (1 - share) / total), counts


async def test_a_grpc_client_without_a_proxy_follows_weights_and_places(tmp_path: Path) -> None:
    async with running_mesh(tmp_path, clients={}) as mesh:
        one, two = await mesh.grpc("ratings-1", "v1"), await mesh.grpc("ratings-2", "v2")
        files = {
            "ratings.yaml": service_entry(HOST, one, two, port=9090, protocol="GRPC"),
            "rule.yaml": destination_rule(HOST, {"v1": "v1", "v2": "v2"}),
            "policy.yaml": virtual_service(HOST, split(HOST, v1=90, v2=10)),
        }
        await mesh.save(files)
        target = f"xds:///{HOST}:9090"
        async with client(mesh, "worker-0", target) as worker:
            assert_split(await worker.calls(400), 0.1)
            [proxy] = (await mesh.plane.status()).proxies
            assert (proxy.id, proxy.wire, proxy.mode) == ("worker-0.default", "sotw", "proxyless")

            for v2 in (50, 100, 0):
                await mesh.save(
                    {"policy.yaml": virtual_service(HOST, split(HOST, v1=100 - v2, v2=v2))}
                )
                assert_split(await worker.calls(300), v2 / 100)

            # A subset added, routed to and the old ones removed in one save, several times.
            for number in range(6):
                version = f"v{number % 2 + 1}"
                name = f"s{number}"
                await mesh.save(
                    {
                        "rule.yaml": destination_rule(HOST, {name: version}),
                        "policy.yaml": virtual_service(HOST, split(HOST, **{name: 1})),
                    }
                )
                assert await worker.calls(40) == {version: 40}
            await mesh.save({"policy.yaml": None, "rule.yaml": None})
            counts = await worker.calls(40)
            assert set(counts) == {"v1", "v2"}

            # Its timeouts are deadlines.
            rule = f"{{timeout: 300ms, retries: {{attempts: 0}}, route: [{{destination: {{host: {HOST}}}}}]}}"
            await mesh.save({"policy.yaml": virtual_service(HOST, rule)})
            assert (await worker.calls(4)).total() == 4
            one.behaviour.delay = two.behaviour.delay = 1.5
            assert await worker.calls(1) == {"DEADLINE_EXCEEDED": 1}


async def test_a_grpc_client_without_a_proxy_prefers_its_own_zone(tmp_path: Path) -> None:
    async with running_mesh(tmp_path, clients={}) as mesh:
        near, far = await mesh.grpc("near", "near"), await mesh.grpc("far", "far")
        near.instance.zone, far.instance.zone = "eu-1/eu-1a", "us-1/us-1a"
        both = service_entry(HOST, near, far, port=9090, protocol="GRPC")
        await mesh.save({"ratings.yaml": both})
        place = ("--locality", "eu-1/eu-1a")
        async with client(mesh, "worker-1", f"xds:///{HOST}:9090", *place) as worker:
            assert await worker.calls(20) == {"near": 20}
            await mesh.save({"ratings.yaml": service_entry(HOST, far, port=9090, protocol="GRPC")})
            assert await worker.calls(20) == {"far": 20}
            await mesh.save({"ratings.yaml": both})
            assert await worker.calls(20) == {"near": 20}
