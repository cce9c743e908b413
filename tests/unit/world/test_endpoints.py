"""Where the instances of a service are."""

from __future__ import annotations

from tests.support.documents.translation import apply, mesh
from tests.support.documents.web_mesh import HOST, NODE, POD, SERVICE, SLICE, entry
from translators.database import Database
from translators.model.locality import Locality
from translators.model.service import Endpoint, Health
from translators.object_key import ObjectKey
from translators.world import service_endpoints

WEB = ObjectKey("Service", "shop", "web")
ENTRY = ObjectKey("ServiceEntry", "default", "x")


def at(db: Database, port: int = 80) -> tuple[Endpoint, ...]:
    return service_endpoints(db, ENTRY, "x.com", port)


def test_slices_give_address_health_labels_and_place() -> None:
    db = mesh(SERVICE, SLICE, NODE, POD)
    a, b, c, d = service_endpoints(db, WEB, HOST, 80)
    assert a.labels == {("app", "web"), ("version", "v1"), ("istio-locality", "r2.z2.s2")}
    assert a.locality == Locality("r2", "z2", "s2"), "the pod's own label comes first"
    assert b == Endpoint("10.1.0.2", 8080, locality=Locality("r1", "z1")), "then its node"
    assert c.locality == Locality("r1", "z1"), "a zone's region is that of its nodes"
    assert d.locality == Locality("", "z9")
    assert [one.health for one in (a, b, c, d)] == [
        Health.HEALTHY, Health.HEALTHY, Health.UNHEALTHY, Health.DRAINING,
    ]  # fmt: skip


def test_a_port_without_a_slice_port_of_its_name_has_no_endpoints() -> None:
    db = mesh(SERVICE.replace("name: http", "name: other"), SLICE)
    assert service_endpoints(db, WEB, HOST, 80) == ()
    assert service_endpoints(db, WEB, HOST, 81) == ()


def test_an_address_in_two_slices_is_listed_once() -> None:
    db = mesh(SERVICE, SLICE, SLICE.replace("name: web-1", "name: web-2"))
    assert len(service_endpoints(db, WEB, HOST, 80)) == 4


def test_not_ready_addresses_can_be_published_as_healthy() -> None:
    service = SERVICE.replace("selector", "publishNotReadyAddresses: true\n  selector")
    found = service_endpoints(mesh(service, SLICE), WEB, HOST, 80)
    assert {one.health for one in found} == {Health.HEALTHY}


def test_a_kubernetes_service_selects_workload_entries() -> None:
    db = mesh(
        SERVICE,
        """
        apiVersion: networking.istio.io/v1
        kind: WorkloadEntry
        metadata: {name: vm, namespace: shop}
        spec: {address: 10.9.0.1, labels: {app: web}}
    """,
    )
    assert [one[:2] for one in service_endpoints(db, WEB, HOST, 80)] == [("10.9.0.1", 8080)]


def test_an_external_name_has_that_name_as_endpoint() -> None:
    db = mesh(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
        "spec: {type: ExternalName, externalName: a.example.com, ports: [{port: 80, name: http}]}"
    )
    assert service_endpoints(db, WEB, HOST, 80) == (Endpoint("a.example.com", 80),)


def test_an_entrys_endpoints_have_their_own_port_else_the_target_port() -> None:
    db = mesh(
        entry(
            "resolution: STATIC, endpoints: [{address: 10.0.0.1, ports: {http: 9}, weight: 3},"
            " {address: 10.0.0.2, locality: r/z/s}]"
        )
    )
    assert at(db) == (
        Endpoint("10.0.0.1", 9, weight=3),
        Endpoint("10.0.0.2", 8080, locality=Locality("r", "z", "s")),
    )


def test_an_entry_resolved_by_dns_without_endpoints_has_its_host() -> None:
    assert at(mesh(entry("resolution: DNS"))) == (Endpoint("x.com", 8080),)
    assert at(mesh(entry("resolution: STATIC"))) == ()
    assert at(mesh(entry("resolution: DNS")), 81) == ()


def test_a_workload_selector_selects_workload_entries_and_pods_of_its_namespace() -> None:
    workload = """
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: NAME, namespace: NAMESPACE}
spec: {address: 10.0.0.NUMBER, labels: {app: web, version: vNUMBER}}
"""
    db = mesh(
        entry("resolution: STATIC, workloadSelector: {labels: {app: web}}"),
        workload.replace("NAMESPACE", "default").replace("NUMBER", "1").replace("NAME", "a"),
        workload.replace("NAMESPACE", "other").replace("NUMBER", "2").replace("NAME", "b"),
        POD.replace("shop", "default"),
    )
    assert [one[:2] for one in at(db)] == [("10.0.0.1", 8080), ("10.1.0.1", 8080)]


def test_endpoints_know_the_slices_nodes_and_pods_they_come_from() -> None:
    db = mesh(SERVICE, SLICE, NODE, POD)
    found = db.provenance(service_endpoints.ref(WEB, HOST, 80))
    assert {key for key, revision in found if revision} == {
        WEB, ObjectKey("EndpointSlice", "shop", "web-1"), ObjectKey("Node", "", "n1"), ObjectKey("Pod", "shop", "web-a"),
    }  # fmt: skip


def test_an_edit_of_one_services_endpoints_reruns_nothing_of_another() -> None:
    other = SERVICE.replace("web", "api")
    other_slice = SLICE.replace("web", "api")
    db = mesh(SERVICE, SLICE, other, other_slice, NODE)
    for name in ("web", "api"):
        db.pin(service_endpoints.ref(ObjectKey("Service", "shop", name), f"{name}.x", 80))
    db.settle()
    before = db.statistics.runs
    apply(db, SLICE.replace("10.1.0.2", "10.1.0.7"), 2)
    assert len(db.settle()) == 1
    assert db.statistics.runs - before == 1
