"""What is left of a query that raises: who failed, and what it last was."""

from __future__ import annotations

import pytest

from tests.support.graphs.number_queries import key, number, quotient, runs
from translators.database import CycleError, Database, Failure, Reader, query

NAMES = ("x", "y")


@query
def inverse(db: Reader, name: str) -> float:
    """Fails where `quotient` does, and by itself for 1."""
    value = quotient(db, name)
    if value == 1:
        raise ValueError(f"{name} is one")
    return value


@query
def forgiving(db: Reader) -> tuple[float | None, ...]:
    runs.append("forgiving")
    return tuple(inverse.last_good(db, name) for name in NAMES)


def names(db: Database) -> list[str]:
    return [str(failure.origin) for failure in db.failures()]


def test_while_a_query_raises_its_last_good_result_is_at_hand(db: Database) -> None:
    db.set(key("x"), 2, 1)
    db.pin(forgiving.ref())
    db.settle()
    assert db.outcome(forgiving.ref()) == (0.5, None)
    for revision, bad in enumerate((0, 1, 0), 2):
        db.set(key("x"), bad, revision)
        assert db.settle() == ()
        assert db.outcome(forgiving.ref()) == (0.5, None)
    db.set(key("x"), 4, 5)
    assert db.settle() == (forgiving.ref(),)
    assert db.outcome(forgiving.ref()) == (0.25, None)
    db.set(key("x"), 0, 6)
    db.settle()
    assert inverse.last_good(db, "x") == 0.25


def test_a_query_that_nothing_depends_on_any_more_has_no_past(db: Database) -> None:
    db.set(key("x"), 2, 1)
    db.pin(inverse.ref("x"))
    db.settle()
    db.unpin(inverse.ref("x"))
    db.settle()
    db.set(key("x"), 0, 2)
    assert inverse.last_good(db, "x") is None
    assert db.failures() != ()
    db.settle()
    assert db.failures() == ()


def test_failures_are_told_once_and_as_long_as_they_last(db: Database) -> None:
    db.set(key("x"), 1, 1)
    db.set(key("y"), 2, 1)
    assert db.failures() == ()
    db.pin(forgiving.ref())
    db.pin(inverse.ref("x"))
    db.settle()
    assert names(db) == ["inverse('x')"]
    db.set(key("y"), 0, 2)
    db.settle()
    assert names(db) == ["inverse('x')", "quotient('y')"]
    failure = db.failures()[1]
    assert isinstance(failure.exception, ZeroDivisionError)
    db.set(key("x"), 0, 3)
    db.settle()
    assert sorted(names(db)) == ["quotient('x')", "quotient('y')"]
    assert failure in db.failures()
    db.set(key("x"), 2, 4)
    db.settle()
    assert names(db) == ["quotient('y')"]
    db.unpin(forgiving.ref())
    db.settle()
    assert db.failures() == ()


def test_a_fork_remembers_what_its_parent_does(db: Database) -> None:
    db.set(key("x"), 2, 1)
    db.set(key("y"), 2, 1)
    db.pin(forgiving.ref())
    db.settle()
    db.set(key("x"), 0, 2)
    db.settle()
    fork = db.fork()
    assert fork.outcome(forgiving.ref()) == (0.5, 0.5)
    fork.set(key("y"), 4, 3)
    assert fork.outcome(forgiving.ref()) == (0.5, 0.25)
    fork.set(key("x"), 1, 4)
    assert fork.outcome(forgiving.ref()) == (0.5, 0.25)
    fork.set(key("x"), 8, 5)
    assert fork.outcome(forgiving.ref()) == (0.125, 0.25)
    fork.set(key("x"), 0, 6)
    assert fork.outcome(forgiving.ref()) == (0.5, 0.25)
    assert db.outcome(forgiving.ref()) == (0.5, 0.5)


def test_a_result_that_needs_itself_has_no_last_good_one(db: Database) -> None:
    @query
    def again(db: Reader) -> object:
        return again.last_good(db) if number(db, "x") else 1

    db.pin(again.ref())
    db.settle()
    assert db.outcome(again.ref()) == 1
    db.set(key("x"), 1, 1)
    db.settle()
    outcome = db.outcome(again.ref())
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.exception, CycleError)
    assert again.last_good(db) == 1
    with pytest.raises(CycleError):
        again(db)


def test_what_a_failure_spoils_is_found_among_the_pinned_results(db: Database) -> None:
    db.set(key("x"), 0, 1)
    for ref in (forgiving.ref(), inverse.ref("y"), inverse.ref("x"), quotient.ref("x")):
        db.pin(ref)
    db.settle()
    assert set(db.pinned_above(quotient.ref("x"), 8)) == {
        forgiving.ref(), inverse.ref("x"), quotient.ref("x"),
    }  # fmt: skip
    assert db.pinned_above(quotient.ref("x"), 1) == (quotient.ref("x"),)
    assert db.pinned_above(forgiving.ref(), 8) == (forgiving.ref(),)
