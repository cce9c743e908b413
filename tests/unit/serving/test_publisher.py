"""What proxies are given after commits.

Shared where it can be, the last good where it must be, and nothing kept for nobody.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable

import pytest

from tests.support.documents.objects import service_entry, virtual_service
from tests.support.documents.translation import objects
from translators.codec import EncodeError
from translators.database import Database
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.model.config_object import ConfigObject
from translators.model.locality import Locality
from translators.model.proxy_node import Mode, ProxyNode
from translators.model.resource import Resource
from translators.names import (
    CLUSTER_TYPE,
    ENDPOINT_TYPE,
    LISTENER_TYPE,
    ROUTE_TYPE,
    VIRTUAL_HOST_TYPE,
)
from translators.object_key import ObjectKey
from translators.world import INDEXES, bucket_of
from xds_server.serving.groups import CHANGES_KEPT, Member
from xds_server.serving.idle import IDLE_GROUPS
from xds_server.serving.publisher import Publisher

KEEPS_NOTHING_MORE = 50
"""How many tracked objects a process may gain by chance."""


def service(name: str, weight: int = 1, address: str = "10.1.0.1") -> str:
    endpoints = f"endpoints: [{{address: {address}, weight: {weight}}}]"
    return service_entry(name, f"{name}.example.com", more=endpoints)


def policy(name: str, timeout: int) -> str:
    host = f"{name}.example.com"
    rule = f"{{timeout: {timeout}s, route: [{{destination: {{host: {host}}}}}]}}"
    return virtual_service(name, host, rule)


def values(*texts: str) -> dict[ObjectKey, ConfigObject[object]]:
    return {found.key: found for text in texts for found in objects(text)}


def node(name: str = "a", address: str = "10.9.0.1", zone: str = "z1") -> ProxyNode:
    return ProxyNode(
        id=name,
        name=name,
        namespace="default",
        addresses=(address,),
        locality=Locality("r1", zone),
    )


def entry(name: str) -> ObjectKey:
    return ObjectKey("ServiceEntry", "default", name)


def served(member: Member, type_url: str) -> dict[str, Resource]:
    return dict(member.snapshot().by_type[type_url].by_name)


def names(member: Member) -> set[str]:
    return {name for type_url in member.snapshot().by_type for name in served(member, type_url)}


@pytest.fixture
def publisher() -> Publisher:
    publisher = Publisher(Database(INDEXES))
    publisher.commit(values(service("one"), service("two")))
    return publisher


def test_a_proxy_is_given_every_type(publisher: Publisher) -> None:
    member = publisher.join(node(), inline=False)
    assert set(served(member, CLUSTER_TYPE)) == {
        "outbound|80||one.example.com",
        "outbound|80||two.example.com",
        "BlackHoleCluster",
        "PassthroughCluster",
        "InboundPassthroughCluster",
    }
    assert set(served(member, LISTENER_TYPE)) == {
        "0.0.0.0_80",
        "virtualOutbound",
        "virtualInbound",
    }
    assert set(served(member, ROUTE_TYPE)) == {"80"}
    assert set(served(member, VIRTUAL_HOST_TYPE)) == {
        "80/one.example.com:80",
        "80/two.example.com:80",
    }
    assert len(served(member, ENDPOINT_TYPE)) == 2


def test_proxies_alike_are_one_group_and_others_share_what_is_the_same(
    publisher: Publisher,
) -> None:
    first = publisher.join(node("a"), inline=False)
    runs = publisher.database.statistics.runs
    second = publisher.join(node("b", "10.9.0.2"), inline=False)
    assert second.group is first.group
    assert publisher.database.statistics.runs - runs < 10, "only what the workload serves"
    third = publisher.join(node("c", "10.9.0.3", "z2"), inline=False)
    assert third.group is not first.group
    for type_url in (CLUSTER_TYPE, LISTENER_TYPE, VIRTUAL_HOST_TYPE):
        assert third.snapshot().by_type[type_url] is first.snapshot().by_type[type_url]
    inline = publisher.join(node("d", "10.9.0.4"), inline=True)
    assert inline.snapshot().by_type[CLUSTER_TYPE] is first.snapshot().by_type[CLUSTER_TYPE]
    assert VIRTUAL_HOST_TYPE not in inline.snapshot().by_type
    assert served(inline, ROUTE_TYPE).keys() == served(first, ROUTE_TYPE).keys()


def test_a_second_group_is_given_what_the_first_holds_already(publisher: Publisher) -> None:
    first = publisher.join(node("a"), inline=False)
    clients = ProxyNode("p", "p", "default", Mode.PROXYLESS, locality=Locality("r1", "z1"))
    second = publisher.join(clients, inline=True)
    assert served(second, ENDPOINT_TYPE) == served(first, ENDPOINT_TYPE)
    publisher.commit(values(service("one", weight=5)))
    assert served(second, ENDPOINT_TYPE) == served(first, ENDPOINT_TYPE)


def test_only_those_whose_resources_changed_are_woken(publisher: Publisher) -> None:
    woken: list[str] = []
    here = publisher.join(node("a"), inline=False)
    here.subscribe(lambda: woken.append("here"))
    other = publisher.join(
        ProxyNode(id="b", name="b", namespace="other", addresses=("10.9.0.2",)), inline=False
    )
    other.subscribe(lambda: woken.append("other"))
    before = other.snapshot()
    publisher.commit(
        values(service("secret").replace("  hosts", '  exportTo: ["."]\n  hosts'), service("one"))
    )
    assert woken == ["here"]
    assert "outbound|80||secret.example.com" in served(here, CLUSTER_TYPE)
    assert other.snapshot() is before
    assert here.group.required(publisher.revision) == publisher.revision
    assert other.group.required(publisher.revision) < publisher.revision


def test_a_commit_that_changes_nothing_is_no_revision(publisher: Publisher) -> None:
    member = publisher.join(node(), inline=False)
    revision, snapshot = publisher.revision, member.snapshot()
    assert not publisher.commit(values(service("one")))
    assert not publisher.commit({}, [entry("unknown")])
    assert (publisher.revision, member.snapshot()) == (revision, snapshot)


def test_what_several_buckets_need_stays_until_the_last_has_gone(publisher: Publisher) -> None:
    assert bucket_of("one.example.com") != bucket_of("two.example.com")
    member = publisher.join(node(), inline=False)
    publisher.commit({}, [entry("one")])
    assert "0.0.0.0_80" in served(member, LISTENER_TYPE)
    assert "80" in served(member, ROUTE_TYPE)
    publisher.commit({}, [entry("two")])
    assert "0.0.0.0_80" not in served(member, LISTENER_TYPE)
    assert served(member, ROUTE_TYPE) == {}
    assert served(member, VIRTUAL_HOST_TYPE) == {}


def test_a_proxy_moves_when_a_service_begins_to_select_its_workload(publisher: Publisher) -> None:
    woken: list[str] = []
    moved = publisher.join(node("a", "10.1.0.7"), inline=False)
    stays = publisher.join(node("b", "10.1.0.8"), inline=False)
    moved.subscribe(lambda: woken.append("moved"))
    assert moved.group is stays.group
    publisher.commit(values(service("mine", address="10.1.0.7")))
    assert moved.group is not stays.group
    assert woken == ["moved"]
    assert "inbound|80||" in served(moved, CLUSTER_TYPE)
    assert "inbound|80||" not in served(stays, CLUSTER_TYPE)
    assert "outbound|80||mine.example.com" in served(stays, CLUSTER_TYPE)
    publisher.commit(values(service("mine", address="10.1.0.99")))
    assert moved.group is stays.group
    assert "inbound|80||" not in served(moved, CLUSTER_TYPE)


def test_what_cannot_be_made_stays_as_it_was_and_is_told(publisher: Publisher) -> None:
    publisher.commit(values(policy("one", 1)))
    member = publisher.join(node(), inline=False)
    good = served(member, VIRTUAL_HOST_TYPE)
    broken = values(policy("one", 2), service("three"))
    spec = broken[ObjectKey("VirtualService", "default", "one")].spec
    assert isinstance(spec, VirtualServiceSpec)
    object.__setattr__(spec.http[0], "timeout", "long")
    publisher.commit(broken)
    now = served(member, VIRTUAL_HOST_TYPE)
    failures = publisher.database.failures()
    assert [type(failure.exception) for failure in failures] == [EncodeError]
    assert now["80/one.example.com:80"] is good["80/one.example.com:80"]
    assert "80/three.example.com:80" in now
    publisher.commit(values(policy("one", 3)))
    assert served(member, VIRTUAL_HOST_TYPE)["80/one.example.com:80"] not in good.values()
    assert publisher.database.failures() == ()


def test_a_refused_resource_gives_way_to_the_last_proven_one(publisher: Publisher) -> None:
    name = "80/one.example.com:80"
    publisher.commit(values(policy("one", 1)))
    member = publisher.join(node(), inline=False)
    good = served(member, VIRTUAL_HOST_TYPE)[name]
    publisher.acceptance.unproven.clear()
    publisher.commit(values(policy("one", 2)))
    bad = served(member, VIRTUAL_HOST_TYPE)[name]
    assert publisher.acceptance.unproven == {bad: publisher.revision}
    publisher.withhold([bad])
    assert served(member, VIRTUAL_HOST_TYPE)[name] is good
    later = publisher.join(node("b", "10.9.0.5", "z2"), inline=False)
    assert served(later, VIRTUAL_HOST_TYPE)[name] is good, "for those who come later, too"
    publisher.commit(values(policy("one", 3)))
    assert served(member, VIRTUAL_HOST_TYPE)[name] not in (good, bad)
    publisher.commit(values(policy("one", 2)))
    assert served(member, VIRTUAL_HOST_TYPE)[name] != bad, "rejected bytes are not served again"
    publisher.serve([bad])
    assert served(member, VIRTUAL_HOST_TYPE)[name] == bad


def test_a_refused_resource_that_never_was_good_is_not_served(publisher: Publisher) -> None:
    member = publisher.join(node(), inline=False)
    publisher.commit(values(service("three")))
    name = "outbound|80||three.example.com"
    bad = served(member, CLUSTER_TYPE)[name]
    publisher.withhold([bad])
    assert name not in served(member, CLUSTER_TYPE)
    assert publisher.makings.current(CLUSTER_TYPE, name) == (bad,)
    publisher.serve([bad])
    assert served(member, CLUSTER_TYPE)[name] == bad


def test_a_group_stays_for_a_while_after_its_last_proxy(publisher: Publisher) -> None:
    member = publisher.join(node(), inline=False)
    group = member.group
    member.cancel()
    member.cancel()
    assert not group.members
    publisher.commit(values(service("three")))
    again = publisher.join(node(), inline=False)
    assert again.group is group
    assert "outbound|80||three.example.com" in served(again, CLUSTER_TYPE)


def test_of_idle_groups_only_the_newest_stay(publisher: Publisher) -> None:
    for number in range(IDLE_GROUPS + 3):
        publisher.join(node(zone=f"z{number}"), inline=False).cancel()
    zones = [group.scope.locality.zone for group in publisher.groups()]
    assert zones == [f"z{number}" for number in range(3, IDLE_GROUPS + 3)]
    publisher.database.settle()
    assert {key[1].zone for key in held(publisher.database, "load_assignment")} == set(zones)


def held(database: Database, query: str) -> Iterable[tuple[object, ...]]:
    return [key for found, keys in database.memo.items() if found.name == query for key in keys]


def test_nothing_grows_over_many_joins_leaves_and_commits(publisher: Publisher) -> None:
    def day(number: int) -> None:
        members = [
            publisher.join(node(f"n{at}", f"10.1.0.{at}", f"z{number}-{at}"), inline=bool(at % 2))
            for at in range(4)
        ]
        publisher.commit(values(service(f"s{number}", address="10.1.0.1"), policy("one", number)))
        publisher.commit(values(service("one", weight=number + 2)))
        for member in members:
            assert names(member) >= {f"outbound|80||s{number}.example.com"}
        publisher.commit({}, [entry(f"s{number}")])
        for member in members:
            assert f"outbound|80||s{number}.example.com" not in names(member)
            member.cancel()
        publisher.acceptance.unproven.clear()

    def size() -> tuple[int, int, int]:
        gc.collect()
        statistics = publisher.database.statistics
        return statistics.results, statistics.listings, len(gc.get_objects())

    for number in range(1, 13):
        day(number)
    results, listings, tracked = size()
    for number in range(13, 37):
        day(number)
    assert size()[:2] == (results, listings)
    assert size()[2] <= tracked + KEEPS_NOTHING_MORE * 24


def runs_for_a_new_service(mesh_size: int) -> tuple[list[int], Publisher]:
    publisher = Publisher(Database(INDEXES))
    publisher.commit(values(*(service(f"svc-{number}") for number in range(mesh_size))))
    for zone in ("z1", "z2"):
        publisher.join(node(zone=zone), inline=False)
    runs = []
    for number in range(8):
        # A neighbour for each, so that no bucket is new to either mesh.
        host = f"svc-{number}"
        twin = next(
            f"new-{at}"
            for at in range(10_000)
            if bucket_of(f"new-{at}.example.com") == bucket_of(f"{host}.example.com")
        )
        before = publisher.database.statistics.runs
        publisher.commit(values(service(twin)))
        runs.append(publisher.database.statistics.runs - before)
    return runs, publisher


def test_a_new_service_runs_as_many_queries_in_a_mesh_of_any_size() -> None:
    small, _ = runs_for_a_new_service(100)
    large, _ = runs_for_a_new_service(1000)
    assert large == small
    assert max(small) < 40


def test_what_a_group_has_forgotten_is_not_said_to_be_everywhere(publisher: Publisher) -> None:
    member = publisher.join(node(), inline=False)
    first = publisher.revision
    assert member.group.required(first) == first
    for number in range(CHANGES_KEPT + 10):
        publisher.commit(values(service("one", weight=1 + number % 2)))
    group = member.group
    assert group.required(publisher.revision) == publisher.revision
    assert group.required(publisher.revision - 5) == publisher.revision - 5
    assert 0 < group.required(first + 1) <= first + 1
