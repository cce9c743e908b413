"""The program as it is run: exit codes, messages instead of tracebacks, and a quick start."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from xds_server.cli import main as program
from xds_server.errors import AdminError, ListenError

ROOT = Path(__file__).parents[3]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "xds_server.cli.main", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_server_that_does_not_answer_is_one_line_and_exit_code_1() -> None:
    ended = run("status", CHANCERY_ADMIN="127.0.0.1:1")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        "error: no control plane answers at 127.0.0.1:1 (connection refused); start one with "
        "'chancery serve --config DIR', or say where its admin API is with --admin HOST:PORT or CHANCERY_ADMIN\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "--admin", "15014"], "HOST:PORT"),
        (["wait", "--timeout", "soon"], "500ms"),
        (["wait", "--latest", "--revision", "3"], "exclude each other"),
        (["serve", "--config", "/nowhere"], "does not exist"),
        (["validate", "/nowhere"], "does not exist"),
    ],
)
def test_a_wrong_option_is_exit_code_2_and_says_what_is_expected(
    arguments: list[str], said: str
) -> None:
    ended = run(*arguments, COLUMNS="300", NO_COLOR="1")
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_version_prints_json_too() -> None:
    found = json.loads(run("version", "-o", "json").stdout)
    assert set(found) == {"chancery", "python", "grpcio", "envoy-data-plane"}


def test_status_does_not_wait_for_what_only_the_server_needs() -> None:
    code = textwrap.dedent("""
        import sys
        from xds_server.admin.client import AdminClient
        from xds_server.cli import main, printing
        heavy = {"envoy_data_plane", "betterproto2", "pydantic", "grpc", "aiohttp", "asyncio", "yaml"}
        print(sorted(heavy & set(sys.modules)))
    """)
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"


def test_errors_of_several_tasks_are_a_line_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def app(**_: object) -> None:
        inner = ExceptionGroup("inner", [AdminError("second")])
        raise ExceptionGroup("tasks", [ListenError("first"), inner])

    monkeypatch.setattr(program, "app", app)
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: first\nerror: second\n"


def test_our_own_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def app(**_: object) -> None:
        raise ExceptionGroup("tasks", [ListenError("mendable"), KeyError("bug")])

    monkeypatch.setattr(program, "app", app)
    with pytest.raises(ExceptionGroup):
        program.main()
