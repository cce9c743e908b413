"""Databases laid over others."""

from __future__ import annotations

import gc

from tests.support.graphs.number_queries import (
    DIGITS,
    key,
    label,
    number,
    runs,
    total,
)
from translators.database import (
    Database,
    Reader,
    query,
)


def test_a_fork_takes_what_does_not_differ_from_its_parent(db: Database) -> None:
    for name in "abc":
        db.set(key(name), 1, 1)
        db.pin(label.ref(name))
    db.pin(total.ref())
    db.settle()
    runs.clear()
    fork = db.fork()
    fork.set(key("b"), 2, 2)
    assert [label(fork, name) for name in "abc"] == [label(db, name) for name in "abc"]
    assert label(fork, "b") is label(db, "b")
    assert runs == ["number b", "sign b"]
    assert (total(fork), total(db)) == (4, 3)
    assert fork.provenance(total.ref()) == ((key("a"), 1), (key("b"), 2), (key("c"), 1))
    assert fork.statistics.runs == 3


def test_a_fork_stays_at_what_its_parent_was(db: Database) -> None:
    db.set(key("a"), 1, 1)
    db.pin(total.ref())
    db.settle()
    fork = db.fork()
    db.set(key("a"), 5, 2)
    db.set(key("b"), 5, 2)
    db.settle()
    assert (total(db), total(fork)) == (10, 1)
    assert (db.inputs("Number"), fork.inputs("Number")) == ((key("a"), key("b")), (key("a"),))
    assert (fork.lookup(DIGITS, "5"), fork.index_keys(DIGITS)) == ((), ("1",))
    assert (fork.input_revision(key("a")), fork.revision) == (1, 1)


def test_a_fork_settles_its_own_roots(db: Database) -> None:
    db.set(key("a"), 1, 1)
    db.pin(label.ref("a"))
    db.settle()
    fork = db.fork()
    fork.pin(label.ref("a"))
    fork.pin(label.ref("new"))
    assert fork.settle() == (label.ref("a"), label.ref("new"))
    fork.set(key("a"), -1, 2)
    assert fork.settle() == (label.ref("a"),)
    fork.set(key("a"), 1, 3)
    assert fork.settle() == (label.ref("a"),)
    assert db.settle() == ()


def test_what_a_fork_took_is_checked_though_the_parent_dropped_it(db: Database) -> None:
    db.set(key("a"), 1, 1)
    assert label(db, "a") == ("a", "+")
    fork = db.fork()
    assert label(fork, "a") is label(db, "a")
    db.settle()
    assert db.statistics.results == 0
    fork.set(key("a"), -1, 2)
    assert label(fork, "a") == ("a", "-")


def test_a_forgotten_fork_costs_its_parent_nothing(db: Database) -> None:
    fork = db.fork()
    assert len(db.leaves.overlays) == 1
    del fork
    gc.collect()
    assert len(db.leaves.overlays) == 0


def test_provenance_in_a_fork_ignores_what_the_parent_has_come_to_read(db: Database) -> None:
    @query
    def first(db: Reader) -> str:
        return min((key.name for key in db.inputs("Number")), default="none")

    @query
    def size_of_first(db: Reader) -> int:
        return number(db, first(db))

    db.set(key("b"), 1, 1)
    for held in (total.ref(), size_of_first.ref()):
        db.pin(held)
    db.settle()
    fork = db.fork()
    fork.pin(total.ref())
    fork.pin(size_of_first.ref())
    db.set(key("a"), 1, 2)
    db.settle()
    assert fork.provenance(total.ref()) == ((key("b"), 1),)
    assert fork.provenance(size_of_first.ref()) == ((key("b"), 1),)
