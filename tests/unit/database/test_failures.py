"""Queries that raise, are interrupted, or recurse without end."""

from __future__ import annotations

import gc
import weakref

import pytest

from tests.support.graphs.number_queries import (
    careful,
    key,
    number,
    quotient,
    runs,
)
from translators.database import (
    Database,
    Failure,
    Reader,
    query,
)


def test_an_exception_is_an_outcome_until_the_inputs_change(db: Database) -> None:
    db.pin(quotient.ref("x"))
    assert db.settle() == (quotient.ref("x"),)
    outcome = db.outcome(quotient.ref("x"))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.exception, ZeroDivisionError)
    assert outcome.origin == quotient.ref("x")
    assert "return 1 / number(db, name)" in outcome.traceback
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            quotient(db, "x")
    assert runs.count("quotient x") == 1
    assert db.settle() == ()
    db.set(key("x"), 4, 1)
    assert db.settle() == (quotient.ref("x"),)
    assert db.outcome(quotient.ref("x")) == 0.25


def test_the_same_mistake_again_is_no_change(db: Database) -> None:
    @query
    def strict(db: Reader) -> int:
        if number(db, "x") > 0:
            raise ValueError("too big")
        return 1

    @query
    def above(db: Reader) -> int:
        runs.append("above")
        return strict(db)

    db.set(key("x"), 1, 1)
    db.pin(above.ref())
    assert db.settle() == (above.ref(),)
    first = db.outcome(above.ref())
    assert first is db.outcome(strict.ref())
    db.set(key("x"), 2, 2)
    assert db.settle() == ()
    assert runs.count("above") == 1
    assert db.outcome(above.ref()) is first
    db.set(key("x"), 0, 3)
    assert db.settle() == (above.ref(),)


def test_a_reader_may_catch(db: Database) -> None:
    assert careful(db, "x") == 0
    db.set(key("x"), 2, 1)
    assert careful(db, "x") == 0.5
    db.remove(key("x"), 2)
    assert careful(db, "x") == 0


def test_a_failure_keeps_no_frames_alive(db: Database) -> None:
    class Big:
        pass

    seen: list[weakref.ref[Big]] = []

    @query
    def leaky(db: Reader) -> float:
        big = Big()
        seen.append(weakref.ref(big))
        try:
            return quotient(db, "x")
        except ZeroDivisionError as error:
            raise ValueError("no") from error

    db.pin(leaky.ref())
    db.settle()
    gc.collect()
    assert isinstance(db.outcome(leaky.ref()), Failure)
    assert seen[0]() is None


def test_an_interrupted_run_leaves_the_database_usable(db: Database) -> None:
    interrupt = True

    @query
    def patient(db: Reader, name: str) -> int:
        if interrupt and name == "y":
            raise KeyboardInterrupt
        return number(db, name)

    @query
    def both(db: Reader) -> int:
        return patient(db, "x") + patient(db, "y")

    db.set(key("x"), 1, 1)
    db.pin(both.ref())
    with pytest.raises(KeyboardInterrupt):
        db.settle()
    interrupt = False
    db.set(key("y"), 2, 1)
    assert db.settle() == (both.ref(),)
    assert both(db) == 3
    interrupt = True
    db.set(key("y"), 3, 2)
    with pytest.raises(KeyboardInterrupt):
        db.settle()
    interrupt = False
    assert db.settle() == (both.ref(),)
    assert both(db) == 4


def test_endless_recursion_of_a_function_is_a_failure_of_its_query(db: Database) -> None:
    def forever() -> int:
        return forever()

    @query
    def deep(db: Reader, n: int) -> int:
        return deep(db, n - 1) if n else forever()

    with pytest.raises(RecursionError):
        deep(db, 30)
    assert isinstance(db.outcome(deep.ref(0)), Failure)
    assert number(db, "x") == 0
