"""Snapshots, steps and selections: always equal to the plain computation, and shared."""

from __future__ import annotations

import gc
import weakref

from hypothesis import given, settings
from hypothesis import strategies as st

from translators.codec.discovery import with_nonce
from translators.model.resource import Resource, resource
from translators.names import CLUSTER_TYPE, ENDPOINT_TYPE
from xds_server.ads.resources import EMPTY, Resources
from xds_server.ads.snapshot import Snapshot
from xds_server.ads.subscription import SubscriptionPool

NAMES = tuple("abcdef")
EDITS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2), max_size=3),
        st.sets(st.sampled_from(NAMES), max_size=2),
    ),
    max_size=12,
)


def made(name: str, body: object, type_url: str = CLUSTER_TYPE) -> Resource:
    return resource(type_url, name, str(body).encode())


def chain(edits: list[tuple[dict[str, int], set[str]]]) -> list[Resources]:
    found = [EMPTY[CLUSTER_TYPE]]
    for updated, removed in edits:
        changed = {name: made(name, body) for name, body in updated.items()}
        found.append(found[-1].edit(changed, removed))
    return found


def plain_step(old: Resources, new: Resources) -> tuple[set[Resource], set[str]]:
    changed = {found for name, found in new.by_name.items() if old.by_name.get(name) != found}
    return changed, set(old.by_name) - set(new.by_name)


@given(EDITS, st.data())
def test_step_is_the_difference(
    edits: list[tuple[dict[str, int], set[str]]], data: st.DataObject
) -> None:
    snapshots = chain(edits)
    old, new = data.draw(st.sampled_from(snapshots)), data.draw(st.sampled_from(snapshots))
    diff = new.diff_from(old)
    assert (set(diff.changed), set(diff.removed)) == plain_step(old, new)
    assert len(diff.changed) == len(set(diff.changed))
    assert new.diff_from(old) is diff


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 200), st.integers(0, 200), st.integers(60, 200))
def test_step_over_a_long_history_is_the_difference(first: int, second: int, length: int) -> None:
    snapshots = [Resources(CLUSTER_TYPE, {name: made(name, 0) for name in NAMES})]
    for number in range(length):
        name = NAMES[number % len(NAMES)]
        snapshots.append(snapshots[-1].edit({name: made(name, number + 1)}))
    old, new = snapshots[first % len(snapshots)], snapshots[second % len(snapshots)]
    diff = new.diff_from(old)
    assert (set(diff.changed), set(diff.removed)) == plain_step(old, new)


@given(EDITS, st.sets(st.sampled_from(NAMES)), st.data())
def test_selection_is_what_is_asked_for(
    edits: list[tuple[dict[str, int], set[str]]], names: set[str], data: st.DataObject
) -> None:
    pool = SubscriptionPool()
    wanted = pool.named(names)
    for source in chain(edits):
        if data.draw(st.booleans()):
            added = data.draw(st.sets(st.sampled_from(NAMES), max_size=1))
            removed = data.draw(st.sets(st.sampled_from(NAMES), max_size=1))
            wanted = pool.change(wanted, added, removed)
        if data.draw(st.booleans()):
            continue
        selected = wanted.select(source)
        assert dict(selected.by_name) == {
            name: found for name, found in source.by_name.items() if name in wanted.names
        }
        assert selected.missing == wanted.names - set(source.by_name)


def test_selection_stays_the_same_object_when_nothing_asked_for_was_edited() -> None:
    pool = SubscriptionPool()
    source = EMPTY[ENDPOINT_TYPE].edit({name: made(name, 0) for name in NAMES})
    wanted = pool.named("ab")
    selected = wanted.select(source)
    for number in range(200):
        source = source.edit({"c": made("c", number)})
        if number % 70 == 0:
            continue
        assert wanted.select(source) is selected


def test_selection_of_a_series_that_was_long_not_looked_at_is_right() -> None:
    pool = SubscriptionPool()
    source = EMPTY[ENDPOINT_TYPE].edit({name: made(name, 0) for name in NAMES})
    wanted = pool.named("a")
    wanted.select(source)
    source = source.edit({"a": made("a", "new")})
    for number in range(200):
        source = source.edit({"c": made("c", number)})
    assert wanted.select(source).by_name["a"].body == b"new"


