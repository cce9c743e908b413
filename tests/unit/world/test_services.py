"""Which service a host name means to whom, and what its ports speak."""

from __future__ import annotations

import pytest

from tests.support.documents.buckets import everywhere
from tests.support.documents.objects import service_entry
from tests.support.documents.translation import mesh
from translators.database import Database
from translators.model.service import Protocol, Resolution
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey
from translators.world import bucket_of, service_of, services_of_host, visible_hosts
from translators.world.protocols import port_protocol

WEB = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.0.0.1
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: dns, port: 53, protocol: UDP}
"""


def test_a_kubernetes_service_is_found_by_its_full_name() -> None:
    found = service_of(mesh(WEB), "web.shop.svc.cluster.local", Viewer("elsewhere"))
    assert found is not None
    assert found.source == ObjectKey("Service", "shop", "web")
    assert [(port.number, port.protocol, port.target_port) for port in found.ports] == [
        (80, Protocol.HTTP, 8080)
    ], "UDP ports are left out"
    assert found.addresses == ("10.0.0.1",)


def hosts(db: Database, namespace: str) -> set[str]:
    return set(everywhere(lambda bucket: visible_hosts(db, Viewer(namespace), bucket)))


@pytest.mark.parametrize("host", ["web", "web.shop", "web.other.svc.cluster.local", "a.b.c"])
def test_other_names_mean_nothing(host: str) -> None:
    assert service_of(mesh(WEB), host, Viewer("shop")) is None


def test_an_external_name_is_resolved_by_dns() -> None:
    db = mesh("""
        apiVersion: v1
        kind: Service
        metadata: {name: db, namespace: shop}
        spec: {type: ExternalName, externalName: db.example.com, ports: [{port: 5432, name: tcp}]}
    """)
    found = service_of(db, "db.shop.svc.cluster.local", Viewer("shop"))
    assert found is not None
    assert found.resolution is Resolution.DNS


def test_a_kubernetes_service_keeps_its_host_name_from_entries() -> None:
    host = "web.shop.svc.cluster.local"
    db = mesh(service_entry("old", host, namespace="zoo", created="2001-01-01T00:00:00Z"), WEB)
    for namespace in ("shop", "elsewhere"):
        found = service_of(db, host, Viewer(namespace))
        assert found is not None
        assert found.is_kubernetes


def test_the_clients_own_namespace_comes_before_everything() -> None:
    host = "web.shop.svc.cluster.local"
    db = mesh(WEB, service_entry("mine", host, namespace="mine"))
    found = service_of(db, host, Viewer("mine"))
    assert found is not None
    assert found.source == ObjectKey("ServiceEntry", "mine", "mine")


def test_of_two_entries_for_a_host_the_older_one_wins() -> None:
    db = mesh(
        service_entry("a", "x.com", namespace="one", created="2020-01-01T00:00:00Z"),
        service_entry("b", "x.com", namespace="two", created="2010-01-01T00:00:00Z"),
    )
    found = service_of(db, "x.com", Viewer("elsewhere"))
    assert found is not None
    assert found.namespace == "two"


def test_what_is_exported_to_the_client_by_name_comes_before_what_everyone_sees() -> None:
    public = service_entry("a", "x.com", namespace="one", created="2001-01-01T00:00:00Z")
    by_name = service_entry(
        "b",
        "x.com",
        more="exportTo: [client]",
        namespace="two",
        created="2020-01-01T00:00:00Z",
    )
    older_by_name = service_entry(
        "c",
        "x.com",
        more="exportTo: [third, client]",
        namespace="three",
        created="2010-01-01T00:00:00Z",
    )
    db = mesh(public, by_name, older_by_name)
    assert owner(db, "client") == "three"
    assert owner(mesh(public, by_name), "client") == "two"
    assert owner(db, "elsewhere") == "one"


def test_a_namespaces_own_service_comes_before_what_others_export_to_it() -> None:
    mine = service_entry("a", "x.com", namespace="mine", created="2020-01-01T00:00:00Z")
    theirs = service_entry(
        "b", "x.com", more="exportTo: [mine]", namespace="two", created="2001-01-01T00:00:00Z"
    )
    assert owner(mesh(mine, theirs), "mine") == "mine"


def test_of_a_namespaces_own_the_one_that_it_keeps_to_itself_comes_first() -> None:
    shared = service_entry("a", "x.com", namespace="mine", created="2001-01-01T00:00:00Z")
    kept = service_entry(
        "b", "x.com", more='exportTo: ["."]', namespace="mine", created="2020-01-01T00:00:00Z"
    )
    found = service_of(mesh(shared, kept), "x.com", Viewer("mine"))
    assert found is not None
    assert found.source.name == "b"
    other = service_of(mesh(shared, kept), "x.com", Viewer("elsewhere"))
    assert other is not None
    assert other.source.name == "a"


def test_a_kubernetes_service_comes_before_an_entry_that_is_exported_by_name() -> None:
    host = "web.shop.svc.cluster.local"
    entry = service_entry("a", host, more="exportTo: [client]", namespace="two")
    found = service_of(mesh(entry, WEB), host, Viewer("client"))
    assert found is not None
    assert found.is_kubernetes


def owner(db: Database, namespace: str) -> str | None:
    """The namespace of the service that x.com means to a client."""
    found = service_of(db, "x.com", Viewer(namespace))
    return None if found is None else found.namespace


@pytest.mark.parametrize(
    ("export_to", "seen_by"),
    [
        ("[]", {"default", "other"}),
        ('["*"]', {"default", "other"}),
        ('["."]', {"default"}),
        ('["other"]', {"other"}),
        ('["~"]', set()),
        ('[".", "other"]', {"default", "other"}),
    ],
)
def test_export_to_says_who_sees_a_host(export_to: str, seen_by: set[str]) -> None:
    db = mesh(
        service_entry("a", "x.com", more=f"exportTo: {export_to}"), service_entry("b", "y.com")
    )
    for namespace in ("default", "other"):
        visible = namespace in seen_by
        assert (service_of(db, "x.com", Viewer(namespace)) is not None) is visible
        assert hosts(db, namespace) == ({"x.com", "y.com"} if visible else {"y.com"})


def test_what_is_exported_to_everyone_and_to_one_is_seen_once() -> None:
    one = service_entry("a", "x.com")
    again = service_entry("b", "x.com", more='exportTo: ["default", "other"]')
    wild = service_entry("c", '"*.x.com"', more='exportTo: ["other"]')
    db = mesh(one, again, wild)
    assert hosts(db, "other") == {"x.com", "*.x.com"}
    assert hosts(db, "default") == hosts(db, "third") == {"x.com"}
    assert visible_hosts(db, Viewer("other"), bucket_of("x.com")) == ("x.com",)


def test_an_endpoint_more_leaves_the_service_as_it_is() -> None:
    db = mesh(service_entry("a", "x.com"))
    db.pin(visible_hosts.ref(Viewer("default"), bucket_of("x.com")))
    db.pin(services_of_host.ref("x.com"))
    db.settle()
    changed = mesh(service_entry("a", "x.com", more="endpoints: [{address: 10.0.0.9}]"))
    key = ObjectKey("ServiceEntry", "default", "a")
    assert db.set(key, changed.input(key), 2)
    assert db.settle() == ()


@pytest.mark.parametrize(
    ("number", "name", "app_protocol", "expected"),
    [
        (80, "http", "", Protocol.HTTP),
        (80, "http-web", "", Protocol.HTTP),
        (80, "grpc", "http", Protocol.HTTP),
        (80, "tcp-x", "kubernetes.io/h2c", Protocol.HTTP2),
        (80, "x", "kubernetes.io/ws", Protocol.HTTP),
        (80, "grpc-web-1", "", Protocol.GRPC),
        (443, "https", "", Protocol.TLS),
        (443, "", "TLS", Protocol.TLS),
        (1, "mongo", "", Protocol.TCP),
        (3306, "", "", Protocol.TCP),
        (3306, "http", "", Protocol.HTTP),
        (80, "", "", Protocol.AUTO),
        (80, "web", "unheard-of", Protocol.AUTO),
    ],
)
def test_a_ports_protocol(number: int, name: str, app_protocol: str, expected: Protocol) -> None:
    assert port_protocol(number, name, app_protocol) is expected
