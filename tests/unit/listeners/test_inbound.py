"""Inbound listeners, captured and bound."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.listener.v3 import Listener

from tests.support.documents.translation import mesh
from translators import listeners
from translators.codec import decode
from translators.database import Database
from translators.model.proxy_node import Mode, ProxyNode
from translators.model.resource import Reference
from translators.names import ROUTE_TYPE
from translators.world import workload_ports
from translators.world.inbound import Inbound, inbound_of

MESH = """
apiVersion: v1
kind: Service
metadata: {name: app}
spec:
  clusterIP: 10.0.0.1
  selector: {app: app}
  ports:
  - {port: 80, name: http, targetPort: 8080}
  - {port: 81, name: grpc, targetPort: 8081}
  - {port: 5432, name: tcp}
  - {port: 9000, name: x}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, labels: {kubernetes.io/service-name: app}}
addressType: IPv4
ports:
- {name: http, port: 8080}
- {name: grpc, port: 8081}
- {name: tcp, port: 5432}
- {name: x, port: 9000}
endpoints: [{addresses: [127.0.0.9]}]
"""


def received(db: Database, node: ProxyNode) -> Inbound:
    return inbound_of(node, db.outcome(workload_ports.ref(node.addresses)))


def node(mode: Mode, inbound: tuple[tuple[int, str], ...] = ()) -> ProxyNode:
    return ProxyNode("n", "app-1", "default", mode, ("127.0.0.9",), inbound=inbound)


def test_captured_connections_are_told_apart_by_port() -> None:
    db = mesh(MESH)
    found = received(db, node(Mode.CAPTURED))
    assert listeners.inbound_listener_names(found) == ("virtualInbound",)
    resource = db.outcome(listeners.inbound_listener.ref(found, "virtualInbound"))
    assert resource.needs == tuple(
        Reference(ROUTE_TYPE, f"inbound|{port}||") for port in (8080, 8081, 9000)
    )
    message = decode(Listener, resource.body)
    matches = [one.filter_chain_match for one in message.filter_chains]
    assert [one.destination_port for one in matches if one] == [15006, 5432, 8080, 8081, 9000, 9000]
    assert message.default_filter_chain is not None
    inspector = message.listener_filters[1]
    assert inspector.filter_disabled is not None, "a TCP server may speak first"


def test_what_is_not_http_finds_the_chain_of_its_untold_port() -> None:
    db = mesh(MESH)
    found = received(db, node(Mode.CAPTURED))
    resource = db.outcome(listeners.inbound_listener.ref(found, "virtualInbound"))
    message = decode(Listener, resource.body)
    matches = [one.filter_chain_match for one in message.filter_chains]
    requests, rest = [one for one in matches if one and one.destination_port == 9000]
    assert requests.application_protocols
    assert not requests.transport_protocol, "Envoy does not come back from a transport protocol"
    assert not rest.application_protocols
    assert message.continue_on_listener_filters_timeout
    assert message.listener_filters_timeout, "the server may speak first"


def test_a_listener_per_port_stands_before_an_application_that_listens_elsewhere() -> None:
    db = mesh(MESH)
    applications = ((8080, "127.0.0.1:18080"), (9000, "127.0.0.1:9000"))
    found = received(db, node(Mode.EGRESS, applications))
    names = listeners.inbound_listener_names(found)
    assert names == ("127.0.0.9_8080", "127.0.0.9_9000")
    assert [one.app_address for one in found.ports] == ["127.0.0.1:18080", "127.0.0.1:9000"]
    for name in names:
        message = decode(Listener, db.outcome(listeners.inbound_listener.ref(found, name)).body)
        assert message.enable_reuse_port is False
        assert message.address is not None
        assert message.address.socket_address is not None
        assert message.address.socket_address.address == "127.0.0.9"


def test_an_application_on_its_own_address_is_reached_directly() -> None:
    db = mesh(MESH)
    found = received(db, node(Mode.EGRESS, ((8080, "127.0.0.9:8080"),)))
    assert "127.0.0.9_8080" not in listeners.inbound_listener_names(found)


def test_what_is_not_http_finds_the_default_chain_of_a_listener_at_the_workload() -> None:
    db = mesh(MESH)
    found = received(db, node(Mode.EGRESS, ((9000, "127.0.0.1:19000"),)))
    resource = db.outcome(listeners.inbound_listener.ref(found, "127.0.0.9_9000"))
    message = decode(Listener, resource.body)
    (requests,) = message.filter_chains
    assert requests.filter_chain_match is not None
    assert requests.filter_chain_match.application_protocols
    assert message.default_filter_chain is not None
    assert message.continue_on_listener_filters_timeout
    assert message.listener_filters_timeout, "the server may speak first"


def test_a_service_opens_no_port_that_the_bootstrap_does_not_name() -> None:
    claims = MESH.replace("selector: {app: app}", "selector: {}")
    for text in (MESH, claims):
        found = received(mesh(text), node(Mode.EGRESS, ((8080, "127.0.0.1:18080"),)))
        assert listeners.inbound_listener_names(found) == ("127.0.0.9_8080",)
        assert received(mesh(text), node(Mode.EGRESS)) == Inbound()


def test_a_port_that_the_bootstrap_names_waits_for_a_service() -> None:
    found = received(mesh(""), node(Mode.EGRESS, ((8080, "127.0.0.1:18080"),)))
    assert found == Inbound()


@pytest.mark.parametrize("port", [15000, 15001, 15006])
def test_envoy_s_own_ports_receive_nothing_for_services(port: int) -> None:
    db = mesh(MESH.replace("port: 5432", f"port: {port}"))
    found = received(db, node(Mode.CAPTURED))
    assert [one.port for one in found.ports] == [8080, 8081, 9000]
    resource = db.outcome(listeners.inbound_listener.ref(found, "virtualInbound"))
    matches = [one.filter_chain_match for one in decode(Listener, resource.body).filter_chains]
    assert sorted({one.destination_port for one in matches if one}) == [8080, 8081, 9000, 15006]


def test_a_proxy_without_services_receives_nothing() -> None:
    found = received(mesh(""), node(Mode.EGRESS))
    assert listeners.inbound_listener_names(found) == ()


def test_an_unknown_inbound_listener_is_an_error() -> None:
    outcome = mesh(MESH)
    with pytest.raises(LookupError, match="no port of the workload"):
        listeners.inbound_listener(outcome, Inbound(), "1.2.3.4_80")
