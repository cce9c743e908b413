"""The worlds that cases are tried on, one for each module and mode, and the table at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.abuse.outcome import Outcome, loaded, table
from tests.abuse.runner import Stage
from tests.abuse.world import CAPTURED, EGRESS, serve_options

_PROPERTY = "abuse"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def egress(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage on this machine."""
    stage = Stage(EGRESS, tmp_path_factory.mktemp("egress"))
    yield stage
    await stage.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def unjudged(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage on this machine whose server has no Envoy to ask."""
    if "--judge" not in serve_options():
        pytest.skip("chancery serve has no --judge")
    stage = Stage(EGRESS, tmp_path_factory.mktemp("unjudged"), ("--judge", "none"))
    yield stage
    await stage.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def preflight(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage on this machine whose server asks before any proxy gets something new."""
    if "--preflight" not in serve_options():
        pytest.skip("chancery serve has no --preflight")
    stage = Stage(EGRESS, tmp_path_factory.mktemp("preflight"), ("--preflight",))
    yield stage
    await stage.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def captured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage in network namespaces; needs root."""
    stage = Stage(CAPTURED, tmp_path_factory.mktemp("captured"))
    yield stage
    await stage.close()


@pytest.fixture
def promise(record_property: Callable[[str, object], None]) -> Callable[[Outcome], None]:
    """A function that puts an outcome into the table, and fails when it breaks the promise."""

    def check(outcome: Outcome) -> None:
        record_property(_PROPERTY, outcome.dumped())
        faults = outcome.faults()
        said = [f"{outcome.case} ({outcome.where})", *faults, *outcome.detail]
        assert not faults, "\n".join(said)

    return check


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of all cases; `--abuse-table FILE` writes it too."""
    outcomes = [
        loaded(str(value))
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == _PROPERTY
    ]
    path = terminalreporter.config.getoption("--abuse-table")
    if not outcomes or not (path or terminalreporter.config.getoption("--abuse")):
        return
    text = table(outcomes)
    terminalreporter.write_line("")
    terminalreporter.write(text)
    if path:
        Path(path).write_text(_PREFACE + text)


_PREFACE = """\
# Under attack

<!-- Written by `make abuse ABUSE_ARGS="--abuse-table docs/abuse.md"`. -->

Each case is tried on two honest Envoys, one over delta and one over the state of the world, under
continuous requests to services that are not the author's. *Lost* counts those that their own
service did not answer, which is 0 for everybody but the author. *Named* is the time until the
document stands in the status with its file and line, *edit* that from an honest edit to its first
answer meanwhile, and *healed* that from the end of the mistake until nothing is held back and both
Envoys have everything.

"""
