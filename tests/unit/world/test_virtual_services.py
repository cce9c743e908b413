"""Which virtual service routes a service's requests and connections."""

from __future__ import annotations

import pytest

from tests.support.documents import objects
from tests.support.documents.translation import mesh
from translators.model.origin import Labels
from translators.model.service import ClientScope, Protocol
from translators.model.viewer import Viewer
from translators.world import http_rules, l4_rules

HOST = "web.shop.svc.cluster.local"
TO_WEB = "route: [{destination: {host: web}}]"


def routing(
    name: str,
    host: str = "web",
    created: int = 2000,
    extra: str = "",
    *,
    namespace: str = "shop",
    match: str = "",
) -> str:
    """A VirtualService whose one rule has its name."""
    return objects.virtual_service(
        name,
        host,
        f"{{name: {name}, match: [{match}], {TO_WEB}}}",
        more=extra,
        namespace=namespace,
        created=f"{created}-01-01T00:00:00Z",
    )


def chosen(
    *texts: str, namespace: str = "shop", labels: Labels = frozenset(), port: int = 80
) -> str | None:
    rules = http_rules(mesh(*texts), HOST, ClientScope(Viewer(namespace), labels), port)
    return rules[0].name if rules else None


def test_an_exact_host_comes_before_wildcards_and_the_most_specific_of_these_first() -> None:
    exact = routing("exact", "web")
    near = routing("near", "*.shop.svc.cluster.local")
    far = routing("far", "*.local")
    assert chosen(far, near, exact) == "exact"
    assert chosen(far, near) == "near"
    assert chosen(far) == "far"
    assert chosen() is None


def test_of_two_for_a_host_the_oldest_wins() -> None:
    assert chosen(routing("a", "web", 2002), routing("b", "web", 2001)) == "b"


def test_those_of_other_gateways_and_other_namespaces_do_not_count() -> None:
    gateway = routing("gateway", "web", 1999, 'gateways: ["ingress"]')
    private = routing("private", "web", 1998, 'exportTo: ["."]')
    mesh_too = routing("both", "web", 2001, 'gateways: ["ingress", "mesh"]')
    assert chosen(gateway, private, mesh_too, namespace="other") == "both"
    assert chosen(gateway, private, mesh_too) == "private"


@pytest.mark.parametrize("export_to", ['["."]', "[client]", "[client, elsewhere]"])
def test_what_the_clients_namespace_exports_to_itself_comes_first_however_young(
    export_to: str,
) -> None:
    full = {"host": HOST, "namespace": "client"}
    own = routing("own", created=2003, extra=f"exportTo: {export_to}", **full)
    by_name = routing("named", created=2002, extra="exportTo: [client]")
    public = routing("public", created=2001)
    own_public = routing("own-public", created=2002, **full)
    assert chosen(own, by_name, public, own_public, namespace="client") == "own"
    assert chosen(by_name, public, own_public, namespace="client") == "named"
    assert chosen(public, own_public, namespace="client") == "public", "by age"
    assert chosen(own, by_name, public, own_public, namespace="other") == "public"


def test_age_decides_between_those_that_others_export_by_name() -> None:
    older = routing("older", created=2001, extra="exportTo: [client, other]")
    younger = routing("younger", created=2002, extra="exportTo: [client]")
    assert chosen(younger, older, namespace="client") == "older"


@pytest.mark.parametrize(
    "match", ["{port: 81}", "{sourceLabels: {app: x}}", "{sourceNamespace: x}", "{gateways: [x]}"]
)
def test_one_of_whose_rules_none_is_for_the_client_and_port_is_passed_over(match: str) -> None:
    first = routing("first", created=2001, match=match)
    assert chosen(first, routing("second", created=2002)) == "second"
    assert chosen(first, routing("second", created=2002, match=match)) is None


def test_one_with_a_rule_for_the_client_and_port_is_not_passed_over() -> None:
    first = routing("first", created=2001, match="{port: 81, sourceLabels: {app: x}}")
    second = routing("second", created=2002)
    label = frozenset({("app", "x")})
    assert chosen(first, second, labels=label, port=81) == "first"
    assert chosen(first, second, labels=label, port=80) == "second"
    assert chosen(first, second, port=81) == "second"


def test_one_for_a_more_specific_host_hides_wildcards_even_where_it_is_passed_over() -> None:
    exact = routing("exact", match="{port: 81}")
    assert chosen(exact, routing("wide", "*.shop.svc.cluster.local")) is None


def test_rules_for_connections_alone_leave_requests_to_the_next() -> None:
    tcp = objects.virtual_service("tcp", HOST, more=f"tcp: [{{{TO_WEB}}}]", created="2001-01-01T00:00:00Z")  # fmt: skip
    assert chosen(tcp, routing("second", created=2002)) == "second"


def test_connections_follow_the_rules_of_all_in_order_until_one_is_for_them() -> None:
    def by_tls(name: str, sni: str, host: str, created: int, export_to: str = "") -> str:
        return objects.virtual_service(
            name,
            host,
            more=f"tls: [{{match: [{{sniHosts: [{sni}]}}], {TO_WEB}}}]\n  {export_to}",
            namespace="shop",
            created=f"{created}-01-01T00:00:00Z",
        )

    db = mesh(
        by_tls("a", "web.shop.svc.cluster.local", HOST, 2001),
        by_tls("b", "'*.svc.cluster.local'", "*.svc.cluster.local", 2000),
        by_tls("c", "web.shop.svc.cluster.local", HOST, 2003, 'exportTo: ["."]'),
        routing("no-connections", created=1999),
    )

    def found(namespace: str, protocol: Protocol) -> list[str]:
        rules = l4_rules(db, HOST, Viewer(namespace), protocol)
        return [match.sni_hosts[0] for rule in rules for match in rule.match]

    assert found("shop", Protocol.TLS) == [HOST, HOST, "*.svc.cluster.local"]
    assert found("other", Protocol.TLS) == [HOST, "*.svc.cluster.local"]
    assert found("shop", Protocol.TCP) == []
