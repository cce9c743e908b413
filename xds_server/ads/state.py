"""What one type of one stream is doing: its states, events, and the one table of what follows.

A state says two things: what is under way to the client, and what waits behind that.

| under way                                     | nothing waits | news waits  | an answer is due |
| --------------------------------------------- | ------------- | ----------- | ---------------- |
| nothing                                       | IDLE          | DIRTY       | DUE              |
| a message that was made and has to go out     | READY         | READY_DIRTY | READY_DUE        |
| a message that was sent, more of its step     | PART          | PART_DIRTY  | PART_DUE         |
| a message that was sent, the last of its step | SENT          | SENT_DIRTY  | SENT_DUE         |

Rules:

* One response of a type is outstanding at a time, and what changes meanwhile is one mark, however
  often it changes: nothing is queued.
* News may turn out to be none: then the type falls silent without a word. An answer that is due is
  sent even if there is nothing in it.
* A step that was begun goes out to its last message before anything newer does. READY stays for as
  long as the bytes that are not answered leave no room.
* An ACK and a NACK are one event: what was sent is answered.
* Only what keeps something newer back is given up when its answer does not come.

An event that is not in the table for a state cannot happen in it: it is our bug, raises, and
changes nothing.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, the sections named beside
the rows.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


class State(enum.Enum):
    """What a type is doing.

    Attributes:
        is_ready: Whether it is its turn: something is to be looked at, or to go out.
        is_in_flight: Whether a response waits for its answer.
        is_dirty: Whether there may be something to say that is not under way yet.
    """

    IDLE = "idle", False, False, False
    DIRTY = "dirty", True, False, True
    DUE = "due", True, False, True
    READY = "ready", True, False, False
    READY_DIRTY = "ready, dirty", True, False, True
    READY_DUE = "ready, due", True, False, True
    PART = "part sent", False, True, False
    PART_DIRTY = "part sent, dirty", False, True, True
    PART_DUE = "part sent, due", False, True, True
    SENT = "sent", False, True, False
    SENT_DIRTY = "sent, dirty", False, True, True
    SENT_DUE = "sent, due", False, True, True

    def __init__(self, label: str, is_ready: bool, is_in_flight: bool, is_dirty: bool) -> None:
        self.label = label
        self.is_ready = is_ready
        self.is_in_flight = is_in_flight
        self.is_dirty = is_dirty

    # States are looked up with every message, and the hash of an Enum is computed in Python.
    __hash__ = object.__hash__


class Event(enum.Enum):
    """What can happen to a type."""

    CHANGED = "changed"
    """There may be something to say: another snapshot, subscription, stage, or names to resend."""
    ASKED = "asked"
    """The client sent what must be answered, even if there is nothing to say."""
    UNCHANGED = "unchanged"
    """It was looked at, and the client need not hear of it."""
    BEGUN = "begun"
    """It was looked at, and the messages of a step were made."""
    SENT_PART = "sent a part"
    """One of these went to the transport, and more follow."""
    SENT = "sent"
    """The last of them did."""
    ANSWERED = "answered"
    """The client accepted or rejected what is in flight."""
    TIMED_OUT = "timed out"
    """The answer to what is in flight is not waited for any longer; it may still come."""


class IllegalMoveError(Exception):
    """An event in a state in which it cannot happen: a bug of ours. Nothing was changed."""

    def __init__(self, event: Event, state: State) -> None:
        super().__init__(f"a type that is {state.label!r} cannot be {event.value!r}")


class Moves(dict[State, State]):
    """The state that follows each state in which an event can happen. Any other raises.

    A dictionary, because its lookup is the one thing that every message pays for.
    """

    __slots__ = ("event",)

    def __init__(self, event: Event, moves: Mapping[State, State]) -> None:
        super().__init__(moves)
        self.event = event

    def __missing__(self, state: State) -> State:
        raise IllegalMoveError(self.event, state)


CHANGED: Final = Moves(
    Event.CHANGED,
    {
        # "When to send an update": when resources have changed.
        State.IDLE: State.DIRTY,
        State.DIRTY: State.DIRTY,
        State.DUE: State.DUE,
        # A step is not made anew halfway: its parts are one set of resources.
        State.READY: State.READY_DIRTY,
        State.READY_DIRTY: State.READY_DIRTY,
        State.READY_DUE: State.READY_DUE,
        # Ours: the next response is made of the latest state, when the one in flight is answered.
        State.PART: State.PART_DIRTY,
        State.PART_DIRTY: State.PART_DIRTY,
        State.PART_DUE: State.PART_DUE,
        State.SENT: State.SENT_DIRTY,
        State.SENT_DIRTY: State.SENT_DIRTY,
        State.SENT_DUE: State.SENT_DUE,
    },
)
ASKED: Final = Moves(
    Event.ASKED,
    {
        # "Basic Protocol Overview": a type's first request is answered.
        State.IDLE: State.DUE,
        State.DIRTY: State.DUE,
        # "When to send an update": a request supersedes those before it, so one answer does.
        State.DUE: State.DUE,
        State.READY: State.READY_DUE,
        State.READY_DIRTY: State.READY_DUE,
        State.READY_DUE: State.READY_DUE,
        State.PART: State.PART_DUE,
        State.PART_DIRTY: State.PART_DUE,
        State.PART_DUE: State.PART_DUE,
        State.SENT: State.SENT_DUE,
        State.SENT_DIRTY: State.SENT_DUE,
        State.SENT_DUE: State.SENT_DUE,
    },
)
UNCHANGED: Final = Moves(
    Event.UNCHANGED,
    {
        # "When to send an update": the same resources again are needless work on both sides.
        State.DIRTY: State.IDLE,
    },
)
BEGUN: Final = Moves(
    Event.BEGUN,
    {
        State.DIRTY: State.READY,
        State.DUE: State.READY,
    },
)
SENT_PART: Final = Moves(
    Event.SENT_PART,
    {
        # "Grouping Resources into Responses": delta resources may come in any number of responses.
        State.READY: State.PART,
        State.READY_DIRTY: State.PART_DIRTY,
        State.READY_DUE: State.PART_DUE,
    },
)
SENT: Final = Moves(
    Event.SENT,
    {
        State.READY: State.SENT,
        State.READY_DIRTY: State.SENT_DIRTY,
        State.READY_DUE: State.SENT_DUE,
    },
)
ANSWERED: Final = Moves(
    Event.ANSWERED,
    {
        # "ACK and NACK semantics summary": each response is answered once, by its nonce.
        State.SENT: State.IDLE,
        State.SENT_DIRTY: State.DIRTY,
        State.SENT_DUE: State.DUE,
        State.PART: State.READY,
        State.PART_DIRTY: State.READY_DIRTY,
        State.PART_DUE: State.READY_DUE,
    },
)
TIMED_OUT: Final = Moves(
    Event.TIMED_OUT,
    {
        # Ours: the protocol knows no deadline, but a client that says nothing must not keep the
        # next state from being tried.
        State.SENT_DIRTY: State.DIRTY,
        State.SENT_DUE: State.DUE,
        State.PART_DIRTY: State.READY_DIRTY,
        State.PART_DUE: State.READY_DUE,
    },
)

TABLE: Final[Mapping[Event, Moves]] = MappingProxyType(
    {
        moves.event: moves
        for moves in (CHANGED, ASKED, UNCHANGED, BEGUN, SENT_PART, SENT, ANSWERED, TIMED_OUT)
    }
)
"""Event → state → the state that follows."""
