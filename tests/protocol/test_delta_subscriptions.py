"""Delta: who asks for what is answered with exactly that."""

from __future__ import annotations

import pytest

from tests.support.fakes.script import TYPES, Delta, Got, World
from xds_server.ads.limits import StreamLimits
from xds_server.errors import LimitExceededError


def test_first_request_without_names_asks_for_everything() -> None:
    world = World().set("cds", "a", "1").set("cds", "b", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds", "a=1 b=1")
    envoy.acks("cds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [1]


def test_star_asks_for_everything() -> None:
    world = World().set("cds", "a", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds", "*")
    envoy.gets("cds", "a=1")
    envoy.acks("cds")
    envoy.hears_no_more()


@pytest.mark.parametrize("short", ["cds", "lds", "sds"])
def test_first_request_is_answered_even_with_nothing(short: str) -> None:
    envoy = Delta(World())
    envoy.asks(short)
    envoy.gets(short)
    envoy.acks(short)
    envoy.hears_no_more()


def test_named_request_is_answered_by_name() -> None:
    world = World().set("eds", "a", "1").set("eds", "b", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("eds", "a")
    envoy.gets("eds", "a=1")
    envoy.acks("eds")
    envoy.hears_no_more()
    world.set("eds", "b", "2").publish()
    envoy.hears_no_more()
    world.set("eds", "a", "2").publish()
    envoy.gets("eds", "a=2")
    envoy.acks("eds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [1, 2, 3]


def blanks(got: Got | None) -> list[str]:
    """The names of a response that has nothing else in it."""
    assert got is not None
    assert not any(text.startswith("-") for text in got.content)
    return list(got.versions)


@pytest.mark.parametrize(("child", "parent"), [("eds", "cds"), ("rds", "lds")])
def test_unknown_name_is_answered_empty_where_its_parent_is_held(child: str, parent: str) -> None:
    world = World()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds")
    envoy.acks("cds")
    if parent != "cds":
        envoy.asks(parent)
        envoy.gets(parent)
        envoy.acks(parent)
    envoy.asks(child, "a")
    assert blanks(envoy.next()) == ["a"]
    envoy.acks(child)
    envoy.hears_no_more()
    world.set(child, "a", "1").publish()
    envoy.gets(child, "a=1")
    envoy.acks(child)
    envoy.hears_no_more()


@pytest.mark.parametrize(("child", "other"), [("eds", "lds"), ("rds", "cds")])
def test_unknown_name_is_called_removed_where_no_parent_is_held(child: str, other: str) -> None:
    world = World()
    envoy = Delta(world)
    envoy.asks(other)
    envoy.gets(other)
    envoy.acks(other)
    envoy.asks(child, "a")
    envoy.gets(child, "-a")
    envoy.acks(child)
    envoy.hears_no_more()
    world.set(child, "a", "1").publish()
    envoy.gets(child, "a=1")
    envoy.acks(child)
    world.remove(child, "a").publish()
    envoy.gets(child, "-a")
    envoy.acks(child)
    envoy.hears_no_more()


def test_names_that_a_reconnected_client_has_and_nobody_else_are_called_removed() -> None:
    world = World().set("eds", "b", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("eds", "a b", has={"a": "any"})
    envoy.gets("eds", "b=1 -a")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_a_parent_that_is_asked_for_later_needs_what_was_called_removed() -> None:
    world = World().set("lds", "l", "1", needs="r")
    world.publish()
    envoy = Delta(world)
    envoy.asks("rds", "r other")
    envoy.gets("rds", "-r -other")
    envoy.acks("rds")
    envoy.asks("lds")
    envoy.gets("lds", "l=1")
    envoy.acks("lds")
    assert blanks(envoy.next()) == ["r"]
    envoy.acks("rds")
    envoy.hears_no_more()


def test_clusters_asked_for_later_get_empty_endpoints() -> None:
    world = World().set("cds", "a", "1", needs="a")
    world.publish()
    envoy = Delta(world)
    envoy.asks("eds", "a")
    envoy.gets("eds", "-a")
    envoy.acks("eds")
    envoy.asks("cds")
    envoy.gets("cds", "a=1")
    assert blanks(envoy.next()) == ["a"]
    envoy.acks("eds")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_unknown_route_is_answered_with_an_empty_one_and_never_removed() -> None:
    world = World().set("lds", "l", "1", needs="r")
    world.publish()
    envoy = Delta(world)
    envoy.asks("lds")
    envoy.gets("lds", "l=1")
    envoy.acks("lds")
    envoy.asks("rds", "r")
    got = envoy.next()
    assert got is not None
    assert list(got.versions) == ["r"]
    assert not any(text.startswith("-") for text in got.content)
    envoy.acks("rds")
    world.set("rds", "r", "1").publish()
    envoy.gets("rds", "r=1")
    envoy.acks("rds")
    world.remove("rds", "r").publish()
    got = envoy.next()
    assert got is not None
    assert list(got.versions) == ["r"], "a listener still asks for it: it is emptied"
    envoy.acks("rds")
    envoy.hears_no_more()


def test_route_that_went_with_its_listener_is_left_to_the_client() -> None:
    world = World().set("lds", "l", "1", needs="r").set("rds", "r", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("lds")
    envoy.gets("lds", "l=1")
    envoy.acks("lds")
    envoy.asks("rds", "r")
    envoy.gets("rds", "r=1")
    envoy.acks("rds")
    world.remove("lds", "l").remove("rds", "r").publish()
    envoy.gets("lds", "-l")
    envoy.acks("lds")
    envoy.hears_no_more()
    envoy.asks("rds", drops="r")
    envoy.hears_no_more()


@pytest.mark.parametrize("short", ["vhds", "sds"])
def test_unknown_name_of_another_type_is_removed(short: str) -> None:
    envoy = Delta(World())
    envoy.asks(short, "x")
    envoy.gets(short, "-x")
    envoy.acks(short)
    envoy.hears_no_more()


def test_cluster_on_demand_is_answered_beside_the_wildcard() -> None:
    world = World().set("cds", "a", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds", "a=1")
    envoy.acks("cds")
    envoy.asks("cds", "lazy")
    envoy.gets("cds", "-lazy")
    envoy.acks("cds")
    world.set("cds", "lazy", "1").publish()
    envoy.gets("cds", "lazy=1")
    envoy.acks("cds")
    world.set("cds", "b", "1").publish()
    envoy.gets("cds", "b=1")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_known_name_asked_for_again_is_sent_again() -> None:
    world = World().set("eds", "a", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("eds", "a")
    envoy.gets("eds", "a=1")
    envoy.acks("eds", "a")
    envoy.gets("eds", "a=1")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_name_given_up_and_asked_for_again_is_sent_again() -> None:
    world = World().set("eds", "a", "1").set("eds", "b", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("eds", "a b")
    envoy.gets("eds", "a=1 b=1")
    envoy.acks("eds", drops="a")
    envoy.hears_no_more()
    world.set("eds", "a", "2").publish()
    envoy.hears_no_more()
    envoy.asks("eds", "a")
    envoy.gets("eds", "a=2")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_giving_up_one_name_is_no_removal_of_it() -> None:
    world = World().set("sds", "a", "1").set("sds", "b", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("sds", "a b")
    envoy.gets("sds", "a=1 b=1")
    envoy.acks("sds")
    envoy.asks("sds", drops="a")
    envoy.hears_no_more()
    world.remove("sds", "b").publish()
    envoy.gets("sds", "-b")
    envoy.acks("sds")
    envoy.hears_no_more()


def test_name_given_up_that_the_wildcard_covers_is_told_again() -> None:
    world = World().set("cds", "a", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds", "* a gone")
    envoy.gets("cds", "a=1 -gone")
    envoy.acks("cds")
    envoy.asks("cds", drops="a gone")
    envoy.gets("cds", "a=1 -gone")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_giving_up_the_wildcard_leaves_the_names() -> None:
    world = World().set("sds", "a", "1").set("sds", "b", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("sds", "* a")
    envoy.gets("sds", "a=1 b=1")
    envoy.acks("sds", drops="*")
    world.set("sds", "a", "2").set("sds", "b", "2").publish()
    envoy.gets("sds", "a=2")
    envoy.acks("sds")
    envoy.hears_no_more()


def test_names_asked_for_while_an_answer_is_outstanding_come_next() -> None:
    world = World().set("eds", "a", "1").set("eds", "b", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("eds", "a")
    envoy.gets("eds", "a=1")
    envoy.asks("eds", "b")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.gets("eds", "b=1")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_nothing_is_asked_for_by_a_first_endpoints_request_without_names() -> None:
    world = World().set("eds", "a", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("eds")
    envoy.hears_no_more()
    envoy.asks("eds", "a")
    envoy.gets("eds", "a=1")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_types_and_names_have_limits() -> None:
    envoy = Delta(World(), StreamLimits(types=1, names=2))
    envoy.asks("eds", "a b")
    with pytest.raises(LimitExceededError, match="3 names"):
        envoy.asks("eds", "c")
    with pytest.raises(LimitExceededError, match="one too many"):
        envoy.asks("cds")


def test_too_large_a_response_ends_the_stream_with_the_reason() -> None:
    world = World().set("cds", "a", "x" * 2000)
    world.publish()
    envoy = Delta(world, StreamLimits(pending_bytes=1000))
    envoy.asks("cds")
    with pytest.raises(LimitExceededError, match="the limit is 1000"):
        envoy.next()


def test_large_answers_come_in_parts_one_at_a_time() -> None:
    world = World()
    for name in "abc":
        world.set("cds", name, name * 400)
    world.publish()
    envoy = Delta(world, StreamLimits(response_bytes=1000))
    envoy.asks("cds")
    first = envoy.next()
    assert first is not None
    assert len(first.versions) == 2
    envoy.hears_no_more()
    assert envoy.diary.settlements == []
    envoy.acks("cds")
    second = envoy.next()
    assert second is not None
    assert len(second.versions) == 1
    envoy.acks("cds")
    envoy.hears_no_more()
    assert set(first.versions) | set(second.versions) == {"a", "b", "c"}
    assert envoy.diary.settlements == [1]


def test_type_url_of_the_answer_is_that_of_the_request() -> None:
    envoy = Delta(World())
    envoy.asks("sds")
    got = envoy.next()
    assert got is not None
    assert TYPES[got.short].endswith("Secret")


def test_no_more_than_the_limit_is_sent_unanswered() -> None:
    world = World().set("cds", "a", "x" * 600).set("sds", "s", "x" * 600)
    world.publish()
    envoy = Delta(world, StreamLimits(pending_bytes=1000))
    envoy.asks("cds")
    envoy.asks("sds")
    first = envoy.next()
    assert first is not None
    assert first.short == "cds"
    envoy.hears_no_more()
    envoy.acks("cds")
    second = envoy.next()
    assert second is not None
    assert second.short == "sds"
    envoy.acks("sds")
    envoy.hears_no_more()


def test_client_that_answers_nothing_is_ended_when_more_waits_for_too_long() -> None:
    world = World().set("cds", "a", "x" * 600).set("sds", "s", "x" * 600)
    world.publish()
    envoy = Delta(world, StreamLimits(pending_bytes=1000))
    envoy.asks("cds")
    envoy.asks("sds")
    assert envoy.next() is not None
    envoy.hears_no_more()
    envoy.passes(11)
    with pytest.raises(LimitExceededError, match="too slow or stuck"):
        envoy.next()
