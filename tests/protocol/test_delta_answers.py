"""Delta: what an answer means, and what a reconnecting client is told."""

from __future__ import annotations

from tests.protocol.script import Delta, World
from tests.protocol.test_delta_order import started
from xds_server.ads.subscription import SubscriptionPool


def test_rejected_bytes_are_not_sent_again() -> None:
    world = World().set("cds", "a", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds", "a=1")
    envoy.acks("cds")
    world.set("cds", "a", "bad").publish()
    envoy.gets("cds", "a=bad")
    envoy.nacks("cds", "no such field")
    envoy.hears_no_more()
    assert envoy.diary.nacks == ["cds a: no such field"]
    assert envoy.diary.settlements[-1] == 2, "a rejection settles"
    world.set("cds", "b", "1").publish()
    envoy.gets("cds", "b=1")
    envoy.acks("cds")
    world.set("cds", "a", "3").publish()
    envoy.gets("cds", "a=3")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_last_good_bytes_after_a_rejection_are_sent() -> None:
    world = World().set("cds", "a", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds", "a=1")
    envoy.acks("cds")
    world.set("cds", "a", "bad").publish()
    envoy.gets("cds", "a=bad")
    envoy.nacks("cds")
    world.set("cds", "a", "1").publish()
    envoy.gets("cds", "a=1")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_stale_nonce_changes_nothing() -> None:
    world = World().set("cds", "a", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    first = envoy.gets("cds", "a=1")
    envoy.acks("cds")
    world.set("cds", "a", "2").publish()
    envoy.gets("cds", "a=2")
    envoy.acks("cds", nonce=first.nonce)
    envoy.acks("cds", nonce="never-sent")
    envoy.nacks("cds", nonce="never-sent")
    world.set("cds", "a", "3").publish()
    envoy.hears_no_more()
    envoy.acks("cds")
    envoy.gets("cds", "a=3")
    envoy.acks("cds")
    envoy.hears_no_more()
    assert envoy.diary.acks == ["cds a"] * 3
    assert envoy.diary.nacks == []


def test_answer_given_twice_counts_once() -> None:
    world = World().set("cds", "a", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds", "a=1")
    envoy.acks("cds")
    envoy.acks("cds")
    envoy.hears_no_more()
    assert envoy.diary.acks == ["cds a"]


def test_subscription_in_a_request_with_a_stale_nonce_counts() -> None:
    world = World().set("eds", "a", "1").set("eds", "b", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("eds", "a")
    envoy.gets("eds", "a=1")
    envoy.acks("eds")
    envoy.asks("eds", "b", nonce="stale")
    envoy.gets("eds", "b=1")
    envoy.acks("eds")
    envoy.hears_no_more()


def versions(envoy: Delta, short: str) -> dict[str, str]:
    return dict(envoy.held[short])


def test_reconnected_client_is_sent_nothing_that_it_has() -> None:
    world = World()
    before = started(world)
    envoy = Delta(world)
    envoy.asks("cds", has=versions(before, "cds"))
    envoy.asks("eds", "a", has=versions(before, "eds"))
    envoy.asks("lds", has=versions(before, "lds"))
    envoy.asks("rds", "r", has=versions(before, "rds"))
    envoy.asks("vhds", has=versions(before, "vhds"))
    envoy.gets("cds")
    envoy.gets("eds")
    envoy.hears_no_more()
    envoy.acks("cds")
    envoy.acks("eds")
    envoy.gets("lds")
    envoy.gets("rds")
    envoy.hears_no_more()
    envoy.acks("lds")
    envoy.acks("rds")
    envoy.gets("vhds")
    envoy.acks("vhds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [1]


def test_reconnected_client_is_sent_the_difference_in_order() -> None:
    world = World()
    before = started(world)
    world.set("cds", "b", "1", needs="b").set("eds", "b", "1").set("vhds", "r/h", "b")
    world.remove("cds", "a").remove("eds", "a").publish()
    envoy = Delta(world)
    envoy.asks("cds", has=versions(before, "cds"))
    envoy.asks("eds", "a", has=versions(before, "eds"))
    envoy.asks("lds", has=versions(before, "lds"))
    envoy.asks("rds", "r", has=versions(before, "rds"))
    envoy.asks("vhds", has=versions(before, "vhds"))
    envoy.gets("cds", "b=1")
    envoy.gets("eds")
    envoy.asks("eds", "b")
    envoy.acks("eds")
    envoy.gets("eds", "b=1")
    envoy.acks("eds")
    envoy.acks("cds")
    envoy.gets("lds")
    envoy.gets("rds")
    envoy.acks("lds")
    envoy.acks("rds")
    envoy.gets("vhds", "r/h=b")
    envoy.hears_no_more()
    envoy.acks("vhds")
    envoy.gets("cds", "-a")
    envoy.asks("eds", drops="a")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_reconnected_client_gets_endpoints_of_a_changed_cluster_again() -> None:
    world = World()
    before = started(world)
    world.set("cds", "a", "2", needs="a").publish()
    envoy = Delta(world)
    envoy.asks("cds", has=versions(before, "cds"))
    envoy.gets("cds", "a=2")
    envoy.asks("eds", "a", has=versions(before, "eds"))
    envoy.gets("eds", "a=1")
    envoy.acks("eds")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_client_that_kept_the_wildcard_beside_names_is_understood() -> None:
    world = World().set("cds", "a", "1").set("cds", "lazy", "1")
    world.publish()
    before = Delta(world)
    before.asks("cds")
    before.gets("cds", "a=1 lazy=1")
    world.set("cds", "a", "2").publish()
    envoy = Delta(world)
    envoy.asks("cds", "* lazy", has=versions(before, "cds"))
    envoy.gets("cds", "a=2")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_clients_that_ask_for_the_same_share_bytes_and_state() -> None:
    world = World().set("eds", "a", "1").set("eds", "b", "1")
    world.publish()
    pool = SubscriptionPool()
    one, two = Delta(world, pool=pool), Delta(world, pool=pool)
    for envoy in (one, two):
        envoy.asks("eds", "a b")
        envoy.gets("eds", "a=1 b=1")
        envoy.acks("eds")
    world.set("eds", "a", "2").publish()
    for envoy in (one, two):
        envoy.gets("eds", "a=2")
    [first] = one.stream.watched.values()
    [second] = two.stream.watched.values()
    assert first.subscription is second.subscription
    assert first.sent is second.sent
    assert first.inflight is second.inflight
