"""Whatever happens in whatever order, a client ends with exactly what there is.

And it never routes to a cluster that it lacks. A simulated Envoy applies what it gets, asks for
what that needs, and answers late and in any order across types. The world swaps clusters,
endpoints, hosts and listeners; each published snapshot is closed: whatever it refers to is in it.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fakes.script import LIMITS, TYPES, Delta, Got, Sotw, World
from xds_server.ads.limits import StreamLimits

NAMES = ("a", "b", "c", "d")
IN_PARTS = replace(LIMITS, response_bytes=1)
Edit = tuple[str, str, int]


class SimulatedEnvoy:
    """Delta. Holds what it was sent, keeps answers back until told to give them."""

    def __init__(self, world: World, limits: StreamLimits) -> None:
        self.world = world
        self.limits = limits
        self.client = Delta(world, limits)
        self.versions: dict[str, dict[str, str]] = {}
        self.held: dict[str, dict[str, str]] = {}
        self.asked: dict[str, set[str]] = {"eds": set(), "rds": set()}
        self.to_resend: list[Got] = []
        self.has_asked_for_listeners = False
        self.has_asked_for_hosts = False
        self.client.asks("cds")

    def hear(self) -> None:
        while (got := self.client.next()) is not None:
            self._apply(got)
            self.to_resend.append(got)
            self._check()

    def answer(self, index: int) -> None:
        got = self.to_resend.pop(index % len(self.to_resend))
        self.client.acks(got.short, nonce=got.nonce)
        if got.short == "cds" and not self.has_asked_for_listeners:
            self.has_asked_for_listeners = True
            self.client.asks("lds")

    def reconnect(self) -> None:
        """Open a new stream and say what is held, as Envoy does: all types at once, in order."""
        self.client.stream.watch.cancel()
        self.client, self.to_resend = Delta(self.world, self.limits), []
        for short in ("cds", "eds", "lds", "rds", "vhds"):
            if short == "lds" and not self.has_asked_for_listeners:
                continue
            if short == "vhds" and not self.has_asked_for_hosts:
                continue
            names = " ".join(sorted(self.asked.get(short, ())))
            has = {name: self.versions[short][name] for name in self.held.get(short, ())}
            if names or short not in self.asked:
                self.client.asks(short, names, has=has)

    def _apply(self, got: Got) -> None:
        held = self.held.setdefault(got.short, {})
        self.versions.setdefault(got.short, {}).update(got.versions)
        for text in got.content:
            if text.startswith("-"):
                held.pop(text[1:], None)
                continue
            name, _, body = text.partition("=")
            # What was on its way when it was given up is ignored: nothing in Envoy watches it.
            if name in self.asked.get(got.short, {name}):
                held[name] = body
        if got.short == "cds":
            self._want("eds", set(held))
        if got.short == "lds":
            self._want("rds", set(held.values()))
        if got.short == "rds" and not self.has_asked_for_hosts:
            self.has_asked_for_hosts = True
            self.client.asks("vhds")

    def _want(self, short: str, names: set[str]) -> None:
        new, old = sorted(names - self.asked[short]), sorted(self.asked[short] - names)
        self.asked[short] = names
        if new or old:
            self.client.asks(short, " ".join(new), drops=" ".join(old))
        for name in old:
            self.held.get(short, {}).pop(name, None)

    def _check(self) -> None:
        for route, cluster in self.held.get("vhds", {}).items():
            if route.partition("/")[0] in self.asked["rds"]:
                assert cluster in self.held["cds"], (route, cluster, self.held)
                assert self.held["eds"].get(cluster, "").startswith("host"), (route, cluster)


class Author:
    """Edits a world so that each snapshot is closed.

    Cluster NAME needs endpoints NAME; host R/h has the cluster as its body.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.hosts: dict[str, str] = {}
        self.present: set[str] = set()
        self.apply(("route", "a", 0))

    def apply(self, edit: Edit) -> None:
        kind, name, number = edit
        if kind == "route":
            self.hosts[f"r{number % 2}"] = name
        elif kind == "unroute" and len(self.hosts) > 1:
            self.hosts.pop(f"r{number % 2}", None)
        wanted = set(self.hosts.values())
        if kind == "extra":
            wanted.add(name)
        for new in wanted - self.present:
            self.world.set("cds", new, f"v{number}", needs=new).set("eds", new, f"host{number}")
        for old in self.present - wanted:
            self.world.remove("cds", old).remove("eds", old)
        self.present = wanted
        if kind == "endpoints" and name in wanted:
            self.world.set("eds", name, f"host{number}")
        if kind == "cluster" and name in wanted:
            self.world.set("cds", name, f"v{number}", needs=name)
        self._listeners()

    def _listeners(self) -> None:
        for route in ("r0", "r1"):
            if route in self.hosts:
                self.world.set("lds", f"l-{route}", route, needs=route)
                self.world.set("rds", route, "vhds", needs="*")
                self.world.set("vhds", f"{route}/h", self.hosts[route])
            else:
                self.world.remove("lds", f"l-{route}").remove("rds", route)
                self.world.remove("vhds", f"{route}/h")
        self.world.publish()


