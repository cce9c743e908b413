"""A server that comes back with another configuration than the one it went with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.processes.chancery import write
from tests.support.processes.load import load
from tests.support.processes.traffic import (
    DELTA,
    SOTW,
    assert_nothing_lost,
    destination_rule,
    running_mesh,
    service_entry,
    split,
    virtual_service,
)
from xds_server.bootstrap import BootstrapOptions

pytestmark = pytest.mark.envoy

HOST = "reviews.mesh"


@pytest.mark.parametrize("wire", [DELTA, SOTW])
async def test_subsets_renamed_while_the_server_was_away_cost_no_request(
    tmp_path: Path, wire: str
) -> None:
    options = BootstrapOptions("web-0", is_delta=wire == DELTA)
    async with running_mesh(tmp_path, clients={wire: options}) as mesh:
        one, two = await mesh.http("one", "v1"), await mesh.http("two", "v2")
        entry = service_entry(HOST, one, two)

        def files(first: str, second: str) -> dict[str, str]:
            return {
                "entry.yaml": entry,
                "rule.yaml": destination_rule(HOST, {first: "v1", second: "v2"}),
                "routes.yaml": virtual_service(HOST, split(HOST, **{first: 50, second: 50})),
            }

        await mesh.save(files("a0", "b0"))
        async with load(mesh.port(wire), HOST, workers=8, per_second=1000) as running:
            await running.seen(100)
            for round_ in range(1, 4):
                await mesh.plane.kill()
                for name, text in files(f"a{round_}", f"b{round_}").items():
                    write(mesh.plane.config / name, text)
                await mesh.plane.restart()
                await mesh.plane.connected(mesh.envoys[wire].node_id)
                await mesh.plane.wait_latest(timeout=5)
                await running.seen(200)
        assert_nothing_lost(running)
        clusters = set((await mesh.envoys[wire].resources())["cds"])
        assert clusters >= {f"outbound|80|{name}|{HOST}" for name in ("a3", "b3")}
        assert not {name for name in clusters if "|a2|" in name or "|b0|" in name}
        log = mesh.plane.process.log()
        assert "no answer in" not in log
        assert "not answered in" not in log
