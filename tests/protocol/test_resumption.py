"""State of the world across a restart: what the client has and the server does not know."""

from __future__ import annotations

import pytest

from tests.support.fakes.script import Sotw, World
from translators.names import CLUSTER_TYPE
from xds_server.ads.blank import blank

KEEPS_OLD = blank(CLUSTER_TYPE, "old").body.decode()


def renamed() -> World:
    """A world in which cluster `old` has become `new` while the server was away."""
    world = World().set("cds", "a", "a1", needs="a").set("eds", "a", "ea1")
    world.set("cds", "new", "n1", needs="new").set("eds", "new", "en1")
    world.set("lds", "l", "l1", needs="r").set("rds", "r", "to-new").publish()
    return world


def content(envoy: Sotw, short: str) -> list[str]:
    got = envoy.next()
    assert got is not None
    assert got.short == short
    return sorted(got.content)


def resumed(world: World) -> Sotw:
    """An Envoy that has clusters a and old, and was just answered about clusters."""
    envoy = Sotw(world)
    envoy.asks("cds", version="earlier")
    envoy.hears_no_more()
    envoy.asks("eds", "a old", version="earlier")
    envoy.asks("lds", version="earlier")
    envoy.asks("rds", "r", version="earlier")
    assert content(envoy, "cds") == sorted(["a1", "n1", KEEPS_OLD])
    envoy.gets("eds", "ea1")
    envoy.hears_no_more()
    return envoy


def test_clusters_that_only_the_client_knows_are_kept_until_it_has_its_routes() -> None:
    envoy = resumed(renamed())
    cds = envoy.nonces["cds"]
    # It warms what is to be kept, and so does not answer.
    envoy.acks("eds", "a new old")
    envoy.gets("eds", "en1")
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.gets("lds", "l1")
    envoy.acks("lds")
    envoy.gets("rds", "to-new")
    envoy.hears_no_more()
    envoy.acks("rds")
    assert content(envoy, "cds") == ["a1", "n1"]
    assert envoy.nonces["cds"] != cds
    envoy.acks("cds")
    # It may not have taken the first response, so what that changed comes once more.
    envoy.gets("eds", "ea1 en1")
    envoy.acks("eds", "a new")
    envoy.hears_no_more()
    assert envoy.diary.warnings == []
    assert envoy.diary.settlements == [1]
    assert [ack.split()[0] for ack in envoy.diary.acks].count("cds") == 2


def test_endpoints_of_kept_clusters_stay_the_client_s_own_however_often_it_asks() -> None:
    envoy = resumed(renamed())
    envoy.acks("eds", "a new old")
    envoy.gets("eds", "en1")
    envoy.acks("eds")
    envoy.repeats("eds")
    while (got := envoy.next()) is not None:
        assert "old" not in " ".join(got.content)
        if got.short == "eds":
            envoy.acks("eds")


def test_client_that_has_the_newest_clusters_does_not_wait() -> None:
    world = renamed()
    before = Sotw(world)
    before.asks("cds")
    version = before.gets("cds", "a1 n1").version
    envoy = Sotw(world)
    envoy.asks("cds", version=version)
    envoy.gets("cds", "a1 n1")


def test_client_that_comes_first_does_not_wait() -> None:
    envoy = Sotw(renamed())
    envoy.asks("cds")
    envoy.gets("cds", "a1 n1")


def test_client_without_endpoints_waits_for_a_second() -> None:
    envoy = Sotw(renamed())
    envoy.asks("cds", version="earlier")
    envoy.hears_no_more()
    assert envoy.stream.deadline() == pytest.approx(envoy.clock.now() + 1)
    envoy.passes(1)
    envoy.gets("cds", "a1 n1")
    envoy.asks("eds", "a old")
    assert content(envoy, "eds")[-1] == "ea1"


def test_endpoints_asked_for_before_clusters_name_what_is_kept() -> None:
    envoy = Sotw(renamed())
    envoy.asks("eds", "a old", version="earlier")
    assert len(content(envoy, "eds")) == 2
    envoy.acks("eds")
    envoy.asks("cds", version="earlier")
    assert content(envoy, "cds") == sorted(["a1", "n1", KEEPS_OLD])


def test_a_kept_cluster_that_comes_back_is_itself() -> None:
    world = renamed()
    envoy = resumed(world)
    envoy.acks("eds", "a new old")
    envoy.gets("eds", "en1")
    world.set("cds", "old", "o1", needs="old").set("eds", "old", "eo1").publish()
    envoy.hears_no_more()
    envoy.acks("eds")
    envoy.gets("eds", "eo1")
    envoy.acks("eds")
    for _ in range(6):
        if (got := envoy.next()) is None:
            break
        if got.short == "cds":
            assert sorted(got.content) == ["a1", "n1", "o1"]
            envoy.acks("cds")
            break
        envoy.acks(got.short)
    assert envoy.stream.watched[CLUSTER_TYPE].is_idle


def test_clusters_are_not_kept_for_ever() -> None:
    envoy = resumed(renamed())
    envoy.passes(11)
    heard = [envoy.next(), envoy.next(), envoy.next()]
    assert sorted(got.short for got in heard if got is not None) == ["cds", "lds", "rds"]
    clusters = next(got for got in heard if got is not None and got.short == "cds")
    assert sorted(clusters.content) == ["a1", "n1"]
    assert envoy.diary.warnings
