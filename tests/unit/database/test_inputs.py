"""Inputs, their revisions, and the listings made of them."""

from __future__ import annotations

import pytest

from tests.support.graphs.number_queries import (
    DIGITS,
    key,
)
from translators.database import (
    Database,
    Index,
    Reader,
    query,
)


def test_an_absent_input_is_none_and_has_no_revision(db: Database) -> None:
    assert db.input(key("x")) is None
    assert db.input_revision(key("x")) is None
    assert not db.remove(key("x"), 1)


def test_an_equal_value_changes_neither_object_nor_revision(db: Database) -> None:
    first = (1, 2)
    assert db.set(key("x"), first, 1)
    assert not db.set(key("x"), (1, *first[1:]), 2)
    assert db.input(key("x")) is first
    assert (db.input_revision(key("x")), db.revision) == (1, 1)


def test_none_is_not_a_value(db: Database) -> None:
    with pytest.raises(ValueError, match="remove it instead"):
        db.set(key("x"), None, 1)


def test_edits_while_a_query_runs_are_refused(db: Database) -> None:
    @query
    def meddle(_: Reader) -> int:
        db.set(key("x"), 1, 1)
        return 1

    with pytest.raises(RuntimeError, match="while a query runs"):
        meddle(db)
    assert db.input(key("x")) is None


def test_an_index_function_that_raises_leaves_everything_as_it_was() -> None:
    picky = Index("picky", "Number", lambda value: [1 / int(str(value))])
    db = Database([picky, DIGITS])
    db.set(key("x"), 2, 1)
    with pytest.raises(ZeroDivisionError):
        db.set(key("x"), 0, 2)
    assert db.input(key("x")) == 2
    assert db.lookup(DIGITS, "2") == (key("x"),)
    assert db.lookup(DIGITS, "0") == ()


def test_an_unknown_index_is_named(db: Database) -> None:
    with pytest.raises(LookupError, match="no index 'other'"):
        db.lookup(Index("other", "Number", lambda _: ()), 1)


def test_listings_are_sorted_however_they_came_about(db: Database) -> None:
    names = [f"{(n * 7919) % 1000:03}" for n in range(1000)]
    for revision, name in enumerate(names):
        db.set(key(name), 1, revision)
    assert db.inputs("Number") == tuple(key(name) for name in sorted(names))
    for name in names[:500]:
        db.remove(key(name), 2000)
    assert db.inputs("Number") == tuple(key(name) for name in sorted(names[500:]))
    assert db.lookup(DIGITS, "1") == db.inputs("Number")
    assert db.index_keys(DIGITS) == ("1",)


def test_a_group_of_an_index_changes_with_its_own_keys_only() -> None:
    grouped = Index("tens", "Number", lambda value: [divmod(int(str(value)), 10)], is_grouped=True)

    @query
    def tens(db: Reader, group: int) -> tuple[object, ...]:
        return db.index_keys(grouped, group)

    db = Database([grouped])
    db.set(key("x"), 12, 1)
    db.pin(tens.ref(1))
    assert db.settle() == (tens.ref(1),)
    assert (tens(db, 1), tens(db, 2), db.index_keys(grouped)) == (((1, 2),), (), ((1, 2),))
    runs = db.statistics.runs
    db.set(key("y"), 23, 2)
    db.set(key("z"), 12, 2)
    assert (db.settle(), db.statistics.runs) == ((), runs)
    db.set(key("y"), 15, 3)
    assert db.settle() == (tens.ref(1),)
    assert (tens(db, 1), tens(db, 2)) == (((1, 2), (1, 5)), ())
