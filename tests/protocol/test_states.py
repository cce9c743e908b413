"""What a watched type does, moves by the table alone, and every row of the table is of some use.

A conversation is a line of words about clusters, of which the client has `a` and accepted it:

* `change`: `a` changes; `revert`: it is as it was; `grow`: three clusters come that take a response
  each;
* `block`: a secret is sent and not answered, so that there is no room for more; `unblock`: it is;
* `hear`: the client takes one response; `answer`: it accepts the last; `ask`: it asks for `*`
  again;
* `wait`: eleven seconds pass.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fakes.script import TYPES, Delta, Sotw, World
from translators.codec.discovery import DeltaRequest, RequestError, SotwRequest
from xds_server.ads import watched_type
from xds_server.ads.delta import DELTA
from xds_server.ads.limits import StreamLimits
from xds_server.ads.sotw import SOTW
from xds_server.ads.state import TABLE, Event, Moves, State
from xds_server.ads.watched_type import WatchedType
from xds_server.errors import LimitExceededError

TIGHT = StreamLimits(response_bytes=100, pending_bytes=1000)
WITH_REST = {
    State.READY, State.READY_DIRTY, State.READY_DUE, State.PART, State.PART_DIRTY, State.PART_DUE,
}  # fmt: skip
Row = tuple[State, Event, State]
ROWS = {(before, event, after) for event, moves in TABLE.items() for before, after in moves.items()}


class Recorded(Moves):
    """Moves that write down what they are asked for."""

    __slots__ = ("rows",)

    def __init__(self, moves: Moves, rows: set[Row]) -> None:
        super().__init__(moves.event, moves)
        self.rows = rows

    def __getitem__(self, state: State) -> State:
        after = super().__getitem__(state)
        self.rows.add((state, self.event, after))
        return after


@contextlib.contextmanager
def recorded() -> Iterator[set[Row]]:
    """The rows that are used while the block runs."""
    rows: set[Row] = set()
    with pytest.MonkeyPatch.context() as patch:
        for event, moves in TABLE.items():
            patch.setattr(watched_type, event.name, Recorded(moves, rows))
        yield rows


class Conversation:
    """A client whose clusters are followed, in small responses."""

    def __init__(self) -> None:
        self.world = World().set("cds", "a", "1")
        self.world.publish()
        self.envoy = Delta(self.world, TIGHT)
        self.envoy.asks("cds")
        self.envoy.gets("cds", "a=1")
        self.envoy.acks("cds")
        self.envoy.asks("sds", "secret")
        self.envoy.gets("sds", "-secret")
        self.envoy.acks("sds")
        self.envoy.hears_no_more()
        self.changes = 1

    def hold(self, words: str) -> State:
        for word in words.split():
            getattr(self, word)()
        return self.envoy.stream.watched[TYPES["cds"]].state

    def change(self) -> None:
        self.changes += 1
        self.world.set("cds", "a", str(self.changes)).publish()

    def revert(self) -> None:
        self.world.set("cds", "a", "1").publish()

    def grow(self) -> None:
        for name in "xyz":
            self.world.set("cds", name, name * 90)
        self.world.publish()

    def block(self) -> None:
        self.world.set("sds", "secret", "s" * 700).publish()
        self.envoy.gets("sds", "secret=" + "s" * 700)

    def unblock(self) -> None:
        self.envoy.acks("sds")

    def hear(self) -> None:
        self.envoy.next()

    def answer(self) -> None:
        self.envoy.acks("cds")

    def ask(self) -> None:
        self.envoy.asks("cds", "*")

    def wait(self) -> None:
        self.envoy.passes(11)


CONVERSATIONS = {
    "": State.IDLE,
    # Nothing is under way.
    "change": State.DIRTY,
    "change change": State.DIRTY,
    "change revert hear": State.IDLE,
    "change ask": State.DUE,
    "ask": State.DUE,
    "ask ask": State.DUE,
    "ask change": State.DUE,
    # A response is in flight.
    "change hear": State.SENT,
    "ask hear": State.SENT,
    "change hear wait": State.SENT,
    "change hear answer": State.IDLE,
    "change hear change": State.SENT_DIRTY,
    "change hear change change": State.SENT_DIRTY,
    "change hear change answer": State.DIRTY,
    "change hear change wait": State.DIRTY,
    "change hear change ask": State.SENT_DUE,
    "change hear ask": State.SENT_DUE,
    "change hear ask ask change": State.SENT_DUE,
    "change hear ask answer": State.DUE,
    "change hear ask wait": State.DUE,
    # A part of a step is in flight.
    "grow hear": State.PART,
    "grow hear wait": State.PART,
    "grow hear answer": State.READY,
    "grow hear change": State.PART_DIRTY,
    "grow hear change change": State.PART_DIRTY,
    "grow hear change answer": State.READY_DIRTY,
    "grow hear change wait": State.READY_DIRTY,
    "grow hear change ask": State.PART_DUE,
    "grow hear ask": State.PART_DUE,
    "grow hear ask ask change": State.PART_DUE,
    "grow hear ask answer": State.READY_DUE,
    "grow hear ask wait": State.READY_DUE,
    # The next part has to go out.
    "grow hear answer hear": State.PART,
    "grow hear answer hear answer hear": State.SENT,
    "grow hear answer change": State.READY_DIRTY,
    "grow hear answer change change": State.READY_DIRTY,
    "grow hear answer change hear": State.PART_DIRTY,
    "grow hear answer change hear answer hear": State.SENT_DIRTY,
    "grow hear answer change ask": State.READY_DUE,
    "grow hear answer ask": State.READY_DUE,
    "grow hear answer ask ask change": State.READY_DUE,
    "grow hear answer ask hear": State.PART_DUE,
    "grow hear answer ask hear answer hear": State.SENT_DUE,
    # A response that was made has no room.
    "block grow hear": State.READY,
    "block grow hear unblock": State.READY,
    "block grow hear unblock hear": State.PART,
}


@pytest.mark.parametrize("words", CONVERSATIONS, ids=lambda words: words or "start")
def test_conversation_leads_to_its_state(words: str) -> None:
    assert Conversation().hold(words) is CONVERSATIONS[words]


def test_every_row_of_the_table_is_reached_by_some_conversation() -> None:
    with recorded() as rows:
        for words in CONVERSATIONS:
            Conversation().hold(words)
    assert rows == ROWS


def agrees(watched: WatchedType) -> bool:
    """Whether what a type holds is what its state says."""
    return watched.state.is_in_flight == (watched.inflight is not None) and bool(watched.rest) == (
        watched.state in WITH_REST
    )


SHORTS = st.sampled_from(["cds", "eds", "sds"])
NAMES = st.sampled_from([("*",), ("a",), ("b", "c"), ("a", "*"), ()])
ERRORS = st.sampled_from([None, None, None, RequestError(13, "bad")])
MOVES = st.lists(
    st.one_of(
        st.tuples(
            st.just("edit"),
            SHORTS,
            st.dictionaries(st.sampled_from("abcd"), st.sampled_from([0, 20, 90, 90]), min_size=1),
        ),
        st.tuples(st.just("ask"), SHORTS, NAMES, st.sampled_from([(), (), ("a",), ("*",)])),
        st.tuples(st.just("answer"), SHORTS, ERRORS),
        st.just(("hear",)),
        st.just(("hear",)),
        st.just(("wait",)),
    ),
    min_size=10,
    max_size=60,
)


class AnyConversation:
    """A client that says anything at any time, and keeps to a window of a few responses."""

    def __init__(self, client: Delta | Sotw) -> None:
        self.client = client
        self.stream = client.stream
        self.edits = 0
        for short in ("cds", "eds", "sds"):
            self.ask(short, ("*",) if short == "cds" else ("a", "b"), ())

    def edit(self, short: str, sizes: dict[str, int]) -> None:
        world = self.client.stream.watch.world
        for name, size in sizes.items():
            self.edits += 1
            if size:
                world.set(short, name, f"{self.edits}".rjust(size), name if short == "cds" else "")
            elif TYPES[short] in world.by_type:
                world.remove(short, name)
        world.publish()

    def ask(self, short: str, names: tuple[str, ...], drops: tuple[str, ...]) -> None:
        self._request(short, "", names, drops, None)

    def answer(self, short: str, error: RequestError | None) -> None:
        if short in self.client.nonces:
            self._request(short, self.client.nonces[short], (), (), error)

    def hear(self) -> None:
        self.client.next()

    def wait(self) -> None:
        self.client.passes(11)

    def _request(
        self,
        short: str,
        nonce: str,
        names: tuple[str, ...],
        drops: tuple[str, ...],
        error: RequestError | None,
    ) -> None:
        url = TYPES[short]
        if isinstance(self.client, Delta):
            DELTA.on_request(self.stream, DeltaRequest(url, nonce, names, drops, {}, error, None))
            return
        if not nonce:
            self.client.names[short] = names
        known = self.client.names[short]
        SOTW.on_request(self.stream, SotwRequest(url, "", nonce, known, error, None))


@settings(max_examples=200, deadline=None)
@given(MOVES, st.booleans())
def test_any_conversation_stays_within_the_table(
    moves: list[tuple[object, ...]], is_delta: bool
) -> None:
    with recorded() as rows, contextlib.suppress(LimitExceededError):
        conversation = AnyConversation((Delta if is_delta else Sotw)(World(), TIGHT))
        for word, *details in moves:
            getattr(conversation, word)(*details)
            assert all(map(agrees, conversation.stream.watched.values()))
    assert rows <= ROWS
