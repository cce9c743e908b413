"""What all tests share: where Envoy is, what may be run here, free ports."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.processes.envoy import require_envoy
from tests.support.processes.ports import free_port as next_free_port

# The same cases in every run, so that a command gives the same answer twice; `make fuzz` looks for
# new ones, and prints what repeats one of them.
# No deadlines: a busy machine is no fault of the code.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.register_profile("search", print_blob=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

_NETWORK_TOOLS = ("ip", "iptables")


def _why_not_root() -> str:
    """What is missing for tests in network namespaces, or "" when nothing is."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [tool for tool in _NETWORK_TOOLS if shutil.which(tool) is None]
    return f"needs {' and '.join(missing)} (Debian: iproute2, iptables)" if missing else ""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-goldens` writes what translation gives now; `--abuse` adds what takes long."""
    parser.addoption(
        "--update-goldens", action="store_true", help="rewrite the outputs in tests/golden"
    )
    parser.addoption("--abuse", action="store_true", help="run the whole of tests/abuse")
    parser.addoption("--abuse-seed", default=7, type=int, help="seed of the fuzz of edits")
    parser.addoption("--abuse-table", metavar="FILE", help="write the table of tests/abuse there")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only run as a whole, unless asked for it."""
    if config.getoption("--abuse"):
        return
    left_out = [item for item in items if item.get_closest_marker("abuse")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("abuse")]


@pytest.fixture
def update_goldens(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared."""
    return bool(request.config.getoption("--update-goldens"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what cannot run here; in CI (`CI=true`) that is a failure."""
    if item.get_closest_marker("envoy"):
        require_envoy()
    if item.get_closest_marker("root"):
        reason = _why_not_root()
        if reason and os.environ.get("CI") == "true":
            pytest.fail(reason)
        if reason:
            pytest.skip(reason)


@pytest.fixture(scope="session")
def envoy_path() -> Path:
    """Envoy's binary."""
    return require_envoy()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that returns another free port of 127.0.0.1 at each call."""
    return next_free_port
