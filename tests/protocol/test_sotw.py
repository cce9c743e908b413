"""State of the world: subscriptions, answers and order, for Envoys and for proxyless gRPC clients."""

from __future__ import annotations

import pytest

from tests.protocol.script import Sotw, World


def started(world: World) -> Sotw:
    """An Envoy that has cluster a with its endpoints, listener l and route r, and has answered everything."""
    world.set("cds", "a", "a1", needs="a").set("eds", "a", "ea1")
    world.set("lds", "l", "l1", needs="r").set("rds", "r", "to-a").publish()
    envoy = Sotw(world)
    envoy.asks("cds")
    envoy.gets("cds", "a1")
    envoy.asks("eds", "a")
    envoy.acks("cds")
    envoy.gets("eds", "ea1")
    envoy.acks("eds")
    envoy.asks("lds")
    envoy.gets("lds", "l1")
    envoy.acks("lds")
    envoy.asks("rds", "r")
    envoy.gets("rds", "to-a")
    envoy.acks("rds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [1]
    return envoy


def test_start_goes_from_clusters_to_routes() -> None:
    started(World())


@pytest.mark.parametrize("short", ["cds", "lds"])
def test_first_request_is_answered_even_with_nothing(short: str) -> None:
    envoy = Sotw(World())
    envoy.asks(short)
    envoy.gets(short)
    envoy.acks(short)
    envoy.hears_no_more()


def test_first_request_on_a_new_stream_is_answered_whatever_its_version() -> None:
    world = World().set("cds", "a", "a1")
    world.publish()
    before = Sotw(world)
    before.asks("cds")
    version = before.gets("cds", "a1").version
    envoy = Sotw(world)
    envoy.asks("cds", version=version)
    envoy.gets("cds", "a1")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_clusters_and_listeners_are_complete_and_endpoints_are_not() -> None:
    world = World()
    envoy = started(world)
    world.set("cds", "b", "b1", needs="b").set("eds", "b", "eb1").publish()
    envoy.gets("cds", "a1 b1")
    envoy.acks("cds")
    envoy.asks("eds", "a b", nonce=envoy.nonces["eds"])
    envoy.gets("eds", "eb1")
    envoy.acks("eds")
    envoy.hears_no_more()
    world.set("eds", "a", "ea2").publish()
    envoy.gets("eds", "ea2")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_versions_come_from_content() -> None:
    one = World().set("cds", "a", "1").set("cds", "b", "1")
    two = World().set("cds", "b", "0")
    one.publish()
    two.publish()
    first, second = Sotw(one), Sotw(two)
    first.asks("cds")
    second.asks("cds")
    version = first.gets("cds", "1 1").version
    assert second.gets("cds", "0").version != version
    second.acks("cds")
    two.set("cds", "b", "1").set("cds", "a", "1").publish()
    assert second.gets("cds", "1 1").version == version


def test_stale_nonce_changes_nothing() -> None:
    world = World()
    envoy = started(world)
    old = envoy.nonces["eds"]
    world.set("eds", "a", "ea2").publish()
    envoy.gets("eds", "ea2")
    envoy.repeats("eds", nonce=old)
    envoy.asks("eds", "a b", nonce=old)
    envoy.hears_no_more()
    world.set("eds", "b", "eb1")
    world.publish()
    envoy.hears_no_more()
    # The answer repeats all names, also the one that crossed.
    envoy.acks("eds", "a b")
    envoy.gets("eds", "eb1")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_request_that_drops_a_name_needs_no_answer() -> None:
    world = World().set("eds", "a", "1").set("eds", "b", "2")
    world.publish()
    envoy = Sotw(world)
    envoy.asks("eds", "a b")
    envoy.gets("eds", "1 2")
    envoy.acks("eds")
    envoy.asks("eds", "a", nonce=envoy.nonces["eds"])
    envoy.hears_no_more()
    world.set("eds", "b", "3").publish()
    envoy.hears_no_more()
    envoy.asks("eds", "a b", nonce=envoy.nonces["eds"])
    envoy.gets("eds", "3")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_unknown_endpoints_are_answered_empty() -> None:
    world = World()
    envoy = Sotw(world)
    envoy.asks("eds", "x")
    got = envoy.next()
    assert got is not None
    assert len(got.content) == 1
    envoy.acks("eds")
    envoy.hears_no_more()
    world.set("eds", "x", "1").publish()
    envoy.gets("eds", "1")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_rejected_bytes_are_not_sent_again() -> None:
    world = World()
    envoy = started(world)
    world.set("cds", "a", "bad", needs="a").publish()
    envoy.gets("cds", "bad")
    envoy.gets("eds", "ea1")
    envoy.acks("eds")
    envoy.offered = "unused"
    envoy.nacks("cds", "no such field")
    envoy.hears_no_more()
    assert envoy.diary.nacks == ["cds a: no such field"]
    world.set("cds", "a", "a2", needs="a").publish()
    envoy.gets("cds", "a2")


def test_error_beside_the_response_s_own_version_is_an_older_response_s() -> None:
    world = World()
    envoy = started(world)
    world.set("cds", "a", "bad", needs="a").publish()
    envoy.gets("cds", "bad")
    envoy.gets("eds", "ea1")
    envoy.acks("eds")
    world.set("cds", "a", "good", needs="a").publish()
    envoy.passes(11)
    version = envoy.gets("cds", "good").version
    envoy.gets("eds", "ea1")
    envoy.nacks("cds", "the bad one", version=version)
    envoy.acks("eds")
    envoy.hears_no_more()
    assert envoy.diary.nacks == ["cds a: the bad one"]
    assert envoy.diary.settlements[-1] == 3
    watched = next(iter(envoy.stream.watched.values()))
    assert watched.accepted is watched.answered


def test_error_beside_its_own_version_is_a_warning_when_nothing_older_is_open() -> None:
    world = World()
    envoy = started(world)
    world.set("cds", "a", "a2").publish()
    version = envoy.gets("cds", "a2").version
    envoy.nacks("cds", "strange", version=version)
    envoy.hears_no_more()
    assert envoy.diary.nacks == []
    assert "strange" in envoy.diary.warnings[0]


def test_swap_of_clusters_is_make_before_break() -> None:
    world = World()
    envoy = started(world)
    world.set("cds", "b", "b1", needs="b").set("eds", "b", "eb1").set("rds", "r", "to-b")
    world.remove("cds", "a").remove("eds", "a").publish()
    envoy.gets("cds", "a1 b1")
    envoy.asks("eds", "a b", nonce=envoy.nonces["eds"])
    envoy.gets("eds", "eb1")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.hears_no_more()
    envoy.offered = "cds"
    envoy.acks("cds")
    envoy.gets("rds", "to-b")
    envoy.hears_no_more()
    envoy.acks("rds")
    envoy.gets("cds", "b1")
    envoy.acks("cds")
    envoy.asks("eds", "b", nonce=envoy.nonces["eds"])
    envoy.hears_no_more()
    assert envoy.diary.warnings == []


def test_changed_cluster_gets_its_endpoints_again_unasked_and_only_once() -> None:
    world = World()
    envoy = started(world)
    old = envoy.nonces["eds"]
    world.set("cds", "a", "a2", needs="a").publish()
    envoy.gets("cds", "a2")
    envoy.repeats("eds", nonce=old)
    envoy.gets("eds", "ea1")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.hears_no_more()


def test_repeated_route_request_after_a_listener_change_is_answered_once() -> None:
    world = World()
    envoy = started(world)
    envoy.repeats("rds")
    envoy.hears_no_more()
    world.set("lds", "l", "l2", needs="r").publish()
    envoy.gets("lds", "l2")
    envoy.acks("lds")
    envoy.hears_no_more()
    envoy.repeats("rds")
    envoy.gets("rds", "to-a")
    envoy.acks("rds")
    envoy.repeats("rds")
    envoy.hears_no_more()


def test_proxyless_client_walks_from_listener_to_endpoints_by_name() -> None:
    world = World().set("lds", "svc", "l1", needs="r").set("rds", "r", "to-a")
    world.set("cds", "a", "a1", needs="a").set("eds", "a", "ea1").set("cds", "b", "b1", needs="b")
    world.set("eds", "b", "eb1").set("lds", "other", "l2").publish()
    client = Sotw(world)
    client.asks("lds", "svc")
    client.gets("lds", "l1")
    client.acks("lds")
    client.asks("rds", "r")
    client.gets("rds", "to-a")
    client.acks("rds")
    client.asks("cds", "a")
    client.gets("cds", "a1")
    client.acks("cds")
    client.asks("eds", "a")
    client.gets("eds", "ea1")
    client.acks("eds")
    client.hears_no_more()
    world.set("rds", "r", "to-b").publish()
    client.gets("rds", "to-b")
    client.acks("rds")
    client.asks("cds", "a b", nonce=client.nonces["cds"])
    client.gets("cds", "a1 b1")
    client.acks("cds")
    client.asks("eds", "a b", nonce=client.nonces["eds"])
    client.gets("eds", "eb1")
    client.acks("eds")
    client.asks("cds", "b", nonce=client.nonces["cds"])
    client.asks("eds", "b", nonce=client.nonces["eds"])
    client.hears_no_more()
    assert client.diary.warnings == []


def test_proxyless_client_is_told_that_a_listener_does_not_exist() -> None:
    client = Sotw(World())
    client.asks("lds", "nowhere")
    client.gets("lds")
    client.acks("lds")
    client.hears_no_more()


def test_giving_up_all_names_is_not_asking_for_everything() -> None:
    world = World().set("lds", "a", "1").set("lds", "b", "2")
    world.publish()
    client = Sotw(world)
    client.asks("lds", "a")
    client.gets("lds", "1")
    client.acks("lds")
    client.asks("lds", "", nonce=client.nonces["lds"])
    client.hears_no_more()
    world.set("lds", "a", "3").publish()
    client.hears_no_more()


def test_one_response_is_outstanding_and_states_between_are_skipped() -> None:
    world = World()
    envoy = started(world)
    for version in range(2, 20):
        world.set("eds", "a", f"ea{version}").publish()
        if version == 2:
            envoy.gets("eds", "ea2")
        envoy.hears_no_more()
    envoy.acks("eds")
    envoy.gets("eds", "ea19")
    envoy.acks("eds")
    envoy.hears_no_more()
