"""What runs after an edit, and what it costs to find out."""

from __future__ import annotations

from tests.support.graphs.number_queries import (
    DIGITS,
    calls_during,
    digits,
    key,
    label,
    number,
    quotient,
    runs,
    sign,
    with_digit,
)
from translators.database import (
    Database,
    Reader,
    query,
)


def test_a_second_read_runs_nothing(db: Database) -> None:
    assert label(db, "x") is label(db, "x")
    assert runs == ["label x", "sign x", "number x"]


def test_an_equal_result_stops_the_change_and_stays_the_same_object(db: Database) -> None:
    db.set(key("x"), 1, 1)
    before = label(db, "x")
    runs.clear()
    db.set(key("x"), 2, 2)
    assert label(db, "x") is before
    assert runs == ["number x", "sign x"]


def test_a_change_taken_back_before_anyone_looked_runs_nothing(db: Database) -> None:
    db.set(key("x"), 1, 1)
    label(db, "x")
    runs.clear()
    db.set(key("x"), 2, 2)
    db.set(key("x"), 1, 3)
    db.set(key("y"), 1, 4)
    db.remove(key("y"), 5)
    assert label(db, "x") == ("x", "+")
    assert not runs


def test_a_listing_depends_on_what_there_is_and_not_on_values(db: Database) -> None:
    db.set(key("x"), 12, 1)
    db.set(key("y"), 23, 1)
    assert (with_digit(db, "2"), digits(db)) == (("x", "y"), ("1", "2", "3"))
    runs.clear()
    db.set(key("x"), 21, 2)
    assert (with_digit(db, "2"), digits(db)) == (("x", "y"), ("1", "2", "3"))
    assert not runs
    db.set(key("x"), 11, 3)
    assert (with_digit(db, "2"), digits(db)) == (("y",), ("1", "2", "3"))
    assert runs == ["with 2"]


def test_a_read_that_would_not_happen_again_is_not_checked(db: Database) -> None:
    @query
    def guarded(db: Reader) -> float:
        return quotient(db, "x") if number(db, "on") else 0.0

    db.set(key("on"), 1, 1)
    db.set(key("x"), 1, 1)
    assert guarded(db) == 1
    db.set(key("x"), 0, 2)
    db.remove(key("on"), 2)
    runs.clear()
    assert guarded(db) == 0
    assert runs == ["number on"]


def test_one_dirty_read_of_thousands_costs_one_look(db: Database) -> None:
    names = [f"n{i:04}" for i in range(5000)]

    @query
    def everything(db: Reader) -> int:
        return len([sign(db, name) for name in names])

    for name in names:
        db.set(key(name), 1, 1)
    db.pin(everything.ref())
    db.settle()
    calls = calls_during(lambda: (db.set(key("n2500"), 2, 2), db.settle()))
    assert db.statistics.runs == 10_003
    assert calls < 150


def test_an_edit_costs_the_same_beside_a_hundred_and_ten_thousand_other_roots() -> None:
    costs = []
    for others in (100, 10_000):
        db = Database([DIGITS])
        for n in range(others):
            db.set(key(f"n{n}"), 1, 1)
            db.pin(label.ref(f"n{n}"))
        db.settle()
        costs.append(calls_during(lambda db=db: (db.set(key("n50"), -1, 2), db.settle())))
    assert costs[0] == costs[1]


def test_a_chain_of_ten_thousand_is_run_checked_marked_and_dropped(db: Database) -> None:
    @query
    def chain(db: Reader, length: int) -> int:
        return number(db, "end") if length == 0 else chain(db, length - 1)

    @query
    def even(db: Reader) -> bool:
        return chain(db, 10_000) % 2 == 0

    db.pin(even.ref())
    assert db.settle() == (even.ref(),)
    assert db.statistics.runs == 10_003
    db.set(key("end"), 1, 1)
    assert db.settle() == (even.ref(),)
    assert db.provenance(even.ref()) == ((key("end"), 1),)
    db.set(key("end"), 3, 2)
    assert db.settle() == ()
    fork = db.fork()
    fork.set(key("end"), 4, 3)
    assert even(fork)
    db.unpin(even.ref())
    db.settle()
    assert db.statistics.results == 0


def test_statistics_count_runs_hits_and_checks(db: Database) -> None:
    label(db, "x")
    first = db.statistics
    assert (first.runs, first.verified, first.results, first.inputs) == (3, 0, 3, 1)
    db.set(key("x"), 1, 1)
    db.set(key("x"), 2, 2)
    label(db, "x")
    second = db.statistics
    assert (second.runs, second.verified, second.results) == (5, 1, 3)
