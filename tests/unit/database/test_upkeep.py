"""No growth however many edits, and no order that depends on hashes."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

from translators.database import (
    Database,
    Index,
    Reader,
    query,
)
from translators.object_key import ObjectKey


@dataclass(frozen=True)
class Item:
    name: str
    group: str
    size: int


GROUPS = Index("groups", "Item", lambda value: [value.group] if isinstance(value, Item) else [])


@query
def item_size(db: Reader, name: str) -> int:
    item = db.input(ObjectKey("Item", "default", name))
    return item.size if isinstance(item, Item) else 0


@query
def group_size(db: Reader, group: str) -> int:
    return sum(item_size(db, key.name) for key in db.lookup(GROUPS, group))


@query
def sizes(db: Reader) -> tuple[int, ...]:
    return tuple(group_size(db, str(group)) for group in db.index_keys(GROUPS))


def test_a_hundred_thousand_edits_leave_nothing_behind() -> None:
    db = Database([GROUPS])
    db.pin(sizes.ref())

    def churn(rounds: int, first: int) -> None:
        for n in range(first, first + rounds):
            name = f"item-{n}"
            item_key = ObjectKey("Item", "default", name)
            db.set(item_key, Item(name, f"group-{n % 977}", n), 2 * n)
            if n % 4 == 0:
                item_size(db, f"nobody-{n}")
            if n % 2:
                db.settle()
            db.remove(item_key, 2 * n + 1)
            if n % 3 == 0:
                db.settle()
        db.settle()

    churn(1000, 0)
    empty = db.statistics
    assert (empty.results, empty.inputs, empty.listings) == (1, 0, 0)
    tracemalloc.start()
    try:
        churn(1000, 1000)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        churn(10_000, 2000)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after < before + 10_000
    churn(38_000, 12_000)
    end = db.statistics
    assert (end.results, end.inputs, end.listings) == (1, 0, 0)
    internal = (db.memo, db.unreferenced, db.touched, db.in_cycle, db.leaves.cells)
    assert [len(table) for table in internal] == [1, 0, 0, 0, 0]


PROBE = """
import sys
from tests.support.graphs.query_graphs import *
log = []
keys = [ObjectKey(kind, "n", name) for kind in KINDS for name in NAMES]
world = {key: (i, (i % 3,)) for i, key in enumerate(keys)}
for seed in range(40):
    program = random_program(seed, 10)
    node = make_query(program, log)
    db = Database([BUCKETS, PARITY, GROUPED])
    for key, value in world.items():
        db.set(key, value, 1)
    for number in range(10):
        db.pin(node.ref(number))
    print(db.settle())
    for key in world:
        db.set(key, (seed, (1,)), 2)
    print(db.settle())
    print([db.outcome(node.ref(number)) for number in range(10)], log)
"""


def test_runs_and_reports_are_in_the_same_order_under_any_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROBE],
            cwd=Path(__file__).parents[3],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
