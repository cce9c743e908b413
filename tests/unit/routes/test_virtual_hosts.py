"""Virtual hosts: names, domains and who owns them, default routes, and what an edit re-runs."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.route.v3 import VirtualHost

from tests.support.documents.buckets import everywhere
from tests.support.documents.objects import service, service_entry, virtual_service
from tests.support.documents.routes import REVIEWS, REVIEWS_HOST, virtual_host
from tests.support.documents.translation import CLIENT, apply, mesh
from translators import clusters, routes
from translators.codec import decode, encode
from translators.database import Database
from translators.model.proxy_node import Mode
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.routes.retries import DEFAULT_RETRY_ON
from translators.world import BUCKETS, bucket_of

OTHER = ClientScope(Viewer("other"))


def names(db: Database, mode: Mode, route: str, client: ClientScope = CLIENT) -> tuple[str, ...]:
    found = everywhere(lambda bucket: routes.host_names(db, client, mode, bucket))
    return tuple(sorted(name for name in found if name.startswith(f"{route}/")))


def route_names(db: Database, mode: Mode, client: ClientScope = CLIENT) -> tuple[str, ...]:
    return tuple(sorted(everywhere(lambda bucket: routes.route_names(db, client, mode, bucket))))


HTTP80 = "{number: 80, name: http, protocol: HTTP}"


def test_captured_hosts_have_all_short_forms_and_virtual_ips_without_ports() -> None:
    host = virtual_host(mesh(REVIEWS), f"9080/{REVIEWS_HOST}:9080")
    assert host.name == f"9080/{REVIEWS_HOST}:9080", "Envoy removes hosts by it"
    assert host.domains == [
        REVIEWS_HOST,
        f"{REVIEWS_HOST}.",
        "reviews",
        "reviews.default",
        "reviews.default.svc",
        "10.0.0.1",
    ]


def test_clients_of_another_namespace_do_not_get_the_bare_name() -> None:
    host = virtual_host(mesh(REVIEWS), f"9080/{REVIEWS_HOST}:9080", client=OTHER)
    assert "reviews" not in host.domains
    assert "reviews.default" in host.domains


def test_egress_hosts_have_a_port_and_the_default_port_also_none() -> None:
    db = mesh(
        """
        apiVersion: v1
        kind: Service
        metadata: {name: shop}
        spec:
          clusterIP: fd00::1
          ports: [{port: 8080, name: http-admin}, {port: 80, name: http}]
        """
    )
    host = "shop.default.svc.cluster.local"
    admin = virtual_host(db, f"egress/{host}:8080", Mode.EGRESS).domains
    plain = virtual_host(db, f"egress/{host}:80", Mode.EGRESS).domains
    assert {"shop:8080", f"{host}:8080", "[fd00::1]:8080"} <= set(admin)
    assert all(domain.endswith(":8080") for domain in admin)
    assert {"shop", "shop:80", "[fd00::1]", "[fd00::1]:80"} <= set(plain)


def test_without_port_80_the_first_http_port_is_the_default() -> None:
    domains = virtual_host(mesh(REVIEWS), f"egress/{REVIEWS_HOST}:9080", Mode.EGRESS).domains
    assert {"reviews", "reviews:9080"} <= set(domains)


def test_tcp_services_are_reached_by_connect_in_egress_mode_only() -> None:
    db = mesh(
        """
        apiVersion: v1
        kind: Service
        metadata: {name: db}
        spec: {ports: [{port: 5432, name: tcp}]}
        """
    )
    assert route_names(db, Mode.CAPTURED) == ()
    host = virtual_host(db, "egress/db.default.svc.cluster.local:5432", Mode.EGRESS)
    assert "db:5432" in host.domains
    assert "db" not in host.domains
    (route,) = host.routes
    assert route.match is not None
    assert route.match.connect_matcher is not None
    assert route.route is not None
    assert route.route.cluster == "outbound|5432||db.default.svc.cluster.local"
    assert [one.upgrade_type for one in route.route.upgrade_configs] == ["CONNECT"]


def test_a_default_host_is_what_the_codec_would_write() -> None:
    body = mesh(REVIEWS).outcome(
        routes.virtual_host.ref(CLIENT, Mode.CAPTURED, f"9080/{REVIEWS_HOST}:9080")
    )
    assert encode(decode(VirtualHost, body.body)) == body.body


def test_the_default_route_has_no_timeout_and_istios_retries() -> None:
    host = virtual_host(mesh(REVIEWS), f"9080/{REVIEWS_HOST}:9080")
    (route,) = host.routes
    assert route.name == "default"
    assert route.route is not None
    assert route.route.cluster == f"outbound|9080||{REVIEWS_HOST}"
    assert route.route.timeout is not None
    assert not route.route.timeout
    assert host.retry_policy is not None
    assert host.retry_policy.retry_on == DEFAULT_RETRY_ON
    assert host.retry_policy.num_retries == 2
    assert host.retry_policy.retriable_status_codes == [503]
    assert host.retry_policy.host_selection_retry_max_attempts == 5
    assert len(host.retry_policy.retry_host_predicate) == 1


def test_route_names_are_ports_when_captured_and_one_table_at_the_egress_listener() -> None:
    db = mesh(REVIEWS, service_entry("a", "a.example.com", HTTP80))
    assert route_names(db, Mode.CAPTURED) == ("80", "9080")
    assert route_names(db, Mode.EGRESS) == ("egress",)
    assert route_names(db, Mode.PROXYLESS) == ("a.example.com:80", f"{REVIEWS_HOST}:9080")
    assert names(db, Mode.EGRESS, "egress") == (
        "egress/a.example.com:80",
        f"egress/{REVIEWS_HOST}:9080",
    )


def test_a_route_configuration_without_hosts_gets_one_that_nobody_can_ask_for() -> None:
    db = mesh("")
    assert names(db, Mode.EGRESS, "egress") == ("egress/placeholder",)
    assert virtual_host(db, "egress/placeholder", Mode.EGRESS).domains == ["placeholder.invalid"]


def test_hosts_of_virtual_services_alone_are_on_port_80() -> None:
    db = mesh(
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: old}
        spec:
          hosts: [old.example.com, "*.wild.example.com"]
          http: [{route: [{destination: {host: new.example.com}}]}]
        """
    )
    assert route_names(db, Mode.CAPTURED) == ("80",)
    assert names(db, Mode.CAPTURED, "80") == (
        "80/*.wild.example.com:80",
        "80/old.example.com:80",
    )
    host = virtual_host(db, "80/old.example.com:80")
    assert host.routes[0].route is not None
    assert host.routes[0].route.cluster == "outbound|80||new.example.com"
    assert virtual_host(db, "80/*.wild.example.com:80").domains == ["*.wild.example.com"]


