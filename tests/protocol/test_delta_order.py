"""Delta: what is needed comes first, and what is not needed any more goes last.

Each stage is gated on this client's own answers.
"""

from __future__ import annotations

from tests.support.fakes.script import Delta, World


def started(world: World) -> Delta:
    """An Envoy that has answered all: cluster a, its endpoints, listener l, route r, host r/h."""
    world.set("cds", "a", "1", needs="a").set("eds", "a", "1")
    world.set("lds", "l", "1", needs="r").set("rds", "r", "1", needs="*").set("vhds", "r/h", "a")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds", "a=1")
    envoy.asks("eds", "a")
    envoy.gets("eds", "a=1")
    envoy.acks("eds")
    envoy.acks("cds")
    envoy.asks("lds")
    envoy.gets("lds", "l=1")
    envoy.asks("rds", "r")
    envoy.gets("rds", "r=1")
    envoy.asks("vhds")
    envoy.hears_no_more()
    envoy.acks("lds")
    envoy.acks("rds")
    envoy.gets("vhds", "r/h=a")
    envoy.acks("vhds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [1]
    return envoy


def swap(world: World) -> None:
    """From cluster a to cluster b in one revision."""
    world.set("cds", "b", "1", needs="b").set("eds", "b", "1").set("vhds", "r/h", "b")
    world.remove("cds", "a").remove("eds", "a").publish()


def test_start_goes_from_clusters_to_hosts() -> None:
    started(World())


def test_listeners_wait_for_clusters_and_endpoints() -> None:
    world = World().set("cds", "a", "1", needs="a").set("eds", "a", "1").set("lds", "l", "1")
    world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds", "a=1")
    envoy.asks("eds", "a")
    envoy.asks("lds")
    envoy.gets("eds", "a=1")
    envoy.hears_no_more()
    envoy.acks("cds")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.gets("lds", "l=1")
    envoy.acks("lds")
    envoy.hears_no_more()


def test_swap_of_clusters_is_make_before_break() -> None:
    world = World()
    envoy = started(world)
    swap(world)
    envoy.gets("cds", "b=1")
    envoy.hears_no_more()
    envoy.asks("eds", "b")
    envoy.gets("eds", "b=1")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.hears_no_more()
    envoy.acks("cds")
    envoy.gets("vhds", "r/h=b")
    envoy.hears_no_more()
    envoy.acks("vhds")
    envoy.gets("cds", "-a")
    envoy.asks("eds", drops="a")
    envoy.acks("cds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [1, 2]
    assert envoy.diary.warnings == []


def test_clusters_answered_before_their_endpoints_are_asked_for_open_no_gate() -> None:
    world = World()
    envoy = started(world)
    swap(world)
    envoy.gets("cds", "b=1")
    envoy.acks("cds")
    envoy.hears_no_more()
    envoy.asks("eds", "b")
    envoy.gets("eds", "b=1")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.gets("vhds", "r/h=b")


def test_rejection_counts_as_an_answer_when_nothing_comes_in_its_place() -> None:
    world = World()
    envoy = started(world)
    swap(world)
    envoy.gets("cds", "b=1")
    envoy.nacks("cds")
    # The client does not have the cluster that the new routes send to.
    envoy.hears_no_more()
    envoy.passes(3)
    envoy.gets("vhds", "r/h=b")
    envoy.nacks("vhds")
    envoy.gets("cds", "-a")
    envoy.acks("cds")
    envoy.hears_no_more()
    assert envoy.diary.nacks == ["cds b: bad", "vhds r/h: bad"]


def test_endpoints_change_goes_out_at_once() -> None:
    world = World()
    envoy = started(world)
    world.set("eds", "a", "2").publish()
    envoy.gets("eds", "a=2")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_hosts_change_goes_out_at_once() -> None:
    world = World()
    envoy = started(world)
    world.set("vhds", "r/h", "x").publish()
    envoy.gets("vhds", "r/h=x")
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_hosts_wait_for_endpoints_of_the_same_revision() -> None:
    world = World()
    envoy = started(world)
    world.set("eds", "a", "2").set("vhds", "r/h", "x").publish()
    envoy.gets("eds", "a=2")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.gets("vhds", "r/h=x")


def test_constant_endpoint_changes_do_not_starve_hosts() -> None:
    world = World()
    envoy = started(world)
    world.set("eds", "a", "2").set("vhds", "r/h", "2").publish()
    envoy.gets("eds", "a=2")
    for version in range(3, 6):
        world.set("eds", "a", str(version)).set("vhds", "r/h", str(version)).publish()
        envoy.acks("eds")
        envoy.gets("eds", f"a={version}")
        envoy.gets("vhds", f"r/h={version - 1}")
        envoy.acks("vhds")
        envoy.hears_no_more()
    envoy.acks("eds")
    envoy.gets("vhds", "r/h=5")
    envoy.acks("vhds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [1, 5]


def test_constant_swaps_do_not_starve_hosts() -> None:
    world = World()
    envoy = started(world)
    world.set("cds", "c0", "1", needs="c0").set("eds", "c0", "1").set("vhds", "r/h", "c0").publish()
    envoy.gets("cds", "c0=1")
    envoy.asks("eds", "c0")
    hosts = []
    for number in range(1, 20):
        old, new = f"c{number - 1}", f"c{number}"
        world.set("cds", new, "1", needs=new).set("eds", new, "1").set("vhds", "r/h", new)
        world.remove("cds", old).remove("eds", old).publish()
        envoy.acks("cds")
        while (got := envoy.next()) is not None:
            if got.short == "cds":
                for name in got.versions:
                    envoy.asks("eds", name)
                break
            envoy.acks(got.short)
            if got.short == "vhds":
                hosts.append(got.content[0])
        while (got := envoy.next()) is not None:
            assert got.short != "cds"
            if got.short == "vhds":
                hosts.append(got.content[0])
                assert got.content[0].removeprefix("r/h=") in envoy.held["eds"]
            envoy.acks(got.short)
    assert len(hosts) > 5
    assert envoy.diary.warnings == []


def test_cluster_that_came_and_went_unsent_is_never_routed_to() -> None:
    world = World()
    envoy = started(world)
    world.set("cds", "x", "1").publish()
    envoy.gets("cds", "x=1")
    world.set("cds", "b", "1", needs="b").set("eds", "b", "1").set("vhds", "r/h", "b").publish()
    world.set("cds", "c", "1", needs="c").set("eds", "c", "1").set("vhds", "r/h", "c")
    world.remove("cds", "b").remove("eds", "b").publish()
    envoy.acks("cds")
    envoy.gets("cds", "c=1")
    envoy.asks("eds", "c")
    envoy.gets("eds", "c=1")
    envoy.acks("eds")
    envoy.hears_no_more()
    envoy.acks("cds")
    envoy.gets("vhds", "r/h=c")
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_second_swap_during_the_first_keeps_what_routes_still_use() -> None:
    world = World()
    envoy = started(world)
    swap(world)
    envoy.gets("cds", "b=1")
    world.set("cds", "c", "1", needs="c").set("eds", "c", "1").set("vhds", "r/h", "c")
    world.remove("cds", "b").remove("eds", "b").publish()
    envoy.asks("eds", "b")
    got = envoy.next()
    assert got is not None
    assert got.short == "eds"
    assert got.content == ("b=1",), "it is gone from the newest snapshot, and still to be routed to"
    envoy.acks("eds")
    envoy.acks("cds")
    envoy.gets("cds", "c=1")
    envoy.asks("eds", "c")
    envoy.gets("eds", "c=1")
    held = set(envoy.held["cds"])
    assert held == {"a", "b", "c"}
    envoy.acks("eds")
    envoy.acks("cds")
    # Whichever host is sent, its cluster is there and was answered.
    got = envoy.next()
    assert got is not None
    while got.short == "vhds":
        assert got.content[0].removeprefix("r/h=") in held
        envoy.acks("vhds")
        got = envoy.next()
        assert got is not None
    assert got.short == "cds"
    assert set(got.content) <= {"-a", "-b"}
    envoy.acks("cds")
    while (got := envoy.next()) is not None:
        envoy.acks(got.short)
    assert envoy.diary.settlements == [1, 3]
    assert envoy.diary.warnings == []


def test_changed_cluster_gets_its_endpoints_again_unasked() -> None:
    world = World()
    envoy = started(world)
    world.set("cds", "a", "2", needs="a").publish()
    envoy.gets("cds", "a=2")
    envoy.gets("eds", "a=1")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_cluster_changed_while_endpoints_are_outstanding_gets_them_after() -> None:
    world = World()
    envoy = started(world)
    world.set("eds", "a", "2").publish()
    envoy.gets("eds", "a=2")
    world.set("cds", "a", "2", needs="a").publish()
    envoy.gets("cds", "a=2")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.gets("eds", "a=2")
    envoy.acks("eds")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_route_without_its_cluster_s_answer_waits_no_longer_than_the_deadline() -> None:
    world = World()
    envoy = started(world)
    swap(world)
    envoy.gets("cds", "b=1")
    envoy.passes(9)
    envoy.hears_no_more()
    envoy.passes(2)
    envoy.gets("vhds", "r/h=b")
    assert len(envoy.diary.warnings) == 1
    assert "no longer wait for clusters" in envoy.diary.warnings[0]
    envoy.acks("vhds")
    envoy.hears_no_more()
    envoy.acks("cds")
    envoy.gets("cds", "-a")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_removal_waits_for_routes_no_longer_than_the_deadline() -> None:
    world = World()
    envoy = started(world)
    swap(world)
    envoy.gets("cds", "b=1")
    envoy.asks("eds", "b")
    envoy.gets("eds", "b=1")
    envoy.acks("eds")
    envoy.acks("cds")
    envoy.gets("vhds", "r/h=b")
    envoy.hears_no_more()
    envoy.passes(11)
    envoy.gets("cds", "-a")
    assert "routes were not answered" in envoy.diary.warnings[0]
    envoy.acks("cds")
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_unanswered_response_holds_newer_state_no_longer_than_the_deadline() -> None:
    world = World()
    envoy = started(world)
    world.set("cds", "a", "2", needs="a").publish()
    stuck = envoy.gets("cds", "a=2")
    envoy.gets("eds", "a=1")
    envoy.acks("eds")
    world.set("cds", "a", "3", needs="a").publish()
    envoy.hears_no_more()
    envoy.passes(11)
    newer = envoy.gets("cds", "a=3")
    envoy.gets("eds", "a=1")
    envoy.acks("eds")
    envoy.nacks("cds", nonce=stuck.nonce)
    envoy.acks("cds", nonce=newer.nonce)
    envoy.hears_no_more()
    assert envoy.diary.nacks == ["cds a: bad"]
    assert envoy.diary.settlements[-1] == 3


def test_second_route_configuration_gets_its_hosts_unasked_after_its_answer() -> None:
    world = World()
    envoy = started(world)
    world.set("lds", "m", "1", needs="s").set("rds", "s", "1", needs="*").set("vhds", "s/h", "a")
    world.publish()
    envoy.gets("lds", "m=1")
    envoy.asks("rds", "s")
    envoy.gets("rds", "s=1")
    envoy.hears_no_more()
    envoy.acks("rds")
    envoy.gets("vhds", "s/h=a")
    envoy.acks("lds")
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_hosts_of_route_configurations_that_are_not_held_are_not_sent() -> None:
    world = World()
    envoy = started(world)
    world.set("vhds", "elsewhere/h", "a").publish()
    envoy.hears_no_more()
    assert envoy.diary.settlements == [1, 2]


def test_removed_host_is_told() -> None:
    world = World()
    envoy = started(world)
    world.set("vhds", "r/i", "a").publish()
    envoy.gets("vhds", "r/i=a")
    envoy.acks("vhds")
    world.remove("vhds", "r/i").publish()
    envoy.gets("vhds", "-r/i")
    envoy.acks("vhds")
    envoy.hears_no_more()


def test_removed_listener_and_cluster_go_in_reverse_order() -> None:
    world = World()
    envoy = started(world)
    world.set("lds", "m", "1").set("cds", "b", "1", needs="b").set("eds", "b", "1").publish()
    envoy.gets("cds", "b=1")
    envoy.asks("eds", "b")
    envoy.gets("eds", "b=1")
    envoy.acks("eds")
    envoy.acks("cds")
    envoy.gets("lds", "m=1")
    envoy.acks("lds")
    envoy.hears_no_more()
    world.remove("lds", "m").remove("cds", "b").remove("eds", "b").publish()
    envoy.gets("lds", "-m")
    envoy.hears_no_more()
    envoy.acks("lds")
    envoy.gets("cds", "-b")
    envoy.acks("cds")
    envoy.hears_no_more()


def test_endpoints_that_went_with_their_cluster_are_left_to_the_client() -> None:
    world = World()
    envoy = started(world)
    swap(world)
    envoy.gets("cds", "b=1")
    envoy.hears_no_more()
    assert "a" in envoy.stream.watched[next(iter(envoy.stream.watched))].sent.by_name


def test_endpoints_that_went_while_their_cluster_stays_are_emptied() -> None:
    world = World()
    envoy = started(world)
    world.remove("eds", "a").publish()
    got = envoy.next()
    assert got is not None
    assert (got.short, list(got.versions)) == ("eds", ["a"])
    assert got.content != ("a=1",)
    envoy.acks("eds")
    envoy.hears_no_more()


def test_states_between_two_answers_are_skipped() -> None:
    world = World()
    envoy = started(world)
    world.set("eds", "a", "2").publish()
    envoy.gets("eds", "a=2")
    for version in range(3, 50):
        world.set("eds", "a", str(version)).publish()
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.gets("eds", "a=49")
    envoy.acks("eds")
    envoy.hears_no_more()


def test_change_and_change_back_between_two_answers_is_silent() -> None:
    world = World()
    envoy = started(world)
    world.set("eds", "a", "2").publish()
    envoy.gets("eds", "a=2")
    world.set("eds", "a", "3").publish()
    world.set("eds", "a", "2").publish()
    envoy.acks("eds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [1, 4]


def test_cluster_that_came_and_went_is_removed_although_nothing_else_changed() -> None:
    world = World()
    envoy = started(world)
    world.set("vhds", "r/h", "a2").publish()
    envoy.gets("vhds", "r/h=a2")
    world.set("cds", "b", "1", needs="b").set("eds", "b", "1").set("vhds", "r/h", "b").publish()
    envoy.gets("cds", "b=1")
    envoy.asks("eds", "b")
    envoy.gets("eds", "b=1")
    world.remove("cds", "b").remove("eds", "b").set("vhds", "r/h", "a2").publish()
    envoy.acks("cds")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.hears_no_more()
    envoy.acks("vhds")
    envoy.gets("cds", "-b")
    envoy.acks("cds")
    envoy.hears_no_more()
    assert envoy.diary.settlements == [1, 4]
