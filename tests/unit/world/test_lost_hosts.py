"""Hosts that an object names and that another one has."""

from __future__ import annotations

import pytest

from tests.support.documents.buckets import everywhere
from tests.support.documents.objects import service, service_entry, virtual_service
from tests.support.documents.translation import apply, mesh
from tests.support.graphs.number_queries import calls_during
from translators.database import Database
from translators.world import BUCKETS, lost_hosts

WEB = service("web", namespace="shop")
HOST = "web.shop.svc.cluster.local"


def routing(
    name: str,
    hosts: str = HOST,
    created: int = 2000,
    *,
    match: str = "",
    extra: str = "",
    namespace: str = "shop",
) -> str:
    rule = f"{{match: [{match}], route: [{{destination: {{host: {HOST}}}}}]}}"
    return virtual_service(
        name,
        '", "'.join(hosts.split()),
        rule,
        more=extra,
        namespace=namespace,
        created=f"{created}-01-01T00:00:00Z",
    )


def entry(name: str, namespace: str, created: int, more: str = "", host: str = "x.com") -> str:
    when = f"{created}-01-01T00:00:00Z"
    return service_entry(
        name, f"y.{name}.com, {host}", more=more, namespace=namespace, created=when
    )


def lost(db: Database) -> dict[str, tuple[str, str, str]]:
    """Loser → field, winner, and in which namespace it is followed all the same."""
    return {
        each.loser.name: (each.path, each.winner.name, each.but_in)
        for each in everywhere(lambda bucket: lost_hosts(db, bucket))
    }


def test_of_two_virtual_services_for_everyone_the_younger_has_nothing() -> None:
    db = mesh(WEB, routing("young", f"other.com {HOST}", 2002), routing("old", created=2001))
    assert lost(db) == {"young": ("spec.hosts[1]", "old", "")}


def test_another_host_or_an_audience_of_its_own_loses_nothing() -> None:
    old = routing("old", created=2001)
    assert lost(mesh(WEB, old, routing("wide", "*.shop.svc.cluster.local", 2002))) == {}
    assert lost(mesh(WEB, old, routing("own", created=2002, extra='exportTo: ["."]'))) == {}
    assert lost(mesh(WEB, old, routing("named", created=2002, extra="exportTo: [a, b]"))) == {}
    assert lost(mesh(WEB, old, routing("ingress", created=2002, extra="gateways: [x]"))) == {}


def test_what_is_exported_by_name_loses_where_each_of_these_namespaces_has_better() -> None:
    named = routing("named", created=2002, extra="exportTo: [a, b]")
    to_a = routing("to-a", created=2001, extra="exportTo: [a]")
    to_b = routing("to-b", extra='exportTo: ["."]', created=2003, namespace="b")
    assert lost(mesh(WEB, named, to_a)) == {}
    assert lost(mesh(WEB, named, to_a, to_b)) == {"named": ("spec.hosts[0]", "to-a", "")}


@pytest.mark.parametrize(
    "match", ["{port: 80}", "{sourceLabels: {app: x}}", "{sourceNamespace: x}", "{gateways: [x]}"]
)
def test_one_that_may_be_passed_over_takes_nothing_from_the_next(match: str) -> None:
    old = routing("old", created=2001, match=match)
    assert lost(mesh(WEB, old, routing("young", created=2002))) == {}
    both = routing("old", created=2001, match=f"{match}, {{uri: {{prefix: /x}}}}")
    assert lost(mesh(WEB, both, routing("young", created=2002))) == {
        "young": ("spec.hosts[0]", "old", "")
    }, "its paths are for everybody"


def test_hosts_without_a_service_are_compared_where_they_answer_on_the_same_ports() -> None:
    alone = routing("alone", "x.com", 2001)
    assert lost(mesh(WEB, alone, routing("more", f"x.com {HOST}", 2002))) == {}
    assert lost(mesh(alone, routing("again", "x.com", 2002))) == {
        "again": ("spec.hosts[0]", "alone", "")
    }


def test_a_younger_entry_has_a_host_in_its_own_namespace_only() -> None:
    db = mesh(entry("young", "b", 2002), entry("old", "a", 2001))
    assert lost(db) == {"young": ("spec.hosts[1]", "old", "b")}
    same = mesh(entry("young", "a", 2002), entry("old", "a", 2001))
    assert lost(same) == {"young": ("spec.hosts[1]", "old", "")}
    assert lost(mesh(entry("young", "b", 2002, 'exportTo: ["."]'), entry("old", "a", 2001))) == {}
    assert lost(mesh(entry("none", "b", 2002, 'exportTo: ["~"]'), entry("old", "a", 2001))) == {}


def test_an_entry_does_not_take_the_host_of_a_kubernetes_service() -> None:
    db = mesh(WEB, entry("squatter", "b", 1999, host=HOST))
    assert lost(db) == {"squatter": ("spec.hosts[1]", "web", "b")}


def test_the_author_is_told_who_has_the_host_and_for_whom() -> None:
    db = mesh(entry("young", "b", 2002), entry("old", "a", 2001))
    (each,) = everywhere(lambda bucket: lost_hosts(db, bucket))
    told = each.message("old.yaml:3")
    assert told.startswith("x.com is that of ServiceEntry a/old at old.yaml:3, which goes before")
    assert "except for clients in b" in told


def test_an_edit_looks_at_its_own_hosts_only() -> None:
    db = mesh(
        *(service(f"s{i}", namespace="shop") for i in range(30)),
        *(
            routing(f"{age}-{i}", f"s{i}.shop.svc.cluster.local", created)
            for i in range(30)
            for age, created in (("old", 2001), ("young", 2002))
        ),
    )
    for bucket in BUCKETS:
        db.pin(lost_hosts.ref(bucket))
    db.settle()
    assert len(lost(db)) == 30
    before = db.statistics.runs
    apply(db, routing("young-7", "s7.shop.svc.cluster.local", 2002, match="{uri: {exact: /}}"), 2)
    assert db.settle() == ()
    assert db.statistics.runs - before <= 2


def test_many_claims_to_one_host_do_not_cost_the_square_of_them() -> None:
    def calls(count: int) -> int:
        several = [
            routing(f"r{i}", extra=f"exportTo: [a{i}, b{i}, c{i}, shared]") for i in range(count)
        ]
        entries = [entry(f"e{i}", f"n{i}", 2001) for i in range(count)]
        db = mesh(WEB, *several, *entries)
        calls = calls_during(lambda: lost(db))
        assert len(lost(db)) == count - 1, "the first of the entries has the host"
        return calls

    assert calls(400) < 6 * calls(100)
