"""Which virtual service routes a host, and the hosts that only virtual services know."""

from __future__ import annotations

from tests.support.documents import objects
from tests.support.documents.buckets import everywhere
from tests.support.documents.translation import mesh
from translators.model.viewer import Viewer
from translators.world import bucket_of, unregistered_hosts
from translators.world.virtual_services import virtual_service_of

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
"""
HOST = "web.shop.svc.cluster.local"


def routing(name: str, host: str, created: int = 2000, extra: str = "") -> str:
    return objects.virtual_service(
        name,
        host,
        "{route: [{destination: {host: web}}]}",
        more=extra,
        namespace="shop",
        created=f"{created}-01-01T00:00:00Z",
    )


def chosen(*texts: str, namespace: str = "shop") -> str | None:
    found = virtual_service_of(mesh(*texts), HOST, Viewer(namespace))
    return None if found is None else found.name


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


def test_unregistered_hosts_are_those_for_which_there_is_no_service() -> None:
    db = mesh(
        SERVICE,
        routing("a", "web"),
        routing("b", "else.example.com"),
        routing("c", "*.shop.svc.cluster.local"),
        routing("d", "*.example.com"),
        routing("e", "private.com", extra='exportTo: ["."]'),
    )
    found = everywhere(lambda bucket: unregistered_hosts(db, Viewer("other"), bucket))
    assert set(found) == {"*.example.com", "else.example.com"}
    assert "private.com" in unregistered_hosts(db, Viewer("shop"), bucket_of("private.com"))
