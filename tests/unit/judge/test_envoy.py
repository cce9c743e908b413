"""Which Envoy judges, and what a run of it may do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.processes.envoy import require_envoy
from tests.support.processes.waiting import eventually
from xds_server.errors import JudgeError
from xds_server.judge import envoy as runs
from xds_server.judge.bootstrap import bootstrap
from xds_server.judge.envoy import envoy_version, find_envoy, read_bootstrap
from xds_server.judge.judge import find_judge


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_setting_names_none_a_path_or_whatever_there_is(tmp_path: Path) -> None:
    own = program(tmp_path / "envoy", "true")
    assert find_envoy("none") is None
    assert find_envoy(str(own)) == own
    assert find_envoy("auto") == require_envoy()


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_path_that_cannot_be_run_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(JudgeError, match="no program that can be run"):
        find_envoy(str(tmp_path / name))


async def test_without_the_package_it_is_the_one_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = program(tmp_path / "envoy", "true")
    monkeypatch.setattr(runs.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_envoy("auto") == own
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert find_envoy("auto") is None
    assert await find_judge("auto") is None


@pytest.mark.parametrize("script", ["exit 0", "exit 3", "echo envoy version: what"])
async def test_what_does_not_answer_as_an_envoy_is_no_judge(tmp_path: Path, script: str) -> None:
    with pytest.raises(JudgeError, match="does not answer as an Envoy"):
        await envoy_version(program(tmp_path / "envoy", script))


@pytest.mark.envoy
async def test_a_judge_that_rejects_everything_is_none(tmp_path: Path) -> None:
    script = f'[ "$1" = --version ] && exec {require_envoy()} --version; echo no >&2; exit 1'
    with pytest.raises(JudgeError, match="rejects even an empty bootstrap"):
        await find_judge(str(program(tmp_path / "envoy", script)))


@pytest.mark.envoy
async def test_a_real_envoy_says_its_version_and_takes_an_empty_bootstrap() -> None:
    judge = await find_judge(str(require_envoy()))
    assert judge is not None
    assert judge.version == "1.40.0"
    assert await judge.rejected([]) == {}


async def test_a_crash_and_a_run_without_end_are_refusals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "RUN_SECONDS", 1)
    crashed = await read_bootstrap(program(tmp_path / "a", "kill -SEGV $$"), bootstrap([]))
    assert crashed is not None
    assert "crashes" in crashed.reason
    assert "SIGSEGV" in crashed.reason
    endless = await read_bootstrap(program(tmp_path / "b", "exec sleep 60"), bootstrap([]))
    assert endless is not None
    assert "does not finish" in endless.reason


async def test_a_program_that_is_gone_is_no_refusal(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="does not run"):
        await read_bootstrap(tmp_path / "gone", bootstrap([]))


async def test_a_run_that_is_given_up_leaves_no_child(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    endless = program(tmp_path / "envoy", f"echo $$ > {pid}; exec sleep 60")
    run = asyncio.get_running_loop().create_task(read_bootstrap(endless, bootstrap([])))

    async def runs_now() -> bool:
        return pid.exists() and bool(pid.read_text())

    await eventually(runs_now, "it runs")
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()
