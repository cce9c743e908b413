"""Resources of one's own: two proxies that hold the same, but for a secret that each has alone."""

from __future__ import annotations

import pytest

from tests.support.fakes.script import TYPES, Delta, World
from xds_server.ads.subscription import SubscriptionPool


class Pair:
    """Two proxies of one group: one set of clusters, one trust bundle, and a secret for each."""

    def __init__(self) -> None:
        self.one = World().set("cds", "a", "1", needs="a").set("eds", "a", "1")
        self.one.set("sds", "bundle", "roots")
        self.two = World()
        self.two.by_type = dict(self.one.by_type)
        self.one.set("sds", "own", "key-one")
        self.two.set("sds", "own", "key-two")
        self.publish()
        self.pool = SubscriptionPool()

    def publish(self) -> None:
        self.one.publish()
        self.two.publish()

    def share(self, short: str, name: str, body: str) -> None:
        """Publish a change of what both hold."""
        self.one.set(short, name, body, needs="a" if short == "cds" else "")
        self.two.by_type[TYPES[short]] = self.one.by_type[TYPES[short]]
        self.publish()

    def connect(self, world: World, names: str, has: dict[str, str] | None = None) -> Delta:
        envoy = Delta(world, pool=self.pool)
        envoy.asks("cds")
        envoy.gets("cds", "a=1")
        envoy.acks("cds")
        envoy.asks("eds", "a")
        envoy.gets("eds", "a=1")
        envoy.acks("eds")
        envoy.asks("sds", names, has=has)
        return envoy

    def both(self, names: str) -> tuple[Delta, Delta]:
        """Two clients that have taken everything."""
        one, two = self.connect(self.one, names), self.connect(self.two, names)
        one.gets("sds", "bundle=roots own=key-one")
        two.gets("sds", "bundle=roots own=key-two")
        for envoy in (one, two):
            envoy.acks("sds")
            envoy.hears_no_more()
        return one, two


NAMES = pytest.mark.parametrize("names", ["bundle own", "*", "* own"])


@NAMES
def test_each_is_sent_its_own_secret_and_the_same_of_all_else(names: str) -> None:
    one, two = Pair().both(names)
    first, second = one.stream.watched, two.stream.watched
    for short in ("cds", "eds"):
        assert first[TYPES[short]].sent is second[TYPES[short]].sent
    assert first[TYPES["sds"]].subscription is second[TYPES["sds"]].subscription
    assert first[TYPES["sds"]].sent is not second[TYPES["sds"]].sent


@NAMES
def test_rotation_of_one_secret_is_silent_for_the_other(names: str) -> None:
    pair = Pair()
    one, two = pair.both(names)
    for number in range(3):
        pair.one.set("sds", "own", f"key-one-{number}")
        pair.publish()
        one.gets("sds", f"own=key-one-{number}")
        one.acks("sds")
        one.hears_no_more()
        two.hears_no_more()
    pair.two.set("sds", "own", "key-two-2")
    pair.publish()
    one.hears_no_more()
    two.gets("sds", "own=key-two-2")
    two.acks("sds")
    two.hears_no_more()
    assert one.diary.settlements[-1] == pair.one.current.revision
    assert two.diary.settlements[-1] == pair.two.current.revision


def test_shared_change_is_one_response_for_both() -> None:
    pair = Pair()
    one, two = pair.both("bundle own")
    pair.share("eds", "a", "2")
    for envoy in (one, two):
        envoy.gets("eds", "a=2")
    eds = TYPES["eds"]
    assert one.stream.watched[eds].inflight is two.stream.watched[eds].inflight
    for envoy in (one, two):
        envoy.acks("eds")
        envoy.hears_no_more()


def test_secrets_neither_wait_for_other_types_nor_hold_them_up() -> None:
    pair = Pair()
    one, _ = pair.both("own bundle")
    pair.one.set("sds", "own", "key-one-2")
    pair.share("cds", "a", "2")
    one.gets("cds", "a=2")
    one.gets("eds", "a=1")
    one.gets("sds", "own=key-one-2")
    one.hears_no_more()
    one.asks("lds")
    one.acks("cds")
    one.acks("eds")
    one.gets("lds")
    one.acks("lds")
    one.acks("sds")
    one.hears_no_more()


def test_rejected_secret_is_its_proxy_s_own_matter() -> None:
    pair = Pair()
    one, two = pair.both("bundle own")
    pair.one.set("sds", "own", "no-key")
    pair.publish()
    one.gets("sds", "own=no-key")
    one.nacks("sds", "not a key")
    one.hears_no_more()
    two.hears_no_more()
    pair.one.set("sds", "own", "key-one")
    pair.publish()
    one.gets("sds", "own=key-one")
    one.acks("sds")
    one.hears_no_more()
    two.hears_no_more()
    assert one.diary.nacks == ["sds own: not a key"]
    assert two.diary.nacks == []


def test_reconnected_proxy_is_sent_nothing_but_a_secret_that_is_not_its_own() -> None:
    pair = Pair()
    one, two = pair.both("bundle own")
    again = pair.connect(pair.one, "bundle own", has=dict(one.held["sds"]))
    again.gets("sds")
    again.acks("sds")
    again.hears_no_more()
    stranger = pair.connect(pair.one, "bundle own", has=dict(two.held["sds"]))
    stranger.gets("sds", "own=key-one")
    stranger.acks("sds")
    stranger.hears_no_more()
