"""The services that a workload serves, by its addresses; and what of a client matters."""

from __future__ import annotations

from tests.support.documents.translation import apply, mesh
from tests.support.documents.web_mesh import NODE, POD, SERVICE, SLICE, entry
from translators.database import Database
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.world import client_scope, served_ports, workload_ports


def served(db: Database, *addresses: str) -> list[tuple[str, int, int]]:
    found = workload_ports(db, addresses)
    return [(one.service.hostname, one.port.number, one.target_port) for one in found]


WEB = "web.shop.svc.cluster.local"


def test_an_address_in_a_slice_serves_the_ports_that_the_slice_has() -> None:
    service = SERVICE.replace("}]", "}, {name: extra, port: 90}]")
    db = mesh(service, SLICE, NODE)
    assert served(db, "10.1.0.1") == [(WEB, 80, 8080)]
    assert served(db, "10.1.0.1", "10.1.0.2") == [(WEB, 80, 8080)]
    assert served(db, "10.1.0.99") == []


def test_an_address_in_an_entry_serves_its_ports() -> None:
    db = mesh(entry("resolution: STATIC, endpoints: [{address: 10.0.0.1, ports: {http: 9}},"
                    " {address: 10.0.0.2}]"))  # fmt: skip
    assert served(db, "10.0.0.1") == [("x.com", 80, 9)]
    assert served(db, "10.0.0.2") == [("x.com", 80, 8080)]


def test_a_workload_entry_serves_what_selects_it() -> None:
    db = mesh(
        SERVICE,
        entry("resolution: STATIC, workloadSelector: {labels: {app: web}}"),
        """
        apiVersion: networking.istio.io/v1
        kind: WorkloadEntry
        metadata: {name: vm, namespace: NS, labels: {app: web}}
        spec: {address: 10.9.0.1, ports: {http: 7}, labels: {version: v1}}
        """.replace("NS", "shop"),
    )
    assert served(db, "10.9.0.1") == [(WEB, 80, 7)]


def test_a_pod_serves_the_entries_that_select_it() -> None:
    text = entry("resolution: STATIC, workloadSelector: {labels: {app: web}}")
    db = mesh(text, POD.replace("shop", "default"))
    assert served(db, "10.1.0.1") == [("x.com", 80, 8080)]


def test_a_workload_is_ready_before_it_is_an_endpoint_and_until_it_is_none() -> None:
    text = entry("resolution: STATIC, workloadSelector: {labels: {app: web}}")
    workload = """
        apiVersion: networking.istio.io/v1
        kind: WorkloadEntry
        metadata: {name: vm, namespace: default}
        spec: {address: 10.9.0.1, ports: {http: 7}, labels: {app: web}}
        """
    labels = frozenset({("app", "web"), ("version", "v1")})

    def ports(db: Database, *found: tuple[str, str]) -> list[tuple[str, int, int]]:
        served = served_ports(db, ("10.9.0.1",), "default", frozenset(found or labels))
        return [(one.service.hostname, one.port.number, one.target_port) for one in served]

    assert ports(mesh(text)) == [("x.com", 80, 8080)]
    assert ports(mesh(text, workload)) == [("x.com", 80, 7)]
    assert ports(mesh(text), ("app", "other")) == []


def test_a_named_target_port_is_not_guessed() -> None:
    named = SERVICE.replace("targetPort: 8080", "targetPort: web")
    assert named != SERVICE
    db = mesh(named)
    assert served_ports(db, (), "shop", frozenset({("app", "web")})) == ()


def test_an_entry_whose_host_another_object_owns_is_not_served() -> None:
    db = mesh(SERVICE, entry("resolution: STATIC, endpoints: [{address: 10.0.0.1}]").replace(
        "x.com", WEB).replace("namespace: default", "namespace: shop"))  # fmt: skip
    assert served(db, "10.0.0.1") == []


def test_other_endpoints_of_its_services_do_not_concern_a_workload() -> None:
    db = mesh(SERVICE, SLICE)
    db.pin(workload_ports.ref(("10.1.0.1",)))
    db.settle()
    apply(db, SLICE.replace("10.1.0.2", "10.1.0.7"), 2)
    assert db.settle() == ()


def test_a_clients_scope_keeps_only_labels_by_which_rules_select() -> None:
    labels = frozenset({("app", "x"), ("version", "v1"), ("pod-hash", "123")})
    db = mesh()
    assert client_scope(db, "default", labels) == ClientScope(Viewer("default"))
    apply(
        db,
        """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: a, namespace: default}
        spec: {host: x.com, workloadSelector: {matchLabels: {app: x}}}
    """,
    )
    apply(
        db,
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: a, namespace: other}
        spec:
          hosts: [x.com]
          http:
          - match: [{sourceLabels: {version: v1}}]
            route: [{destination: {host: x.com}}]
    """,
    )
    kept = frozenset({("app", "x"), ("version", "v1")})
    assert client_scope(db, "default", labels) == ClientScope(Viewer("default"), kept)
    assert client_scope(db, "other", labels) == ClientScope(
        Viewer("other"), frozenset({("version", "v1")})
    )
