"""What breaks and comes back: the control plane, a proxy, both at a bad moment."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import aiohttp
import grpc
import pytest

from tests.support.processes.chancery import ControlPlane, write
from tests.support.processes.envoy import EnvoyProcess
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
from translators.names import CLUSTER_TYPE
from xds_server.bootstrap import BootstrapOptions

pytestmark = pytest.mark.envoy

WIRES = (DELTA, SOTW)


async def pushed(plane: ControlPlane) -> dict[str, tuple[float, float]]:
    """Type → (responses, bytes) that were sent since the process began."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{plane.admin_port}/metrics") as answer,
    ):
        text = await answer.text()
    found = re.findall(
        r'^chancery_xds_(pushes|push_bytes)_total\{type="(\w+)"\} (\S+)$', text, re.MULTILINE
    )
    counts = {(what, short): float(number) for what, short, number in found}
    return {
        short: (number, counts["push_bytes", short])
        for (what, short), number in counts.items()
        if what == "pushes"
    }


async def many_services(mesh: Mesh, count: int) -> dict[str, str]:
    """Files of services that all are one instance, with a policy each."""
    upstream = await mesh.http("everyone")
    return {
        f"svc-{number}.yaml": service_entry(f"svc-{number}.mesh", upstream)
        + virtual_service(f"svc-{number}.mesh", to_host(f"svc-{number}.mesh", "timeout: 20s"))
        for number in range(count)
    }


async def test_a_killed_control_plane_costs_no_request_and_repeats_nothing(tmp_path: Path) -> None:
    clients = {f"web-{number}": BootstrapOptions(f"web-{number}") for number in range(2)}
    async with running_mesh(tmp_path, clients=clients) as mesh:
        await mesh.save(await many_services(mesh, 60))
        cold = await pushed(mesh.plane)
        async with load(mesh.port("web-0"), "svc-1.mesh") as running:
            await running.seen(20)
            await mesh.plane.kill()
            await running.seen(60)
            await mesh.plane.restart()
            await mesh.plane.connected("web-0.default", "web-1.default")
            await mesh.plane.wait_latest()
            warm = await pushed(mesh.plane)
            await running.seen(40)
            before = (await mesh.plane.status()).revision
            host = "svc-1.mesh"
            text = virtual_service(host, to_host(host, "headers: {response: {set: {x-new: a}}}"))
            old = (mesh.plane.config / "svc-1.yaml").read_text().split("---\napi")
            write(mesh.plane.config / "svc-1.yaml", f"---\napi{old[1]}{text}")
            await mesh.plane.revision_after(before)
            await mesh.plane.wait_latest()
            answer = await mesh.ask("web-0", host)
            assert answer.headers["x-new"] == "a"
        assert_nothing_lost(running)
        for short, (responses, size) in warm.items():
            assert responses <= 2 * len(clients), (short, warm)
            assert size < 200 * len(clients), f"{short}: {warm} after {cold}"
        assert cold["cds"][1] > 10_000
        last = await pushed(mesh.plane)
        changed = {short for short in last if last[short] != warm[short]}
        assert changed == {"vhds"}, (last, warm)


async def test_a_control_plane_that_is_told_to_stop_lets_proxies_go_one_by_one(
    tmp_path: Path,
) -> None:
    async with running_mesh(tmp_path) as mesh:
        await mesh.save(await many_services(mesh, 5))
        async with (
            load(mesh.port(DELTA), "svc-1.mesh") as delta,
            load(mesh.port(SOTW), "svc-1.mesh") as sotw,
            idle_streams(mesh.plane, 30) as ends,
        ):
            loop = asyncio.get_running_loop()
            began = loop.time()
            await mesh.plane.stop()
            took = loop.time() - began
            await eventually(lambda: _all_ended(ends, 30), "every stream has ended")
            await delta.seen(40)
            await mesh.plane.start()
            await mesh.plane.ready()
            await mesh.plane.connected("web-0.default", "web-1.default")
            await mesh.plane.wait_latest()
            await sotw.seen(20)
        assert_nothing_lost(delta, sotw)
        assert mesh.plane.process.log().count("stopping") == 1
        times = sorted(ends)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert 0.8 < times[-1] - times[0] <= took < 5, times
        assert max(gaps) < 1.0, times


