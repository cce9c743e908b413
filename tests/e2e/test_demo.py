"""The demo as a person runs it.

It keeps its promises, and leaves nothing behind however it ends.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.processes.managed_process import ManagedProcess
from tests.support.processes.waiting import eventually

ROOT = Path(__file__).parents[2]


def demo(tmp_path: Path, *args: str, **env: str) -> ManagedProcess:
    """The demo, whose temporary files are in `tmp_path/files`."""
    files = tmp_path / "files"
    files.mkdir()
    environment = {"TMPDIR": str(files), "CI": "true", **env}
    command = [sys.executable, "-m", "xds_server.demo", *args]
    return ManagedProcess(command, tmp_path / "demo.log", env=environment, cwd=ROOT)


def left_behind(tmp_path: Path) -> list[str]:
    """Command lines that name the demo's files, and the files themselves."""
    mark = str(tmp_path / "files").encode()
    found = [str(path) for path in (tmp_path / "files").iterdir()]
    for pid in processes():
        command = command_line(pid)
        if mark in command and pid != os.getpid():
            found.append(command.replace(b"\0", b" ").decode())
    return found


def processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def command_line(pid: int) -> bytes:
    """Empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


async def started(process: ManagedProcess, word: str) -> None:
    async def said() -> bool:
        assert process.is_running, "the demo ended"
        return word in process.log()

    await eventually(said, f"the demo says {word!r}", timeout=60, explain=process.tail)


@pytest.mark.envoy
@pytest.mark.slow
async def test_demo_keeps_every_promise_in_under_two_minutes(tmp_path: Path) -> None:
    process = demo(tmp_path)
    await process.start()
    try:
        code = await process.wait(120)
    finally:
        await process.stop()
    assert code == 0, process.tail(200)
    assert "every promise was kept" in process.log()
    assert ", 0 failed;" in process.log()
    assert left_behind(tmp_path) == []


@pytest.mark.envoy
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("word", ["Starting", "Things to try"])
async def test_interrupted_demo_leaves_nothing_behind(
    tmp_path: Path, number: int, word: str
) -> None:
    process = demo(tmp_path, "--interactive")
    await process.start()
    await started(process, word)
    process.signal(number)
    assert await process.wait(15) == 130, process.tail(60)
    assert left_behind(tmp_path) == []


@pytest.mark.envoy
@pytest.mark.slow
async def test_killed_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    process = demo(tmp_path, "--interactive")
    await process.start()
    await started(process, "Things to try")
    assert any("serve" in line for line in left_behind(tmp_path))
    await process.kill()

    async def only_files() -> bool:
        return all(line.startswith("/") and "--" not in line for line in left_behind(tmp_path))

    await eventually(
        only_files,
        "all processes are gone",
        timeout=5,
        explain=lambda: "\n".join(left_behind(tmp_path)),
    )


@pytest.mark.envoy
@pytest.mark.slow
async def test_envoy_that_dies_ends_the_demo_with_its_name_and_its_log(tmp_path: Path) -> None:
    process = demo(tmp_path, "--interactive")
    await process.start()
    await started(process, "Things to try")
    bootstrap = b"bootstraps/reviews-v1-a1.yaml"
    mark = str(tmp_path / "files").encode()
    (envoy,) = [p for p in processes() if mark in command_line(p) and bootstrap in command_line(p)]
    os.kill(envoy, signal.SIGKILL)
    assert await process.wait(15) == 2, process.tail(60)
    assert "error: reviews-v1-a1 ended by itself" in process.log()
    (kept,) = left_behind(tmp_path)
    assert f"The logs of every process are in {kept}/logs" in process.log()
    assert (Path(kept) / "logs" / "reviews-v1-a1.log").exists()


async def test_missing_envoy_gets_a_clear_message(tmp_path: Path) -> None:
    fake = tmp_path / "fake" / "envoy"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("")
    process = demo(tmp_path, PYTHONPATH=str(fake.parent), PATH="/nowhere")
    await process.start()
    assert await process.wait(30) == 2
    assert "there is no Envoy here" in process.log()
    assert "Traceback" not in process.log()
    assert left_behind(tmp_path) == []
