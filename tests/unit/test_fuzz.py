"""The search for new cases ends in time, and what it finds can be repeated."""

from __future__ import annotations

import random
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.__main__ import main

ROOT = Path(__file__).parents[2]
PROPERTY = """\
from hypothesis import given, strategies as st

@given(st.integers())
def test_numbers(number: int) -> None:
    assert number < {limit}

def test_that_is_no_property() -> None:
    raise AssertionError
"""


def seconds(*times: float) -> Iterator[float]:
    yield from times


def search(directory: Path, limit: int, *times: float) -> int:
    path = directory / "test_numbers.py"
    path.write_text(PROPERTY.format(limit=limit))
    clock = seconds(*times)
    return main(60, [str(path)], seeds=random.Random(3), now=lambda: next(clock))


def test_what_is_found_is_printed_with_the_command_that_repeats_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert search(tmp_path, 1000, 0, 0) == 1
    printed = capfd.readouterr().out
    command = re.search(r"PYTEST_ARGS=('.*')", printed)
    assert command is not None
    (arguments,) = shlex.split(command[1])
    again = subprocess.run(
        [sys.executable, "-m", "pytest", *shlex.split(arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 1
    assert "number=1000" in printed
    assert "number=1000" in again.stdout


def test_a_search_without_a_finding_ends_when_the_time_is_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert search(tmp_path, 10**60, 0, 0, 70) == 0
    assert "nothing found in 1 whole rounds" in capfd.readouterr().out


def test_ordinary_runs_have_a_fixed_seed() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert any(option.startswith("--randomly-seed=") for option in options["addopts"])