@asynccontextmanager
async def idle_streams(plane: ControlPlane, count: int) -> AsyncIterator[list[float]]:
    """Clients that ask for clusters once; the list gets the times at which their streams end."""
    ends: list[float] = []
    loop = asyncio.get_running_loop()

    async def stay(number: int, is_open: asyncio.Event) -> None:
        async with grpc.aio.insecure_channel(str(plane.address)) as channel:
            call = channel.stream_stream(
                "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
            )()
            node = b"\x0a" + bytes([len(name := f"idle-{number}.default".encode())]) + name
            url = CLUSTER_TYPE.encode()
            await call.write(
                b"\x0a" + bytes([len(node)]) + node + b"\x12" + bytes([len(url)]) + url
            )
            assert await call.read() is not grpc.aio.EOF
            is_open.set()
            try:
                while await call.read() is not grpc.aio.EOF:
                    pass
            except grpc.aio.AioRpcError:
                pass
            ends.append(loop.time())

    opened = [asyncio.Event() for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        for number, is_open in enumerate(opened):
            group.create_task(stay(number, is_open))
        for is_open in opened:
            await is_open.wait()
        yield ends


async def _all_ended(ends: list[float], count: int) -> bool:
    return len(ends) == count


async def test_a_frozen_proxy_is_noticed_and_catches_up_when_it_thaws(tmp_path: Path) -> None:
    async with running_mesh(tmp_path) as mesh:
        await mesh.envoy("other", BootstrapOptions("other-0"))
        upstream = await mesh.http("one")
        await mesh.save({"one.yaml": service_entry("one.mesh", upstream)})
        frozen = {mesh.envoys[client].node_id for client in WIRES}
        for client in WIRES:
            mesh.envoys[client].freeze()

        async def are_gone() -> bool:
            return not frozen & {proxy.id for proxy in (await mesh.plane.status()).proxies}

        await eventually(are_gone, f"{frozen} are missed", timeout=12)
        result = await mesh.plane.save({"new.yaml": service_entry("new.mesh", upstream)})
        assert (result.everywhere, result.proxies) == (True, 1)
        assert (await mesh.ask("other", "new.mesh")).status == 200
        for client in WIRES:
            mesh.envoys[client].thaw()
        await mesh.plane.connected(*frozen)
        await mesh.plane.wait_latest()
        for client in WIRES:
            assert (await mesh.ask(client, "new.mesh")).status == 200


async def test_a_proxy_that_starts_before_the_control_plane_comes_live_with_it(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config"
    config.mkdir()
    plane = ControlPlane(config, tmp_path)
    for name in ("delta", "sotw"):
        write(
            config / f"{name}.yaml",
            f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}",
        )
    options = BootstrapOptions("early", control_plane=plane.address)
    late = replace(options, name="early-too", is_delta=False)
    async with EnvoyProcess(options, tmp_path) as one, EnvoyProcess(late, tmp_path) as two:
        await asyncio.sleep(1.0)
        for envoy in (one, two):
            assert (await envoy.admin("/ready")).strip() != "LIVE"
        async with plane:
            await asyncio.gather(one.ready(), two.ready())
            await plane.wait_latest()


class World:
    """A small mesh that is edited at random; `files` is what was saved last."""

    def __init__(self, seed: int, addresses: list[int]) -> None:
        self.chance = random.Random(seed)
        self.ports = addresses
        self.files: dict[str, str | None] = {}
        for number in range(6):
            for part in ("entry", "rule", "policy"):
                self.files[f"{part}-{number}.yaml"] = self.text(part, number)

    def edit(self) -> dict[str, str | None]:
        """Some files, each new, changed or removed; at least one differs."""
        edits: dict[str, str | None] = {}
        for _ in range(self.chance.choice([1, 1, 1, 2, 5])):
            number, part = self.chance.randrange(6), self.chance.choice(["entry", "rule", "policy"])
            name = f"{part}-{number}.yaml"
            is_removed = self.files.get(name) is not None and self.chance.random() < 0.25
            edits[name] = None if is_removed else self.text(part, number)
        edits = {name: text for name, text in edits.items() if text != self.files.get(name)}
        self.files |= edits
        return edits or self.edit()

    def text(self, part: str, number: int) -> str:
        host, chance = f"svc-{number}.mesh", self.chance
        if part == "rule":
            policy = f"{{connectionPool: {{tcp: {{connectTimeout: {chance.randint(1, 9)}s}}}}}}"
            subsets = {v: v for v in ("v1", "v2") if chance.random() < 0.7}
            return destination_rule(host, subsets, policy)
        if part == "policy":
            rules = [
                to_host(host, f"timeout: {chance.randint(1, 9)}s", prefix=f"/{n}")
                for n in range(chance.randint(0, 3))
            ]
            weight = chance.randint(0, 100)
            return virtual_service(host, *rules, split(host, v1=weight, v2=100 - weight))
        endpoints = "".join(
            f"\n  - {{address: 127.0.0.1, ports: {{main: {chance.choice(self.ports)}}}, "
            f"labels: {{version: {chance.choice(['v1', 'v2'])}}}, "
            f"locality: {chance.choice(['eu/a', 'eu/b', 'us/a'])}}}"
            for _ in range(chance.randint(0, 4))
        )
        return f"""---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: svc-{number}}}
spec:
  hosts: [{host}]
  resolution: STATIC
  ports: [{{number: {chance.choice([80, 80, 81])}, name: main, protocol: {chance.choice(["HTTP", "HTTP", "TCP"])}}}]
  endpoints:{endpoints or " []"}
"""


async def test_a_hundred_random_edits_end_where_a_fresh_translation_begins(tmp_path: Path) -> None:
    async with running_mesh(tmp_path) as mesh:
        ports = [(await mesh.http(f"i-{number}")).instance.port for number in range(4)]
        world = World(20260101, ports)
        await mesh.plane.save(world.files)
        for number in range(100):
            before = (await mesh.plane.status()).revision
            for name, text in world.edit().items():
                path = mesh.plane.config / name
                if text is not None or path.exists():
                    write(path, text)
            if world.chance.random() < 0.5:
                await mesh.plane.revision_after(before)
                if number % 4 == 0:
                    await mesh.plane.wait_latest()
        await asyncio.sleep(1.0)
        await mesh.plane.wait_latest()
        assert (await mesh.plane.status()).rejections == ()
        edited = {client: await mesh.envoys[client].held() for client in WIRES}

        await mesh.plane.restart()
        for client in WIRES:
            await mesh.envoys[client].restart()
            await mesh.envoys[client].ready()
        await mesh.plane.connected(*(mesh.envoys[client].node_id for client in WIRES))
        await mesh.plane.wait_latest()
        for client in WIRES:
            fresh = await mesh.envoys[client].held()
            for part, found in fresh.items():
                assert edited[client][part] == found, (client, part)
            assert len(fresh["cds"]) > 6