HIDDEN = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: far, annotations: {networking.istio.io/exportTo: "."}}
spec: {clusterIP: 10.0.0.9, ports: [{port: 9080, name: http}]}
---
"""
FAR_HOST = "reviews.far.svc.cluster.local"


def routing(name: str, hosts: str, *, match: str = "", extra: str = "") -> str:
    to = "route: [{destination: {host: reviews.default.svc.cluster.local}}]"
    rule = f"{{match: [{match}], {to}}}"
    return virtual_service(name, '", "'.join(hosts.split()), rule, more=extra)


def test_a_host_that_only_a_virtual_service_knows_answers_to_its_full_name_alone() -> None:
    db = mesh(HIDDEN, routing("a", FAR_HOST))
    assert virtual_host(db, f"80/{FAR_HOST}:80").domains == [FAR_HOST]
    egress = virtual_host(db, f"egress/{FAR_HOST}:80", Mode.EGRESS).domains
    assert egress == [FAR_HOST, f"{FAR_HOST}:80"]
    proxyless = virtual_host(db, f"{FAR_HOST}:80/{FAR_HOST}:80", Mode.PROXYLESS).domains
    assert proxyless == [FAR_HOST, f"{FAR_HOST}:80"]
    own = virtual_host(db, f"9080/{FAR_HOST}:9080", client=ClientScope(Viewer("far"))).domains
    assert {"reviews", "10.0.0.9"} <= set(own), "who sees the service has all of its names"


def test_a_host_answers_on_the_ports_of_the_others_of_its_virtual_service() -> None:
    db = mesh(REVIEWS, routing("a", f"{REVIEWS_HOST} x.example.com"))
    assert names(db, Mode.CAPTURED, "80") == ()
    assert names(db, Mode.CAPTURED, "9080") == (
        f"9080/{REVIEWS_HOST}:9080",
        "9080/x.example.com:9080",
    )
    host = virtual_host(db, "9080/x.example.com:9080")
    assert host.domains == ["x.example.com"]
    assert host.routes[0].route is not None
    assert host.routes[0].route.cluster == f"outbound|9080||{REVIEWS_HOST}"
    egress = virtual_host(db, "egress/x.example.com:9080", Mode.EGRESS).domains
    assert egress == ["x.example.com", "x.example.com:9080"]


def test_a_request_without_a_port_means_the_first_on_which_such_a_host_answers() -> None:
    two = REVIEWS.replace("ports: [", "ports: [{port: 7070, name: http-b}, ")
    db = mesh(two, routing("a", f"{REVIEWS_HOST} x.example.com"))
    first = virtual_host(db, "egress/x.example.com:7070", Mode.EGRESS).domains
    second = virtual_host(db, "egress/x.example.com:9080", Mode.EGRESS).domains
    assert first == ["x.example.com", "x.example.com:7070"]
    assert second == ["x.example.com:9080"]


def test_a_service_keeps_its_names_on_its_own_ports_and_has_its_full_one_on_others() -> None:
    other = service("other", "{name: http, port: 7070}")
    db = mesh(REVIEWS, other, routing("a", f"{REVIEWS_HOST} other.default.svc.cluster.local"))
    assert "reviews" in virtual_host(db, f"9080/{REVIEWS_HOST}:9080").domains
    assert virtual_host(db, f"7070/{REVIEWS_HOST}:7070").domains == [REVIEWS_HOST]
    egress = virtual_host(db, f"egress/{REVIEWS_HOST}:7070", Mode.EGRESS).domains
    assert egress == [f"{REVIEWS_HOST}:7070"]


def test_a_host_that_has_no_rule_for_a_client_is_not_there_for_it() -> None:
    db = mesh(routing("a", "x.example.com", match="{sourceLabels: {app: x}}"))
    assert names(db, Mode.CAPTURED, "80") == route_names(db, Mode.CAPTURED) == ()
    assert names(db, Mode.EGRESS, "egress") == ("egress/placeholder",)
    labelled = ClientScope(Viewer("default"), frozenset({("app", "x")}))
    assert names(db, Mode.CAPTURED, "80", labelled) == ("80/x.example.com:80",)


def test_a_service_without_a_rule_for_a_client_has_its_default_route() -> None:
    db = mesh(REVIEWS, routing("a", REVIEWS_HOST, match="{sourceLabels: {app: x}}"))
    (route,) = virtual_host(db, f"9080/{REVIEWS_HOST}:9080").routes
    assert route.name == "default"


def test_a_destination_that_is_not_exported_to_the_clients_namespace_stays_unknown_to_it() -> None:
    mine = service_entry("mine", "mine.example.com", HTTP80, "exportTo: [other]")
    to = "{route: [{destination: {host: mine.example.com}}]}"
    db = mesh(REVIEWS, mine, virtual_service("a", REVIEWS_HOST, to))
    (route,) = virtual_host(db, f"9080/{REVIEWS_HOST}:9080").routes
    assert route.route is not None
    assert "mine.example.com" in (route.route.cluster or "")
    known = everywhere(lambda bucket: clusters.cluster_names(db, CLIENT, bucket))
    assert {name.host for name in known} == {REVIEWS_HOST}, "so Envoy answers with a 503"


def test_a_host_named_like_a_short_form_keeps_its_name_where_it_answers() -> None:
    db = mesh(
        REVIEWS,
        service("b", "{name: http, port: 9080}"),
        routing("trap", "reviews.default b.default.svc.cluster.local"),
        routing("far", "reviews.default.svc"),
    )
    assert virtual_host(db, "9080/reviews.default:9080").domains == ["reviews.default"]
    ours = virtual_host(db, f"9080/{REVIEWS_HOST}:9080").domains
    assert "reviews.default" not in ours
    assert "reviews.default.svc" in ours, "the other host answers on port 80"
    egress = virtual_host(db, f"egress/{REVIEWS_HOST}:9080", Mode.EGRESS).domains
    assert "reviews.default:9080" not in egress
    assert "reviews.default.svc:9080" in egress
    assert "reviews.default.svc" not in egress


def test_a_host_named_like_a_short_form_keeps_its_name() -> None:
    db = mesh(
        REVIEWS,
        service_entry("trap", "reviews.default", "{number: 9080, name: http, protocol: HTTP}"),
        service_entry("far", "reviews.default.svc", "{number: 1234, name: http, protocol: HTTP}"),
    )
    assert "reviews.default" in virtual_host(db, "9080/reviews.default:9080").domains
    ours = virtual_host(db, f"9080/{REVIEWS_HOST}:9080").domains
    assert "reviews.default" not in ours
    assert "reviews.default.svc" in ours, "the other host does not have this port"
    egress = virtual_host(db, f"egress/{REVIEWS_HOST}:9080", Mode.EGRESS).domains
    assert "reviews.default.svc:9080" in egress
    assert "reviews.default.svc" not in egress


def test_a_shared_virtual_ip_belongs_to_the_oldest_service_with_the_port() -> None:
    db = mesh(
        service_entry("b", "b.example.com", HTTP80, "addresses: [10.1.1.1]"),
        service_entry("a", "a.example.com, c.example.com", HTTP80, "addresses: [10.1.1.1]"),
        service_entry(
            "d",
            "d.example.com",
            "{number: 81, name: http, protocol: HTTP}",
            "addresses: [10.1.1.1]",
        ),
    )
    owners = [
        host
        for host in ("a", "b", "c")
        if "10.1.1.1" in virtual_host(db, f"80/{host}.example.com:80").domains
    ]
    assert owners == ["a"]
    assert "10.1.1.1" in virtual_host(db, "81/d.example.com:81").domains
    egress = virtual_host(db, "egress/d.example.com:81", Mode.EGRESS).domains
    assert "10.1.1.1:81" in egress
    assert "10.1.1.1" not in egress


@pytest.mark.parametrize("mode", [Mode.CAPTURED, Mode.EGRESS])
def test_address_ranges_are_no_domains(mode: Mode) -> None:
    db = mesh(service_entry("a", "a.example.com", HTTP80, "addresses: [10.1.0.0/16]"))
    route = "80" if mode is Mode.CAPTURED else "egress"
    domains = virtual_host(db, f"{route}/a.example.com:80", mode).domains
    assert not any("/" in domain for domain in domains)


MESH = (
    REVIEWS
    + service_entry(
        "web",
        "web.example.com",
        HTTP80,
        "addresses: [10.2.0.1]\n  endpoints: [{address: 10.9.0.1}, {address: 10.9.0.2}]",
    )
    + """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web.example.com]
  http: [{route: [{destination: {host: web.example.com, subset: v1}}]}]
