"""Responses in parts, and responses that wait for others to be answered: nothing is lost then."""

from __future__ import annotations

from tests.support.fakes.script import Delta, World
from xds_server.ads.limits import StreamLimits

PARTS = StreamLimits(response_bytes=1000)


def in_two_parts() -> tuple[World, Delta]:
    """A client that was sent clusters a and b and did not answer; c comes in a second part."""
    world = World()
    for name in "abc":
        world.set("cds", name, name * 400)
    world.publish()
    envoy = Delta(world, PARTS)
    envoy.asks("cds")
    first = envoy.next()
    assert first is not None
    assert sorted(first.versions) == ["a", "b"]
    return world, envoy


def gets_the_second_part(envoy: Delta) -> None:
    second = envoy.next()
    assert second is not None
    assert list(second.versions) == ["c"]
    envoy.hears_no_more()


def test_change_between_two_parts_follows_them() -> None:
    world, envoy = in_two_parts()
    world.set("cds", "a", "2").publish()
    envoy.hears_no_more()
    envoy.acks("cds")
    gets_the_second_part(envoy)
    envoy.acks("cds")
    envoy.gets("cds", "a=2")
    envoy.acks("cds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [2]


def test_name_asked_for_between_two_parts_is_answered_after_them() -> None:
    _, envoy = in_two_parts()
    envoy.asks("cds", "lazy")
    envoy.acks("cds")
    gets_the_second_part(envoy)
    envoy.acks("cds")
    envoy.gets("cds", "-lazy")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_wildcard_asked_for_again_between_two_parts_is_answered_after_them() -> None:
    _, envoy = in_two_parts()
    envoy.asks("cds", "*")
    envoy.acks("cds")
    gets_the_second_part(envoy)
    envoy.acks("cds")
    again = envoy.next()
    assert again is not None
    assert sorted(again.versions) == ["a", "b"]
    envoy.acks("cds")
    gets_the_second_part(envoy)
    envoy.acks("cds")
    envoy.hears_no_more()


def test_snapshot_without_news_for_the_parts_under_way_is_covered_by_them() -> None:
    world, envoy = in_two_parts()
    envoy.asks("lds")
    world.set("lds", "l", "1").publish()
    envoy.acks("cds")
    gets_the_second_part(envoy)
    envoy.acks("cds")
    envoy.gets("lds", "l=1")
    envoy.acks("lds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [2]


def test_snapshot_without_news_for_what_is_held_is_covered_by_it() -> None:
    large = "x" * 600
    world = World().set("sds", "s", large)
    world.publish()
    envoy = Delta(world, StreamLimits(pending_bytes=1000))
    for short in ("cds", "lds"):
        envoy.asks(short)
        envoy.gets(short)
        envoy.acks(short)
    envoy.asks("sds")
    envoy.gets("sds", f"s={large}")
    world.set("cds", "a", large).publish()
    envoy.hears_no_more()
    world.set("lds", "l", "1").publish()
    envoy.hears_no_more()
    envoy.acks("sds")
    envoy.gets("cds", f"a={large}")
    envoy.hears_no_more()
    envoy.acks("cds")
    envoy.gets("lds", "l=1")
    envoy.acks("lds")
    envoy.hears_no_more()
    assert envoy.diary.warnings == []
