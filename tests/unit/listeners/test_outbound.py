"""The egress listener, and the listeners of proxyless clients."""

from __future__ import annotations

from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
)

from tests.support.documents.buckets import everywhere
from tests.support.documents.objects import virtual_service
from tests.support.documents.routes import REVIEWS, REVIEWS_HOST
from tests.support.documents.translation import CLIENT, mesh
from translators import listeners, routes
from translators.codec import decode
from translators.database import Database
from translators.model.proxy_node import Mode
from translators.model.resource import Reference
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.names import ROUTE_TYPE


def names(db: Database, mode: Mode, client: ClientScope = CLIENT) -> tuple[str, ...]:
    return everywhere(lambda bucket: listeners.listener_names(db, client, mode, bucket))


def test_the_egress_listener_is_for_this_machine_and_alone_on_its_port() -> None:
    db = mesh(REVIEWS)
    assert names(db, Mode.EGRESS) == ("egress",)
    found = db.outcome(listeners.listener.ref(CLIENT, Mode.EGRESS, "egress", 15123))
    message = decode(Listener, found.body)
    assert found.needs == (Reference(ROUTE_TYPE, "egress"),)
    assert message.address is not None
    assert message.address.socket_address is not None
    assert message.address.socket_address.address == "127.0.0.1"
    assert message.address.socket_address.port_value == 15123
    assert message.enable_reuse_port is False
    config = message.filter_chains[0].filters[0].typed_config
    assert config is not None
    manager = decode(HttpConnectionManager, config.value)
    assert {one.upgrade_type for one in manager.upgrade_configs} == {"websocket", "CONNECT"}


def test_proxyless_clients_find_a_service_by_each_of_its_names() -> None:
    db = mesh(REVIEWS)
    found_names = names(db, Mode.PROXYLESS)
    assert set(found_names) == {
        "reviews:9080",
        "reviews.default:9080",
        "reviews.default.svc:9080",
        f"{REVIEWS_HOST}:9080",
    }
    known = everywhere(lambda bucket: routes.route_names(db, CLIENT, Mode.PROXYLESS, bucket))
    for name in found_names:
        found = db.outcome(listeners.listener.ref(CLIENT, Mode.PROXYLESS, name, 0))
        assert found.name == name
        assert found.needs == (Reference(ROUTE_TYPE, f"{REVIEWS_HOST}:9080"),)
        assert {need.name for need in found.needs} <= set(known)
        assert decode(Listener, found.body).api_listener is not None


def test_proxyless_clients_find_a_host_of_a_virtual_service_by_its_full_name_alone() -> None:
    to = "{route: [{destination: {host: reviews.default.svc.cluster.local}}]}"
    hidden = "web.far.svc.cluster.local"
    db = mesh(REVIEWS, virtual_service("a", f'{REVIEWS_HOST}", "{hidden}', to))
    found = set(names(db, Mode.PROXYLESS))
    assert {f"{hidden}:9080", "reviews.default:9080"} <= found
    assert not {"web.far:9080", "web.far.svc:9080", f"{hidden}:80"} & found
    target = db.outcome(listeners.listener.ref(CLIENT, Mode.PROXYLESS, f"{hidden}:9080", 0))
    assert target.needs == (Reference(ROUTE_TYPE, f"{hidden}:9080"),)


def test_a_port_gets_a_listener_only_for_clients_that_a_rule_is_for() -> None:
    to = "{match: [{sourceLabels: {app: x}}], route: [{destination: {host: reviews}}]}"
    db = mesh(virtual_service("a", "x.example.com", to))
    labelled = ClientScope(Viewer("default"), frozenset({("app", "x")}))
    assert names(db, Mode.CAPTURED) == ("virtualOutbound",)
    assert set(names(db, Mode.CAPTURED, labelled)) == {"virtualOutbound", "0.0.0.0_80"}


def test_the_bare_name_is_for_clients_of_the_same_namespace() -> None:
    found = names(mesh(REVIEWS), Mode.PROXYLESS, ClientScope(Viewer("other")))
    assert "reviews:9080" not in found
    assert "reviews.default:9080" in found


def test_a_deeper_name_of_the_clusters_domain_has_no_short_forms() -> None:
    db = mesh("""
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: replica, namespace: default}
        spec:
          hosts: [replica-0.db.default.svc.cluster.local]
          resolution: STATIC
          ports: [{number: 80, name: http, protocol: HTTP}]
          endpoints: [{address: 10.0.0.1}]
        """)
    assert names(db, Mode.PROXYLESS) == ("replica-0.db.default.svc.cluster.local:80",)
