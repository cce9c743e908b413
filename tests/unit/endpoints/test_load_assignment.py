"""ClusterLoadAssignments: by locality, weight and health, joined from kept bytes."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.core.v3 import Address, HealthStatus, Pipe, SocketAddress
from envoy_data_plane.envoy.config.core.v3 import Locality as EnvoyLocality
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)

from tests.support.documents.translation import apply, mesh
from tests.support.documents.web_mesh import HOST, NODE, POD, SERVICE, SLICE
from translators.codec import encode
from translators.codec.decoder import decode
from translators.codec.wire import delimited
from translators.database import Database
from translators.endpoints import load_assignment
from translators.endpoints.lb_endpoint import HEALTH_STATUS, lb_endpoint
from translators.endpoints.locality import distance, priorities
from translators.model.locality import NOWHERE, Locality
from translators.model.service import ClientScope, Health
from translators.model.viewer import Viewer
from translators.names import ClusterName

CLIENT = ClientScope(Viewer("default"))
NAME = ClusterName("outbound", 80, "", "x.com")
ENTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: x, namespace: default}
spec:
  hosts: [x.com]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints:
  - {address: 10.0.0.1, locality: r1/a, labels: {version: v1}}
  - {address: 10.0.0.2, locality: r1/b, labels: {version: v2}, weight: 300}
  - {address: "2001:db8::1", locality: r2/c, labels: {version: v1}}
  - {address: 10.0.0.4, locality: r1/a, labels: {version: v2}, ports: {http: 70}}
"""
RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: x, namespace: default}
spec:
  host: x.com
  trafficPolicy: {loadBalancer: {localityLbSetting: {enabled: ENABLED}}}
  subsets: [{name: v1, labels: {version: v1}}, {name: v3, labels: {version: v3}}]
