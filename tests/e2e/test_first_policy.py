"""The README's walk.

The first policy, behind a real Envoy, seen with `chancery status` and `chancery wait`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.support.processes.chancery import ControlPlane
from tests.support.processes.envoy import EnvoyProcess
from tests.support.processes.load import load
from tests.support.processes.upstreams import HttpUpstream, Instance
from xds_server.bootstrap import BootstrapOptions

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "first-policy" / "reviews.yaml"


async def chancery(*arguments: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xds_server.cli.main", *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


@pytest.mark.envoy
async def test_the_first_policy_splits_nine_to_one_and_follows_an_edit(tmp_path: Path) -> None:
    async with (
        HttpUpstream(Instance("one", "v1")) as one,
        HttpUpstream(Instance("two", "v2")) as two,
    ):
        text = EXAMPLE.read_text().replace("8001", str(one.instance.port))
        text = text.replace("8002", str(two.instance.port))
        config = tmp_path / "config"
        config.mkdir()
        (config / "reviews.yaml").write_text(text)
        async with ControlPlane(config, tmp_path) as plane:
            admin = f"127.0.0.1:{plane.admin_port}"
            options = BootstrapOptions("laptop", control_plane=plane.address)
            async with EnvoyProcess(options, tmp_path) as envoy:
                await envoy.ready()
                async with load(envoy.egress_port, "reviews.mesh") as running:
                    window = await running.window(300)
                    assert 0.03 <= window.share("v2") <= 0.2

                    before = (await plane.status()).revision
                    (config / "reviews.yaml").write_text(
                        text.replace("weight: 90", "weight: 0").replace("weight: 10", "weight: 100")
                    )
                    await plane.revision_after(before)
                    code, printed = await chancery("wait", "--latest", "--admin", admin)
                    assert (code, printed[:9]) == (0, "revision "), printed
                    assert "is everywhere (1 proxy" in printed
                    assert (await running.window(100)).share("v2") == 1
                assert running.failures == [], running.report()

                code, printed = await chancery("status", "--admin", admin)
                assert code == 0
                assert "laptop.default" in printed
                code, printed = await chancery("status", "--admin", admin, "-o", "json")
                [proxy] = json.loads(printed)["proxies"]
                assert {row["state"] for row in proxy["types"]} == {"acked"}

                envoy.freeze()
                (config / "reviews.yaml").write_text(text)
                await plane.revision_after(before + 1)
                code, printed = await chancery("wait", "--timeout", "300ms", "--admin", admin)
                envoy.thaw()
                assert code == 1
                assert "1 of 1 proxies lack it\n  laptop.default  vhds" in printed
