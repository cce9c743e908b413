"""A response rejected as a whole: what was innocent in it comes again, and nothing loops."""

from __future__ import annotations

import pytest

from tests.support.fakes.script import TYPES, Delta, Sotw, World
from xds_server.ads.blank import blank


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


def six_clusters() -> tuple[World, Sotw]:
    """A state-of-the-world Envoy with six clusters and one that will go."""
    world = World()
    names = [*"abcdef", "old"]
    for name in names:
        world.set("cds", name, f"{name}1", needs=name).set("eds", name, f"e-{name}")
    world.set("lds", "l", "l1").publish()
    envoy = Sotw(world)
    envoy.asks("cds")
    envoy.gets("cds", "a1 b1 c1 d1 e1 f1 old1")
    envoy.asks("eds", " ".join(names))
    envoy.acks("cds")
    envoy.gets("eds", "e-a e-b e-c e-d e-e e-f e-old")
    envoy.acks("eds")
    envoy.asks("lds")
    envoy.gets("lds", "l1")
    envoy.acks("lds")
    envoy.hears_no_more()
    return world, envoy


def test_clusters_of_a_response_that_was_refused_as_a_whole_get_their_endpoints_again() -> None:
    world, envoy = six_clusters()
    for name in "abcdef":
        world.set("cds", name, f"{name}2", needs=name)
    world.set("cds", "f", "bad", needs="f").set("cds", "new", "n1", needs="new")
    world.set("eds", "new", "e-new").remove("cds", "old").remove("eds", "old").publish()
    envoy.gets("cds", "a2 b2 c2 d2 e2 bad old1 n1")
    envoy.gets("eds", "e-a e-b e-c e-d e-e e-f")
    envoy.acks("eds")
    envoy.nacks("cds", "f is bad, so none was taken")
    envoy.hears_no_more()
    world.set("cds", "f", "f1", needs="f").publish()
    version = envoy.gets("cds", "a2 b2 c2 d2 e2 f1 n1 old1").version
    # Now they change and warm, as does the new one, for which Envoy asks together with the others.
    envoy.gets("eds", "e-a e-b e-c e-d e-e e-f")
    envoy.hears_no_more()
    envoy.acks("eds", "a b c d e f new old")
    envoy.gets("eds", "e-new")
    envoy.acks("eds")
    envoy.offered = version
    envoy.acks("cds")
    envoy.gets("cds", "a2 b2 c2 d2 e2 f1 n1")
    envoy.acks("cds")
    envoy.hears_no_more()
    assert envoy.diary.warnings == []
    world.set("cds", "a", "a3", needs="a").publish()
    envoy.gets("cds", "a3 b2 c2 d2 e2 f1 n1")
    envoy.gets("eds", "e-a")


def test_clusters_of_two_refused_responses_are_all_in_doubt() -> None:
    world, envoy = six_clusters()
    world.set("cds", "a", "a2", needs="a").publish()
    envoy.gets("cds", "a2 b1 c1 d1 e1 f1 old1")
    envoy.gets("eds", "e-a")
    envoy.acks("eds")
    envoy.nacks("cds")
    world.set("cds", "a", "a1", needs="a").set("cds", "b", "b2", needs="b").publish()
    envoy.gets("cds", "a1 b2 c1 d1 e1 f1 old1")
    envoy.gets("eds", "e-a e-b")
    envoy.acks("eds")
    envoy.nacks("cds")
    envoy.hears_no_more()
    # The client may have a2, and a1 is no news to the last response.
    world.set("cds", "b", "b3", needs="b").publish()
    envoy.gets("cds", "a1 b3 c1 d1 e1 f1 old1")
    envoy.gets("eds", "e-a e-b")


def test_clusters_of_a_response_without_an_answer_are_in_doubt() -> None:
    world, envoy = six_clusters()
    world.set("cds", "a", "a2", needs="a").publish()
    envoy.gets("cds", "a2 b1 c1 d1 e1 f1 old1")
    envoy.gets("eds", "e-a")
    envoy.acks("eds")
    world.set("cds", "b", "b2", needs="b").publish()
    envoy.passes(11)
    envoy.gets("cds", "a2 b2 c1 d1 e1 f1 old1")
    envoy.gets("eds", "e-a e-b")


