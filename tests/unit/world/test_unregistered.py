"""Hosts that virtual services name and that have no service: where they answer, and to whom."""

from __future__ import annotations

from tests.support.documents import objects
from tests.support.documents.buckets import everywhere
from tests.support.documents.objects import service, service_entry
from tests.support.documents.translation import apply, mesh
from translators.database import Database
from translators.model.origin import Labels
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.world import BUCKETS, unregistered_hosts
from translators.world.unregistered import unregistered_ports, unregistered_rules

WEB = service("web", "{name: http, port: 9080}, {name: tcp, port: 5432}", namespace="shop")
API = service("api", "{name: http, port: 9090}", namespace="shop")
WEB_HOST, API_HOST = "web.shop.svc.cluster.local", "api.shop.svc.cluster.local"


def routing(name: str, hosts: str, *, match: str = "", extra: str = "", created: int = 2000) -> str:
    """A VirtualService of `shop` whose one rule has its name."""
    rule = f"{{name: {name}, match: [{match}], route: [{{destination: {{host: web}}}}]}}"
    return objects.virtual_service(
        name,
        '", "'.join(hosts.split()),
        rule,
        more=extra,
        namespace="shop",
        created=f"{created}-01-01T00:00:00Z",
    )


def found(
    db: Database, namespace: str = "other", labels: Labels = frozenset()
) -> set[tuple[int, str]]:
    client = ClientScope(Viewer(namespace), labels)
    return set(everywhere(lambda bucket: unregistered_hosts(db, client, bucket)))


def test_hosts_without_any_service_answer_on_port_80() -> None:
    db = mesh(
        WEB,
        routing("a", WEB_HOST),
        routing("b", "else.example.com"),
        routing("c", "*.shop.svc.cluster.local"),
        routing("d", "*.example.com more.com"),
        routing("e", "private.com", extra='exportTo: ["."]'),
    )
    expected = {(80, "*.example.com"), (80, "else.example.com"), (80, "more.com")}
    assert found(db) == expected
    assert found(db, "shop") == {*expected, (80, "private.com")}


def test_a_host_answers_on_the_ports_of_the_others_of_its_virtual_service() -> None:
    db = mesh(WEB, API, routing("a", f"{WEB_HOST} {API_HOST} x.example.com"))
    assert found(db) == {
        (9080, "x.example.com"),
        (9090, "x.example.com"),
        (9080, API_HOST),
        (9090, WEB_HOST),
    }, "where they have no service; a port for TCP takes no requests"


def test_services_under_a_wildcard_host_lend_their_ports_too() -> None:
    db = mesh(WEB, API, routing("a", "*.shop.svc.cluster.local x.example.com"))
    assert found(db) == {(9080, "x.example.com"), (9090, "x.example.com")}


def test_a_wildcard_host_answers_where_no_service_falls_under_it() -> None:
    entry = service_entry("e", "a.example.com", "{number: 9090, name: http, protocol: HTTP}")
    db = mesh(WEB, API, entry, routing("a", f"*.example.com {WEB_HOST} {API_HOST}"))
    assert found(db) >= {(9080, "*.example.com")}
    assert (9090, "*.example.com") not in found(db)


def test_a_port_that_a_host_has_for_tcp_stays_its_own() -> None:
    other = service("other", "{name: http, port: 5432}", namespace="shop")
    db = mesh(WEB, other, routing("a", f"{WEB_HOST} other.shop.svc.cluster.local"))
    assert (5432, WEB_HOST) not in found(db)


def test_services_that_the_client_does_not_see_lend_nothing() -> None:
    hidden = API.replace(
        "metadata: {", 'metadata: {annotations: {networking.istio.io/exportTo: "."}, '
    )
    db = mesh(hidden, routing("a", f"{API_HOST} x.example.com"))
    assert found(db) == {(80, API_HOST), (80, "x.example.com")}
    assert found(db, "shop") == {(9090, "x.example.com")}


def test_tcp_services_lend_no_port_and_leave_none_to_answer_on() -> None:
    tcp = service("tcp", "{name: tcp, port: 5432}", namespace="shop")
    assert found(mesh(tcp, routing("a", "tcp.shop.svc.cluster.local x.example.com"))) == set()


def test_a_host_answers_only_to_whom_a_rule_is_for() -> None:
    labelled = routing("a", "x.example.com", match="{sourceLabels: {app: x}}")
    db = mesh(labelled, routing("b", "y.example.com", match="{port: 81}"))
    assert found(db) == set()
    assert found(db, labels=frozenset({("app", "x")})) == {(80, "x.example.com")}


def test_rules_for_connections_make_no_host_answer() -> None:
    tcp = objects.virtual_service(
        "a", "x.com", more="tcp: [{route: [{destination: {host: y.com}}]}]"
    )
    assert found(mesh(tcp)) == set()


def test_the_first_that_answers_on_the_port_and_has_a_rule_for_the_client_routes_it() -> None:
    db = mesh(
        WEB,
        routing("ports", f"{WEB_HOST} x.com", created=2003),
        routing("labelled", "x.com", match="{sourceLabels: {app: x}}", created=2001),
        routing("old", "x.com", created=2002),
        routing("own", "x.com", extra='exportTo: ["."]', created=2004),
    )

    def rule(port: int, namespace: str = "other", labels: Labels = frozenset()) -> str:
        rules = unregistered_rules(db, "x.com", ClientScope(Viewer(namespace), labels), port)
        return rules[0].name if rules else ""

    assert rule(9080) == "ports"
    assert rule(80) == "old"
    assert rule(80, labels=frozenset({("app", "x")})) == "labelled"
    assert rule(80, "shop") == "own"
    assert rule(81) == ""
    assert unregistered_ports(db, ClientScope(Viewer("other")), "x.com") == (80, 9080)


def test_another_weight_lists_no_host_again() -> None:
    def weighted(weight: int) -> str:
        to = f"{{destination: {{host: web}}, weight: {weight}}}, {{destination: {{host: api}}}}"
        hosts = f'{WEB_HOST}", "x.example.com'
        return objects.virtual_service("a", hosts, f"{{route: [{to}]}}", namespace="shop")

    client = ClientScope(Viewer("other"))
    db = mesh(WEB, API, weighted(1), *(routing(f"r{i}", f"r{i}.example.com") for i in range(50)))
    for bucket in BUCKETS:
        db.pin(unregistered_hosts.ref(client, bucket))
    db.settle()
    before = db.statistics.runs
    apply(db, weighted(2), revision=2)
    assert db.settle() == ()
    assert db.statistics.runs - before <= 3, "its hosts, and the lists of two buckets"
