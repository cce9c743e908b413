"""The table of what a watched type can do: whole, and nothing outside of it happens."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from translators.model.resource import resource
from translators.names import CLUSTER_TYPE
from xds_server.ads.diff import Diff
from xds_server.ads.resources import EMPTY, Resources
from xds_server.ads.state import TABLE, Event, IllegalMoveError, State
from xds_server.ads.subscription import SubscriptionPool
from xds_server.ads.watched_type import WatchedType

HELD = EMPTY[CLUSTER_TYPE]
GOAL = Resources(CLUSTER_TYPE, {"a": resource(CLUSTER_TYPE, "a", b"1")})
[MESSAGE] = Diff(CLUSTER_TYPE, tuple(GOAL.by_name.values()), ()).delta()

HAPPENS: dict[Event, Callable[[WatchedType], object]] = {
    Event.CHANGED: WatchedType.change,
    Event.ASKED: WatchedType.ask,
    Event.UNCHANGED: lambda watched: watched.keep(GOAL, 1),
    Event.BEGUN: lambda watched: watched.begin(GOAL, 1, (MESSAGE,)),
    Event.SENT_PART: lambda watched: watched.send("1", 0.0),
    Event.SENT: lambda watched: watched.send("1", 0.0),
    Event.ANSWERED: WatchedType.finish,
    Event.TIMED_OUT: WatchedType.time_out,
}


def in_state(state: State, messages: int) -> WatchedType:
    """A type in a state, with the messages that it would have there."""
    watched = WatchedType(CLUSTER_TYPE, SubscriptionPool().everything(), HELD)
    watched.state = state
    if state.is_in_flight:
        watched.inflight = MESSAGE
    watched.rest = (MESSAGE,) * messages
    return watched


def content(watched: WatchedType) -> dict[str, object]:
    return {name: getattr(watched, name) for name in WatchedType.__slots__}


def test_every_event_has_its_moves() -> None:
    assert set(TABLE) == set(Event)
    assert all(moves.event is event for event, moves in TABLE.items())


@pytest.mark.parametrize("event", [Event.CHANGED, Event.ASKED])
def test_what_comes_from_outside_can_happen_at_any_time(event: Event) -> None:
    assert set(TABLE[event]) == set(State)


def test_no_event_but_an_answer_or_a_deadline_ends_a_flight() -> None:
    ends = {
        event
        for event, moves in TABLE.items()
        for before, after in moves.items()
        if before.is_in_flight and not after.is_in_flight
    }
    assert ends == {Event.ANSWERED, Event.TIMED_OUT}


def test_nothing_but_looking_forgets_news() -> None:
    forgets = {
        event
        for event, moves in TABLE.items()
        for before, after in moves.items()
        if before.is_dirty and not after.is_dirty
    }
    assert forgets == {Event.UNCHANGED, Event.BEGUN}


ILLEGAL = [
    (state, event)
    for state, event in itertools.product(State, Event)
    if state not in TABLE[event]
    # What waits to go out is sent by one method, as a part or as the last message.
    and not (event in {Event.SENT, Event.SENT_PART} and state in TABLE[Event.SENT])
]


@pytest.mark.parametrize(("state", "event"), ILLEGAL, ids=lambda row: row.name)
def test_illegal_move_raises_and_changes_nothing(state: State, event: Event) -> None:
    watched = in_state(state, messages=2 if event is Event.SENT_PART else 1)
    before = content(watched)
    with pytest.raises(IllegalMoveError, match=event.value):
        HAPPENS[event](watched)
    assert content(watched) == before
