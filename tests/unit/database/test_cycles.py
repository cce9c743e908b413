"""Queries that need their own results."""

from __future__ import annotations

import pytest

from translators.database import (
    CycleError,
    Database,
    Failure,
    Reader,
    query,
)
from translators.object_key import ObjectKey


@query
def link(db: Reader, name: str) -> str:
    target = db.input(ObjectKey("Link", "default", name))
    return link(db, target) if isinstance(target, str) else name


@query
def hopeful(db: Reader, name: str) -> str:
    target = db.input(ObjectKey("Link", "default", name))
    if not isinstance(target, str):
        return name
    try:
        return hopeful(db, target)
    except CycleError:
        return "broken off"


def point(db: Database, name: str, target: str) -> None:
    db.set(ObjectKey("Link", "default", name), target, 1)


@pytest.mark.parametrize("start", ["a", "b", "c"])
def test_the_error_names_the_members_in_order_from_wherever_it_is_met(
    db: Database, start: str
) -> None:
    point(db, "a", "c")
    point(db, "c", "b")
    point(db, "b", "a")
    with pytest.raises(
        CycleError, match=r"link\('a'\) -> link\('c'\) -> link\('b'\) -> link\('a'\)"
    ) as caught:
        link(db, start)
    assert caught.value.members == (link.ref("a"), link.ref("c"), link.ref("b"))
    for name in "abc":
        failure = db.outcome(link.ref(name))
        assert isinstance(failure, Failure)
        assert isinstance(failure.exception, CycleError)
        assert failure.exception.members == caught.value.members


def test_one_who_only_reads_a_member_is_no_member(db: Database) -> None:
    point(db, "start", "a")
    point(db, "a", "a")
    with pytest.raises(CycleError) as caught:
        link(db, "start")
    assert caught.value.members == (link.ref("a"),)


@pytest.mark.parametrize("start", ["a", "b"])
def test_a_member_that_catches_fails_all_the_same(db: Database, start: str) -> None:
    point(db, "a", "b")
    point(db, "b", "a")
    point(db, "outside", "a")
    with pytest.raises(CycleError):
        hopeful(db, start)
    assert hopeful(db, "outside") == "broken off"


@pytest.mark.parametrize("member", ["a", "b", "c"])
def test_broken_at_any_member_all_recover_and_closed_again_all_fail(
    db: Database, member: str
) -> None:
    ring = {"a": "b", "b": "c", "c": "a"}
    for name, target in ring.items():
        point(db, name, target)
    refs = tuple(link.ref(name) for name in "abc")
    for ref in refs:
        db.pin(ref)
    assert db.settle() == refs
    for _ in range(3):
        db.remove(ObjectKey("Link", "default", member), 2)
        assert db.settle() == refs
        assert {link(db, name) for name in "abc"} == {member}
        point(db, member, ring[member])
        assert set(db.settle()) == set(refs)
        for ref in refs:
            assert isinstance(db.outcome(ref), Failure)


def test_a_cycle_that_nobody_needs_is_dropped(db: Database) -> None:
    point(db, "a", "b")
    point(db, "b", "a")
    point(db, "start", "a")
    db.pin(link.ref("start"))
    db.settle()
    assert db.statistics.results == 3
    db.remove(ObjectKey("Link", "default", "start"), 2)
    db.settle()
    assert db.statistics.results == 1


def test_a_cycle_longer_than_the_stack_is_found(db: Database) -> None:
    for n in range(3000):
        point(db, f"{n:04}", f"{(n + 1) % 3000:04}")
    with pytest.raises(CycleError) as caught:
        link(db, "0042")
    assert len(caught.value.members) == 3000