"""
)


def held(db: Database) -> None:
    """Hold every route resource of a client in all modes, as proxies would."""
    for mode in Mode:
        for route in route_names(db, mode):
            db.pin(routes.route_configuration.ref(CLIENT, mode, route))
        for bucket in BUCKETS:
            db.pin(routes.host_names.ref(CLIENT, mode, bucket))
            for name in routes.host_names(db, CLIENT, mode, bucket):
                db.pin(routes.virtual_host.ref(CLIENT, mode, name))
    db.settle()


def test_an_endpoint_edit_changes_nothing_and_re_runs_one_query() -> None:
    db = mesh(MESH)
    held(db)
    before = db.statistics.runs
    apply(
        db,
        service_entry("web", "web.example.com", HTTP80, "addresses: [10.2.0.1]\n  endpoints: []"),
        revision=2,
    )
    assert db.settle() == ()
    assert db.statistics.runs - before == 1, "only what describes the service itself"


def test_a_new_service_changes_no_other_virtual_host() -> None:
    db = mesh(MESH)
    held(db)
    apply(db, service_entry("new", "new.example.com", HTTP80, "addresses: [10.2.0.9]"), revision=2)
    changed = [(ref.query.name, ref.key[-1]) for ref in db.settle()]
    assert changed == [("host_names", bucket_of("new.example.com"))] * len(Mode)


def test_a_weight_change_runs_the_one_virtual_host_of_each_mode() -> None:
    db = mesh(MESH)
    held(db)
    apply(
        db,
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: web}
        spec:
          hosts: [web.example.com]
          http: [{route: [{destination: {host: web.example.com, subset: v2}}]}]
        """,
        revision=2,
    )
    before = db.statistics.runs
    changed = {ref.key[-1] for ref in db.settle()}
    assert changed == {
        "80/web.example.com:80",
        "egress/web.example.com:80",
        "web.example.com:80/web.example.com:80",
    }
    assert db.statistics.runs - before == 5, (
        "three hosts, the routes of Envoys and those of gRPC clients"
    )
