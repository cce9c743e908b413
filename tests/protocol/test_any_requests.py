"""No sequence of requests, however senseless, breaks a stream or keeps it talking."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.script import TYPES, Delta, Sotw, World
from translators.codec.discovery import DeltaRequest, RequestError, SotwRequest
from xds_server.ads.delta import DeltaStream
from xds_server.ads.sotw import SotwStream

SHORTS = st.sampled_from(sorted(TYPES))
NAMES = st.lists(st.sampled_from(["a", "b", "r/a", "r", "*", ""]), max_size=3)
NONCES = st.sampled_from(["", "last", "1", "2", "stale"])
ERRORS = st.sampled_from([None, None, RequestError(13, "bad")])
EDITS = st.tuples(
    SHORTS,
    st.sampled_from(["a", "b", "r/a", "r"]),
    st.sampled_from(["1", "2", ""]),
    st.sampled_from(["", "a", "b", "r", "*"]),
)
REQUESTS = st.tuples(SHORTS, NONCES, NAMES, NAMES, ERRORS)
MOVES = st.lists(
    st.one_of(
        EDITS.map(lambda e: ("edit", e)),
        REQUESTS.map(lambda r: ("ask", r)),
        st.just(("hear", None)),
        st.just(("wait", None)),
    ),
    max_size=30,
)


def edit(world: World, short: str, name: str, body: str, needs: str) -> None:
    if body:
        world.set(short, name, body, needs).publish()
    elif TYPES[short] in world.by_type:
        world.remove(short, name).publish()


def drain(client: Delta | Sotw, *, is_answering: bool) -> None:
    for _ in range(60):
        got = client.next()
        if got is None:
            return
        if is_answering:
            client.acks(got.short)
    raise AssertionError("it does not stop talking")


@settings(max_examples=100, deadline=None)
@given(MOVES)
def test_delta(moves: list[tuple[str, object]]) -> None:
    world = World()
    client = Delta(world)
    stream = client.stream
    assert isinstance(stream, DeltaStream)
    for kind, what in moves:
        if kind == "edit":
            edit(world, *what)
        elif kind == "hear":
            drain(client, is_answering=False)
        elif kind == "wait":
            client.passes(6)
        else:
            short, nonce, names, drops, error = what
            nonce = client.nonces.get(short, "") if nonce == "last" else nonce
            stream.on_request(
                DeltaRequest(TYPES[short], nonce, tuple(names), tuple(drops), {}, error, None)
            )
    for short in client.nonces:
        client.acks(short)
    drain(client, is_answering=True)
    client.passes(11)
    drain(client, is_answering=True)
    client.passes(11)
    drain(client, is_answering=True)
    assert stream.is_settled or not stream.watched


@settings(max_examples=100, deadline=None)
@given(MOVES)
def test_sotw(moves: list[tuple[str, object]]) -> None:
    world = World()
    client = Sotw(world)
    stream = client.stream
    assert isinstance(stream, SotwStream)
    for kind, what in moves:
        if kind == "edit":
            edit(world, *what)
        elif kind == "hear":
            drain(client, is_answering=False)
        elif kind == "wait":
            client.passes(6)
        else:
            short, nonce, names, drops, error = what
            nonce = client.nonces.get(short, "") if nonce == "last" else nonce
            client.names[short] = tuple(names)
            version = drops[0] if drops else ""
            stream.on_request(SotwRequest(TYPES[short], version, nonce, tuple(names), error, None))
    client.offered = ""
    for short in client.nonces:
        client.acks(short)
    drain(client, is_answering=True)
    client.passes(11)
    drain(client, is_answering=True)
    client.passes(11)
    drain(client, is_answering=True)
    assert stream.is_settled or not stream.watched
