"""The benchmark itself still runs.

Its simulated sidecars are served everything, and its tables hold every figure.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.processes import SERVE
from tests.bench.rounds import CHANGES
from tests.bench.run import Bench, Plan

TINY = Plan(services=(4, 8), huge=12, streams=(1, 3), rounds=(1, 1), starts=1, codec_turns=1)


@pytest.mark.slow
def test_a_tiny_benchmark_measures_everything(tmp_path: Path) -> None:
    report = Bench(TINY, SERVE, tmp_path, progress=lambda _: None).run()
    tables = json.loads(report.json())
    assert set(tables) == {"changes", "huge", "bare", "start", "proxies", "codec"}
    cases = [(row["change"], row["streams"], row["messages"]) for row in tables["changes"]]
    # A new service is a cluster, its endpoints and a host; everything else is one resource of one
    # type.
    assert cases == [
        (change.title, streams, 3 if change.undo else 1)
        for change in CHANGES
        for streams in TINY.streams
    ]
    assert all(row["wall_large_ms"] > 0 for row in tables["changes"])
    assert all(row["first_proxy_kb"] > 0 for row in tables["start"])
