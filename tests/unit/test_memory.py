"""What the process does with memory works with the C library that there is."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from xds_server import memory

CHURN = """
import sys
from pathlib import Path
from xds_server import memory
if sys.argv[1] == "yes":
    assert memory.map_large_blocks()
kept = []
for _ in range(3):
    large = [bytearray(1 << 20) for _ in range(100)]
    for block in range(100):
        kept.append(bytearray(600))
        large[block] = None
memory.give_back()
pages = int(Path("/proc/self/statm").read_text().split()[1])
print(pages)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the settings of glibc")
def test_freed_buffers_go_back_to_the_system() -> None:
    assert memory.give_back() in {True, False}
    run = subprocess.run(
        [sys.executable, "-c", CHURN, "yes"], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 20_000


def test_what_is_made_in_bulk_is_not_looked_through_meanwhile() -> None:
    frozen = gc.get_freeze_count()
    with memory.bulk():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() <= frozen


def test_what_there_is_can_be_left_alone_by_the_collector() -> None:
    frozen = gc.get_freeze_count()
    kept = [[] for _ in range(1000)]
    memory.freeze()
    assert gc.get_freeze_count() >= frozen + len(kept)
    gc.unfreeze()