def test_nobody_is_said_to_have_what_a_complete_response_brought_and_was_refused() -> None:
    world = World().set("cds", "a", "bad").set("cds", "b", "1")
    world.publish()
    envoy = Sotw(world)
    envoy.asks("cds")
    envoy.gets("cds", "bad 1")
    envoy.nacks("cds")
    envoy.hears_no_more()
    watched = next(iter(envoy.stream.watched.values()))
    doubtful = {name for each in watched.rejected for name in each.names_in(watched.sent.by_name)}
    assert doubtful == {"a", "b"}
    world.set("cds", "a", "1").publish()
    envoy.gets("cds", "1 1")
    envoy.acks("cds")
    assert watched.rejected == ()


def test_rejection_with_the_version_of_what_was_never_answered_is_a_rejection() -> None:
    world, envoy = six_clusters()
    world.set("cds", "a", "a2").publish()
    second = envoy.gets("cds", "a2 b1 c1 d1 e1 f1 old1").version
    world.set("cds", "a", "bad").publish()
    envoy.passes(11)
    envoy.gets("cds", "bad b1 c1 d1 e1 f1 old1")
    envoy.nacks("cds", "first", version=second)
    world.set("cds", "a", "a2").publish()
    envoy.gets("cds", "a2 b1 c1 d1 e1 f1 old1")
    envoy.nacks("cds", "second", version=second)
    assert [nack.rpartition(": ")[2] for nack in envoy.diary.nacks] == ["first", "second"]
    assert envoy.diary.warnings == [
        "no answer to a response of type.googleapis.com/envoy.config.cluster.v3.Cluster in 10 s"
    ]


@pytest.mark.parametrize("client", [Delta, Sotw])
def test_rejection_of_a_response_with_a_blank_counts_and_is_not_repeated(
    client: type[Delta] | type[Sotw],
) -> None:
    world = World().set("eds", "a", "bad")
    world.publish()
    envoy = client(world)
    envoy.asks("cds")
    envoy.gets("cds")
    envoy.acks("cds")
    envoy.asks("eds", "a nowhere")
    got = envoy.next()
    assert got is not None
    assert len(got.content) == 2
    envoy.nacks("eds")
    envoy.hears_no_more()
    assert envoy.diary.nacks == ["eds a nowhere: bad"]
    watched = envoy.stream.watched[TYPES["eds"]]
    newest = world.current.resources(TYPES["eds"]).by_name
    assert not any(response.differs(newest) for response in watched.rejected)
    world.set("eds", "a", "2").publish()
    got = envoy.next()
    assert got is not None
    assert len(got.content) == 2, "the blank was rejected as well"
    envoy.acks("eds")
    envoy.hears_no_more()


