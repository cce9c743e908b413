"""Held results: what settle reports, and what it drops."""

from __future__ import annotations

import pytest

from tests.support.graphs.number_queries import (
    key,
    label,
    number,
    sign,
    total,
)
from translators.database import (
    Database,
)


def test_settle_reports_what_changed_in_the_order_of_holding(db: Database) -> None:
    refs = [label.ref("z"), label.ref("a"), number.ref("m")]
    for ref in refs:
        db.pin(ref)
    assert db.settle() == tuple(refs)
    assert db.settle() == ()
    db.set(key("m"), -1, 1)
    db.set(key("z"), -1, 1)
    db.set(key("a"), 5, 1)
    assert db.settle() == (label.ref("z"), number.ref("m"))


def test_a_change_read_and_taken_back_between_settles_is_no_change(db: Database) -> None:
    db.pin(label.ref("x"))
    db.settle()
    db.set(key("x"), -1, 1)
    assert label(db, "x") == ("x", "-")
    db.set(key("x"), 1, 2)
    assert db.settle() == ()
    db.set(key("x"), -2, 3)
    assert label(db, "x") == ("x", "-")
    assert db.settle() == (label.ref("x"),)


def test_what_no_held_result_needs_is_dropped(db: Database) -> None:
    db.pin(label.ref("x"))
    db.pin(label.ref("x"))
    db.pin(sign.ref("x"))
    total(db)
    db.settle()
    assert db.statistics.results == 3
    db.unpin(label.ref("x"))
    db.settle()
    assert db.statistics.results == 3
    db.unpin(label.ref("x"))
    db.settle()
    assert db.statistics.results == 2
    db.unpin(sign.ref("x"))
    db.settle()
    assert (db.statistics.results, db.statistics.inputs) == (0, 0)


def test_release_needs_a_hold(db: Database) -> None:
    with pytest.raises(ValueError, match=r"label\('x'\) is not pinned"):
        db.unpin(label.ref("x"))


def test_held_again_counts_as_changed(db: Database) -> None:
    db.pin(label.ref("x"))
    db.settle()
    db.unpin(label.ref("x"))
    db.pin(label.ref("x"))
    assert db.settle() == (label.ref("x"),)