EDITS = st.tuples(
    st.sampled_from(["route", "route", "route", "unroute", "extra", "endpoints", "cluster"]),
    st.sampled_from(NAMES),
    st.integers(0, 5),
)
MOVES = st.lists(st.one_of(EDITS, st.integers(0, 3), st.just("hear")), max_size=40)


def content(world: World, short: str) -> dict[str, str]:
    """Name → body of all that there is of a type."""
    by_name = world.current.resources(TYPES[short]).by_name
    return {name: resource.body.decode() for name, resource in by_name.items()}


@settings(max_examples=150, deadline=None)
@given(MOVES, st.sampled_from([LIMITS, IN_PARTS]))
def test_any_order_ends_in_the_same_state_and_never_routes_to_nothing(
    moves: list[Edit | int | str], limits: StreamLimits
) -> None:
    world = World()
    author = Author(world)
    envoy = SimulatedEnvoy(world, limits)
    for move in moves:
        if isinstance(move, tuple):
            author.apply(move)
        elif move == "reconnect":
            envoy.reconnect()
        elif isinstance(move, int) and envoy.to_resend:
            envoy.answer(move)
        else:
            envoy.hear()
    envoy.hear()
    while envoy.to_resend:
        envoy.answer(0)
        envoy.hear()
    envoy.client.hears_no_more()
    assert envoy.held == {
        short: content(world, short) for short in ("cds", "eds", "lds", "rds", "vhds")
    }
    assert envoy.client.diary.warnings == []
    assert envoy.client.diary.settlements[-1] == world.current.revision


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(EDITS, st.booleans()), max_size=40))
def test_any_order_ends_in_the_same_state_for_sotw(moves: list[Edit | bool]) -> None:
    world = World()
    for name in NAMES:
        world.set("cds", name, f"{name}.0").publish()
    client = Sotw(world)
    client.asks("cds")
    client.asks("sds", "a b")
    held: dict[str, dict[str, str]] = {"cds": {}, "sds": {}}

    def hear(*, is_accepted: bool) -> bool:
        got = client.next()
        if got is None:
            return False
        # Blanks keep clusters that were rejected, and so are none that the client would hold.
        heard = dict(text.split(".") for text in got.content if not text.startswith("\n"))
        held[got.short] = heard if got.short == "cds" else {**held[got.short], **heard}
        if is_accepted:
            client.acks(got.short)
        else:
            client.nacks(got.short)
        return True

    for move in moves:
        if isinstance(move, bool):
            hear(is_accepted=move)
            continue
        kind, name, number = move
        if kind == "unroute":
            world.remove("cds", name).publish()
        else:
            world.set("sds", name, f"{name}.{number}").set(
                "cds", name, f"{name}.{number}"
            ).publish()
    while hear(is_accepted=True):
        pass
    assert held["cds"] == {
        name: body.partition(".")[2] for name, body in content(world, "cds").items()
    }
    client.hears_no_more()