def test_innocents_of_many_rejected_responses_are_all_remembered() -> None:
    world = World().set("rds", "r", "1", needs="*")
    for number in range(20):
        world.set("vhds", f"r/{number}", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("rds", "r")
    envoy.gets("rds", "r=1")
    envoy.acks("rds")
    envoy.asks("vhds")
    envoy.gets("vhds", " ".join(f"r/{number}=1" for number in range(20)))
    envoy.acks("vhds")
    for number in range(10):
        world.set("vhds", f"r/{number}", "bad").set("vhds", f"r/{number + 10}", "2").publish()
        envoy.gets("vhds", f"r/{number}=bad r/{number + 10}=2")
        envoy.nacks("vhds")
        envoy.hears_no_more()
    for number in range(10):
        world.set("vhds", f"r/{number}", "1")
    world.publish()
    envoy.gets("vhds", " ".join(f"r/{number}={1 + number // 10}" for number in range(20)))
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_rejections_without_end_are_bounded() -> None:
    world, envoy = with_hosts()
    for number in range(100):
        world.set("vhds", "r/a", f"bad{number}").publish()
        envoy.gets("vhds", f"r/a=bad{number}")
        envoy.nacks("vhds")
        envoy.hears_no_more()
    watched = envoy.stream.watched[TYPES["vhds"]]
    assert sum(len(response.changed) for response in watched.rejected) <= 10


def test_routes_wait_for_what_a_refused_response_brought() -> None:
    world = World().set("cds", "a", "1").set("lds", "l", "1", needs="r").set("rds", "r", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds", "a=1")
    envoy.acks("cds")
    envoy.asks("rds", "r")
    envoy.gets("rds", "r=1")
    envoy.acks("rds")
    world.set("cds", "b", "1").set("cds", "c", "bad").set("rds", "r", "to-b").publish()
    envoy.gets("cds", "b=1 c=bad")
    envoy.nacks("cds")
    envoy.hears_no_more()
    world.remove("cds", "c").publish()
    envoy.gets("cds", "b=1 -c")
    envoy.hears_no_more()
    envoy.acks("cds")
    envoy.gets("rds", "r=to-b")
    envoy.acks("rds")
    envoy.hears_no_more()
    assert envoy.diary.warnings == []


def test_what_was_refused_and_is_gone_is_not_sent_with_the_others_again() -> None:
    world = World().set("cds", "a", "a1").set("lds", "l", "l1", needs="r").set("rds", "r", "r1")
    world.publish()
    envoy = Sotw(world)
    envoy.asks("cds")
    envoy.gets("cds", "a1")
    envoy.acks("cds")
    envoy.asks("rds", "r")
    envoy.gets("rds", "r1")
    envoy.acks("rds")
    world.set("cds", "b", "b1").set("cds", "c", "bad").set("cds", "a", "a2")
    world.set("rds", "r", "to-b").publish()
    envoy.gets("cds", "a2 b1 bad")
    envoy.nacks("cds")
    envoy.hears_no_more()
    envoy.passes(3)
    envoy.gets("rds", "to-b")
    envoy.acks("rds")
    world.remove("cds", "c").remove("cds", "a").set("rds", "r", "r3").publish()
    got = envoy.next()
    assert got is not None
    # What the client may have of c stays until its routes have changed, and so does the good a.
    assert sorted(got.content) == sorted([blank(TYPES["cds"], "c").body.decode(), "a1", "b1"])
    envoy.gets("rds", "r3")
    envoy.acks("rds")
    envoy.gets("cds", "b1")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_routes_do_not_wait_again_for_what_was_refused_long_ago() -> None:
    world = World().set("cds", "a", "1").set("rds", "r", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds", "a=1")
    envoy.acks("cds")
    envoy.asks("rds", "r")
    envoy.gets("rds", "r=1")
    envoy.acks("rds")
    world.set("cds", "b", "bad").publish()
    envoy.gets("cds", "b=bad")
    envoy.nacks("cds")
    envoy.hears_no_more()
    envoy.passes(3)
    envoy.hears_no_more()
    assert len(envoy.diary.warnings) == 1
    world.set("cds", "a", "2").set("rds", "r", "2").publish()
    envoy.gets("cds", "a=2")
    envoy.acks("cds")
    envoy.gets("rds", "r=2")
    envoy.acks("rds")
    envoy.hears_no_more()
    assert len(envoy.diary.warnings) == 1


def test_complete_response_that_is_offered_again_comes_with_its_endpoints() -> None:
    world, envoy = six_clusters()
    world.set("cds", "a", "bad", needs="a").publish()
    envoy.gets("cds", "bad b1 c1 d1 e1 f1 old1")
    envoy.gets("eds", "e-a")
    envoy.acks("eds")
    envoy.nacks("cds")
    envoy.hears_no_more()
    assert envoy.stream.offer(TYPES["cds"])
    version = envoy.gets("cds", "bad b1 c1 d1 e1 f1 old1").version
    envoy.gets("eds", "e-a")
    envoy.acks("eds")
    envoy.offered = version
    envoy.acks("cds")
    envoy.hears_no_more()
    assert not envoy.stream.offer(TYPES["cds"])