def test_hosts_are_selected_by_their_route_configuration() -> None:
    pool = SubscriptionPool()
    source = Resources(CLUSTER_TYPE).edit({n: made(n, 0) for n in ("r/a", "r/b", "rr/a", "s/a")})
    wanted = pool.hosts_of(frozenset({"r"}))
    assert set(wanted.select(source).by_name) == {"r/a", "r/b"}
    source = source.edit({"r/c": made("r/c", 0), "s/b": made("s/b", 0)}, ("r/a",))
    assert set(wanted.select(source).by_name) == {"r/b", "r/c"}


def test_equal_subscriptions_are_one_object() -> None:
    pool = SubscriptionPool()
    assert pool.named("ab") is pool.named("ba")
    assert pool.change(pool.named("a"), ("b",), ()) is pool.named("ab")
    assert pool.named(("*",)) is pool.everything()
    assert pool.change(pool.everything(), ("a",), ("*",)) is pool.named("a")


@given(EDITS)
def test_version_depends_on_content_alone(edits: list[tuple[dict[str, int], set[str]]]) -> None:
    snapshots = chain(edits)
    _ = snapshots[0].version
    for each in snapshots:
        fresh = Resources(CLUSTER_TYPE, dict(reversed(each.by_name.items())))
        assert each.version == fresh.version


@given(EDITS, st.data())
def test_over_has_everything_of_both(
    edits: list[tuple[dict[str, int], set[str]]], data: st.DataObject
) -> None:
    snapshots = chain(edits)
    old, new = data.draw(st.sampled_from(snapshots)), data.draw(st.sampled_from(snapshots))
    assert dict(new.over(old).by_name) == {**old.by_name, **new.by_name}


def test_edit_that_changes_nothing_is_the_same_snapshot() -> None:
    known = EMPTY[CLUSTER_TYPE].edit({"a": made("a", 1)})
    assert known.edit({"a": made("a", 1)}, ("b",)) is known


def test_old_snapshots_are_let_go() -> None:
    snapshot = EMPTY[CLUSTER_TYPE].edit({"a": made("a", -1)})
    wanted = SubscriptionPool().named("a")
    old = []
    for number in range(300):
        old.append(weakref.ref(snapshot))
        after = snapshot.edit({"a": made("a", number)})
        after.diff_from(snapshot).delta()
        wanted.select(after)
        snapshot = after
    gc.collect()
    assert sum(each() is not None for each in old) <= 2


def test_step_is_split_by_size_with_removals_last() -> None:
    old = EMPTY[CLUSTER_TYPE].edit({"gone": made("gone", 1)})
    new = old.edit({name: made(name, "x" * 100) for name in NAMES}, ("gone",))
    responses = new.diff_from(old).delta(300)
    assert len(responses) > 1
    assert [found.name for each in responses for found in each.changed] == list(NAMES)
    assert [each.removed for each in responses] == [()] * (len(responses) - 1) + [("gone",)]
    assert all(len(with_nonce(each.body, "1")) < 600 for each in responses)


def test_one_resource_above_the_limit_goes_alone() -> None:
    new = EMPTY[CLUSTER_TYPE].edit({name: made(name, "x" * 1000) for name in "ab"})
    assert len(new.diff_from(EMPTY[CLUSTER_TYPE]).delta(300)) == 2


def test_views_know_which_types_differ() -> None:
    clusters = EMPTY[CLUSTER_TYPE].edit({"a": made("a", 1)})
    old = Snapshot(1, EMPTY)
    new = Snapshot(2, {**EMPTY, CLUSTER_TYPE: clusters})
    assert new.changed_since(old) == {CLUSTER_TYPE}
    assert new.resources("unknown") is new.resources("unknown")
    assert len(new.resources("unknown")) == 0


def test_claims_are_shared_and_bounded() -> None:
    pool = SubscriptionPool()
    versions = {"a": "1"}
    assert pool.claimed(CLUSTER_TYPE, versions) is pool.claimed(CLUSTER_TYPE, versions)
    for number in range(1000):
        pool.claimed(CLUSTER_TYPE, {"a": str(number)})
    assert len(pool._claims) <= 64
