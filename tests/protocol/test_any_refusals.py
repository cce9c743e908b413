"""Whatever a state-of-the-world client refuses, and in whatever way, no cluster warms for ever.

A simulated Envoy warms each changed cluster until endpoints come for it, holds back its answers
about clusters meanwhile, and takes of what it refuses all, some or nothing.
"""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.fakes.script import TYPES, Got, Sotw, World

NAMES = ("a", "b", "c", "d")
WHOLE, PART = "refused", "refused-itself"
"""Of a cluster: nothing of its response is taken; everything else of it is."""


class WarmingEnvoy:
    """State of the world; `active` and `warming` are its clusters by name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = Sotw(world)
        self.active: dict[str, str] = {}
        self.warming: dict[str, str] = {}
        self.asked: set[str] = set()
        self.answer: tuple[str, bool] | None = None
        self.client.asks("cds")
        self.version = ""

    def reconnect(self) -> None:
        """Open a new stream, and say what is asked for."""
        self.client = Sotw(self.world)
        self.answer = None
        self.client.asks("cds", version=self.version)
        if self.asked:
            self.client.asks("eds", " ".join(sorted(self.asked)), version="any")

    def hear(self) -> None:
        """Take in everything that the server says."""
        while (got := self.client.next()) is not None:
            if got.short == "cds":
                self._take_clusters(got)
            else:
                for text in got.content:
                    name = text.partition(".")[0].strip("\n\x01")
                    if name in self.warming:
                        self.active[name] = self.warming.pop(name)
                self.client.acks("eds", " ".join(sorted(self.asked)))
            self._give_answer()

    def _take_clusters(self, got: Got) -> None:
        bodies = [text for text in got.content if not text.startswith("\n")]
        kept = {text.split("\x12")[0][2:].rstrip("\x1a") for text in got.content if text[0] == "\n"}
        clusters = dict(body.split(".") for body in bodies)
        is_taken = WHOLE not in clusters.values()
        self.answer = (got.version, is_taken and PART not in clusters.values())
        if is_taken:
            for name, body in clusters.items():
                if body != PART and self.warming.get(name, self.active.get(name)) != body:
                    self.warming[name] = body
            for known in (self.active, self.warming):
                for name in [name for name in known if name not in clusters and name not in kept]:
                    del known[name]
        asked = {*self.active, *self.warming}
        if asked != self.asked or self.warming:
            self.asked = asked
            nonce = self.client.nonces.get("eds", "")
            self.client.asks("eds", " ".join(sorted(asked)), nonce=nonce)

    def _give_answer(self) -> None:
        if self.answer is None or self.warming:
            return
        version, is_good = self.answer
        self.answer = None
        self.client.offered = version
        if is_good:
            self.version = version
            self.client.acks("cds")
        else:
            self.client.nacks("cds", version=self.version)


EDITS = st.tuples(st.sampled_from(NAMES), st.sampled_from(["1", "2", "3", WHOLE, PART, "-"]))
MOVES = st.lists(
    st.one_of(
        st.lists(EDITS, min_size=1, max_size=5), st.sampled_from(["hear", "hear", "late", "again"])
    ),
    max_size=25,
)


def edit(world: World, edits: list[tuple[str, str]]) -> None:
    for name, body in edits:
        if body == "-":
            world.remove("cds", name).remove("eds", name)
        else:
            world.set("cds", name, f"{name}.{body}", needs=name).set("eds", name, f"{name}.e")
    world.publish()


def clusters(world: World) -> dict[str, str]:
    """Name → body of all that there are."""
    by_name = world.current.resources(TYPES["cds"]).by_name
    return {name: made.body.decode().partition(".")[2] for name, made in by_name.items()}


@settings(max_examples=300, deadline=None)
@given(MOVES)
@example([[("d", "-")], "hear", [("a", "2"), ("b", WHOLE), ("d", "2")], "hear"])
@example(
    [[("d", "-")], "hear", [("a", "2"), ("b", WHOLE)], "hear", [("a", "1"), ("c", WHOLE)], "hear"]
)
def test_no_cluster_warms_for_ever(moves: list[list[tuple[str, str]] | str]) -> None:
    world = World()
    edit(world, [(name, "1") for name in NAMES])
    envoy = WarmingEnvoy(world)
    for move in moves:
        if isinstance(move, list):
            edit(world, move)
        elif move == "late":
            envoy.client.passes(11)
        elif move == "again":
            envoy.reconnect()
        else:
            envoy.hear()
    edit(world, [(name, "4") for name, body in clusters(world).items() if body in {WHOLE, PART}])
    for _ in range(4):
        envoy.hear()
        envoy.client.passes(11)
    envoy.client.hears_no_more()
    assert envoy.warming == {}
    assert envoy.active == clusters(world)
    envoy.client.hears_no_more()