"""


def endpoint(address: str, port: int = 80, weight: int | None = None) -> LbEndpoint:
    where = Address(socket_address=SocketAddress(address=address, port_value=port))
    return LbEndpoint(endpoint=Endpoint(address=where), load_balancing_weight=weight)


def group(place: str, priority: int, weight: int, *members: LbEndpoint) -> LocalityLbEndpoints:
    return LocalityLbEndpoints(
        locality=EnvoyLocality(*Locality.parse(place)),
        lb_endpoints=list(members),
        load_balancing_weight=weight,
        priority=priority,
    )


def assigned(db: Database, place: str = "", name: ClusterName = NAME) -> ClusterLoadAssignment:
    found = load_assignment(db, CLIENT, Locality.parse(place), name)
    return decode(ClusterLoadAssignment, found.body)


def ladder(found: ClusterLoadAssignment) -> list[tuple[int, list[str]]]:
    return [
        (one.priority, [two.endpoint.address.socket_address.address for two in one.lb_endpoints])
        for one in found.endpoints
    ]


def test_the_joined_bytes_are_those_of_the_message() -> None:
    message = ClusterLoadAssignment(
        cluster_name="outbound|80||x.com",
        endpoints=[
            group("r1/a", 0, 2, endpoint("10.0.0.1"), endpoint("10.0.0.4", 70)),
            group("r1/b", 1, 300, endpoint("10.0.0.2", weight=300)),
            group("r2/c", 2, 1, endpoint("2001:db8::1")),
        ],
    )
    found = load_assignment(mesh(ENTRY), CLIENT, Locality("r1", "a"), NAME)
    assert found.body == encode(message)
    assert found.name == str(NAME)


def test_clients_go_to_their_zone_then_their_region_then_elsewhere() -> None:
    db = mesh(ENTRY)
    a, b, c = ["10.0.0.1", "10.0.0.4"], ["10.0.0.2"], ["2001:db8::1"]
    assert ladder(assigned(db, "r1/b")) == [(0, b), (1, a), (2, c)]
    assert ladder(assigned(db, "r2/c")) == [(0, c), (1, a), (1, b)]
    assert ladder(assigned(db, "r1/x")) == [(0, a), (0, b), (1, c)], "no gap for the empty zone"
    assert ladder(assigned(db, "r9/z")) == [(0, a), (0, b), (0, c)]
    assert ladder(assigned(db)) == [(0, a), (0, b), (0, c)], "a client that is nowhere"


def test_a_rule_can_turn_the_ladder_off() -> None:
    for enabled, expected in (("false", {0}), ("true", {0, 1, 2})):
        db = mesh(ENTRY, RULE.replace("ENABLED", enabled))
        assert {rank for rank, _ in ladder(assigned(db, "r1/a"))} == expected


def test_a_subset_has_the_endpoints_with_its_labels_and_no_others() -> None:
    db = mesh(ENTRY, RULE.replace("ENABLED", "true"))
    found = assigned(db, "r1/a", NAME._replace(subset="v1"))
    assert found.cluster_name == "outbound|80|v1|x.com"
    assert ladder(found) == [(0, ["10.0.0.1"]), (1, ["2001:db8::1"])]


@pytest.mark.parametrize(
    "name",
    [
        NAME._replace(subset="v3"),
        NAME._replace(subset="unknown"),
        NAME._replace(port=81),
        NAME._replace(host="y.com"),
    ],
)
def test_where_there_are_no_endpoints_the_assignment_is_empty_not_missing(
    name: ClusterName,
) -> None:
    db = mesh(ENTRY, RULE.replace("ENABLED", "true"))
    assert assigned(db, "r1/a", name) == ClusterLoadAssignment(cluster_name=str(name))


def test_health_is_told_to_envoy() -> None:
    db = mesh(SERVICE, SLICE, NODE, POD)
    found = assigned(db, "", ClusterName("outbound", 80, "", HOST))
    status = {
        one.endpoint.address.socket_address.address: one.health_status
        for place in found.endpoints
        for one in place.lb_endpoints
    }
    assert status == {
        "10.1.0.1": HealthStatus.UNKNOWN,
        "10.1.0.2": HealthStatus.UNKNOWN,
        "10.1.0.3": HealthStatus.UNHEALTHY,
        "10.1.0.4": HealthStatus.DRAINING,
    }


@pytest.mark.parametrize("health", list(Health))
@pytest.mark.parametrize("weight", [1, 2, 200, 4294967295])
@pytest.mark.parametrize(
    "where",
    [
        Address(socket_address=SocketAddress(address="1.2.3.4", port_value=1)),
        Address(socket_address=SocketAddress(address="255.255.255.255", port_value=65535)),
        Address(socket_address=SocketAddress(address="::1", port_value=128)),
        Address(socket_address=SocketAddress(address="1234:" * 7 + "5678", port_value=16384)),
        Address(pipe=Pipe(path="/" + "x" * 200)),
    ],
)
def test_an_endpoints_bytes_are_those_of_the_message(
    where: Address, weight: int, health: Health
) -> None:
    socket = where.socket_address
    address, port = (
        (socket.address, socket.port_value) if socket else (f"unix://{where.pipe.path}", 0)
    )
    message = LbEndpoint(
        endpoint=Endpoint(address=where),
        health_status=HealthStatus(HEALTH_STATUS[health]),
        load_balancing_weight=None if weight == 1 else weight,
    )
    assert lb_endpoint(address, port, weight, HEALTH_STATUS[health]) == delimited(
        2, encode(message)
    )


@pytest.mark.parametrize(
    "address", ["", "x.com", "1.2.3", "1.2.3.256", "01.2.3.4", "fe80::1%eth0", "1.2.3.4\n"]
)
def test_what_envoy_would_refuse_as_an_address_is_left_out(address: str) -> None:
    assert lb_endpoint(address, 80, 1, 0) == b""


@pytest.mark.parametrize(
    ("client", "endpoint_place", "expected"),
    [
        ("r/z/s", "r/z/s", 0),
        ("r/z", "r/z", 0),
        ("r/z/s", "r/z/t", 1),
        ("r/z/s", "r/z", 1),
        ("r/z", "r/y", 2),
        ("r", "r/y", 2),
        ("r/z", "q/z", 3),
        ("r/z", "", 3),
        ("/z", "r/z", 0),
        ("r/z", "/z", 0),
        ("/z", "r/y", 3),
    ],
)
def test_distance(client: str, endpoint_place: str, expected: int) -> None:
    assert distance(Locality.parse(client), Locality.parse(endpoint_place)) == expected


def test_priorities_have_no_gaps() -> None:
    places = tuple(Locality.parse(text) for text in ("q/x", "r/z/t", "q/y", "r/z/t"))
    assert priorities(Locality("r", "z", "s"), places) == (1, 0, 1, 0)
    assert priorities(Locality("r", "z", "s"), ()) == ()
    assert priorities(NOWHERE, places) == (0, 0, 0, 0)


def test_clients_of_all_namespaces_at_a_place_share_the_bytes() -> None:
    db = mesh(ENTRY)
    here = Locality("r1", "a")
    one = load_assignment(db, ClientScope(Viewer("one")), here, NAME)
    assert load_assignment(db, ClientScope(Viewer("two")), here, NAME) is one


def test_an_endpoint_more_reruns_only_the_assignments_of_its_service() -> None:
    other = ENTRY.replace("x.com", "y.com").replace("name: x", "name: w")
    db = mesh(ENTRY, other, RULE.replace("ENABLED", "true"))
    refs = [
        load_assignment.ref(CLIENT, Locality("r1", zone), ClusterName("outbound", 80, subset, host))
        for zone in "abc"
        for host, subset in (("x.com", ""), ("x.com", "v1"), ("x.com", "v3"), ("y.com", ""))
    ]
    for ref in refs:
        db.pin(ref)
    db.settle()
    before = db.statistics.runs
    apply(db, ENTRY + "  - {address: 10.0.0.9, labels: {version: v2}}\n", 2)
    assert set(db.settle()) == {ref for ref in refs if str(ref.key[2]) == str(NAME)}
    # the definitions of the host, its endpoints, the groups of whole and subsets, three assignments
    # of the whole
    assert db.statistics.runs - before <= 1 + 1 + 3 + 3 + 3


def test_an_assignment_knows_what_it_was_made_from() -> None:
    db = mesh(SERVICE, SLICE, NODE, POD)
    ref = load_assignment.ref(CLIENT, NOWHERE, ClusterName("outbound", 80, "", HOST))
    assert {key.kind for key, revision in db.provenance(ref) if revision} == {
        "Service", "EndpointSlice", "Node", "Pod",
    }  # fmt: skip


def test_the_longest_endpoint_is_what_the_codec_would_write() -> None:
    address, port, weight = "1111:2222:3333:4444:5555:6666:111.112.113.114", 65535, 4294967295
    message = LbEndpoint(
        endpoint=Endpoint(
            address=Address(socket_address=SocketAddress(address=address, port_value=port))
        ),
        health_status=HealthStatus.DRAINING,
        load_balancing_weight=weight,
    )
    entry = lb_endpoint(address, port, weight, HealthStatus.DRAINING)
    assert entry == encode(LocalityLbEndpoints(lb_endpoints=[message]))


def test_what_needs_a_length_of_two_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translators.endpoints.lb_endpoint._LONGEST_TAIL", 9)
    with pytest.raises(ValueError, match="lengths of two bytes"):
        lb_endpoint("10.0.0.1", 80, 4294967294, HealthStatus.DRAINING)
