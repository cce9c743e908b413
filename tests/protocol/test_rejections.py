"""A response rejected as a whole: what was innocent in it comes again, and nothing loops."""

from __future__ import annotations

from tests.support.fakes.script import Delta, Sotw, World


def with_hosts() -> tuple[World, Delta]:
    """A delta client that holds the hosts a, b and c."""
    world = World().set("rds", "r", "1", needs="*")
    for name in "abc":
        world.set("vhds", f"r/{name}", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("rds", "r")
    envoy.gets("rds", "r=1")
    envoy.acks("rds")
    envoy.asks("vhds")
    envoy.gets("vhds", "r/a=1 r/b=1 r/c=1")
    envoy.acks("vhds")
    envoy.hears_no_more()
    return world, envoy


def test_innocents_of_a_rejected_response_come_with_what_replaces_the_guilty() -> None:
    world, envoy = with_hosts()
    world.set("vhds", "r/a", "bad").set("vhds", "r/b", "2").publish()
    envoy.gets("vhds", "r/a=bad r/b=2")
    envoy.nacks("vhds")
    envoy.hears_no_more()
    world.set("vhds", "r/a", "1").publish()
    envoy.gets("vhds", "r/a=1 r/b=2")
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_removals_of_a_rejected_response_come_again() -> None:
    world, envoy = with_hosts()
    world.set("vhds", "r/a", "bad").remove("vhds", "r/c").publish()
    envoy.gets("vhds", "r/a=bad -r/c")
    envoy.nacks("vhds")
    envoy.hears_no_more()
    world.set("vhds", "r/a", "2").publish()
    envoy.gets("vhds", "r/a=2 -r/c")
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_other_changes_do_not_bring_back_what_was_rejected() -> None:
    world, envoy = with_hosts()
    world.set("vhds", "r/a", "bad").publish()
    envoy.gets("vhds", "r/a=bad")
    envoy.nacks("vhds")
    world.set("vhds", "r/b", "2").publish()
    envoy.gets("vhds", "r/b=2")
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_what_was_sent_again_since_is_not_sent_once_more() -> None:
    world, envoy = with_hosts()
    world.set("vhds", "r/a", "bad").set("vhds", "r/b", "2").publish()
    envoy.gets("vhds", "r/a=bad r/b=2")
    envoy.nacks("vhds")
    world.set("vhds", "r/b", "3").publish()
    envoy.gets("vhds", "r/b=3 r/a=bad")
    envoy.nacks("vhds")
    world.set("vhds", "r/a", "1").publish()
    envoy.gets("vhds", "r/b=3 r/a=1")
    envoy.acks("vhds")
    world.set("vhds", "r/a", "4").publish()
    envoy.gets("vhds", "r/a=4")
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_two_rejected_responses_are_told_apart() -> None:
    world, envoy = with_hosts()
    for name in "ab":
        world.set("vhds", f"r/{name}", "bad").publish()
        envoy.gets("vhds", f"r/{name}=bad")
        envoy.nacks("vhds")
    world.set("vhds", "r/b", "2").publish()
    envoy.gets("vhds", "r/b=2")
    envoy.acks("vhds")
    world.set("vhds", "r/a", "2").publish()
    envoy.gets("vhds", "r/a=2")
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_state_of_the_world_gets_innocent_routes_again() -> None:
    world = World().set("rds", "r", "r1").set("rds", "s", "s1")
    world.publish()
    client = Sotw(world)
    client.asks("rds", "r s")
    client.gets("rds", "r1 s1")
    client.acks("rds")
    world.set("rds", "r", "bad").set("rds", "s", "s2").publish()
    client.gets("rds", "bad s2")
    client.nacks("rds")
    client.hears_no_more()
    world.set("rds", "r", "r1").publish()
    client.gets("rds", "r1 s2")
    client.acks("rds")
    client.hears_no_more()


def test_names_given_up_meanwhile_are_not_owed() -> None:
    world = World().set("eds", "a", "1").set("eds", "b", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("eds", "a b")
    envoy.gets("eds", "a=1 b=1")
    envoy.nacks("eds")
    envoy.asks("eds", drops="b")
    world.set("eds", "a", "2").publish()
    envoy.gets("eds", "a=2")
    envoy.acks("eds")
    envoy.hears_no_more()
