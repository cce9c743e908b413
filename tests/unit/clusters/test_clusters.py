"""Clusters: names, kinds, and what a destination rule does to them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakersThresholds,
    Cluster,
    ClusterDiscoveryType,
    ClusterEdsClusterConfig,
    ClusterLbPolicy,
)
from envoy_data_plane.envoy.config.core.v3 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy_data_plane.envoy.extensions.clusters.dns.v3 import DnsCluster
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import HttpProtocolOptions

from tests.support.documents.buckets import everywhere
from tests.support.documents.objects import destination_rule
from tests.support.documents.translation import apply, mesh
from translators.clusters import (
    blackhole_cluster,
    cluster,
    cluster_names,
    eds_cluster_names,
    inbound_cluster,
    inbound_passthrough_cluster,
    passthrough_cluster,
    proxyless_cluster,
    static_clusters,
)
from translators.clusters.settings import settings_message
from translators.codec import encode
from translators.codec.decoder import decode
from translators.database import Database
from translators.model.policy import TrafficPolicy
from translators.model.resource import Reference
from translators.model.service import ClientScope, Protocol
from translators.model.viewer import Viewer
from translators.names import ENDPOINT_TYPE, ClusterName
from translators.object_key import ObjectKey
from translators.world import BUCKETS

CLIENT = ClientScope(Viewer("default"))
UNLIMITED = 4294967295
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def entry(spec: str = "resolution: STATIC", host: str = "x.com", ports: str = "") -> str:
    ports = ports or "{number: 80, name: http, protocol: HTTP}"
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {host}, namespace: default}}
spec: {{hosts: ["{host}"], ports: [{ports}], {spec}}}
"""


def rule(policy: str = "{connectionPool: {http: {}}}", host: str = "x.com") -> str:
    return destination_rule(host, host, f"trafficPolicy: {policy}", subsets={"v1": "v1"})


def name(subset: str = "", port: int = 80, host: str = "x.com") -> ClusterName:
    return ClusterName("outbound", port, subset, host)


def made(db: Database, of: ClusterName | None = None) -> Cluster:
    return decode(Cluster, cluster(db, CLIENT, of or name()).body)


def options(found: Cluster) -> HttpProtocolOptions | None:
    packed = found.typed_extension_protocol_options.get(HTTP_OPTIONS)
    return None if packed is None else decode(HttpProtocolOptions, packed.value)


def thresholds(found: Cluster) -> CircuitBreakersThresholds:
    assert found.circuit_breakers is not None
    (only,) = found.circuit_breakers.thresholds
    return only


def test_there_is_a_cluster_for_each_port_and_subset_under_istios_names() -> None:
    ports = "{number: 80, name: http, protocol: HTTP}, {number: 9000, name: tcp, protocol: TCP}"
    db = mesh(entry(ports=ports), entry(host="a.com"), rule())
    found = everywhere(lambda bucket: cluster_names(db, CLIENT, bucket))
    assert [str(one) for one in sorted(found, key=lambda one: one.host)] == [
        "outbound|80||a.com",
        "outbound|80||x.com",
        "outbound|80|v1|x.com",
        "outbound|9000||x.com",
        "outbound|9000|v1|x.com",
    ]
    assert [one for one, _ in static_clusters()] == ["BlackHoleCluster", "PassthroughCluster"]


def test_the_bytes_are_those_of_the_whole_message() -> None:
    found = cluster(mesh(entry()), CLIENT, name())
    message = settings_message(Protocol.HTTP, TrafficPolicy())
    message.name = "outbound|80||x.com"
    message.type = ClusterDiscoveryType.EDS
    message.eds_cluster_config = ClusterEdsClusterConfig(
        eds_config=ConfigSource(
            ads=AggregatedConfigSource(),
            initial_fetch_timeout=timedelta(0),
            resource_api_version=ApiVersion.V3,
        ),
        service_name="outbound|80||x.com",
    )
    assert found.body == encode(message)
    assert found.needs == (Reference(ENDPOINT_TYPE, "outbound|80||x.com"),)


def test_defaults_limit_nothing_and_wait_for_nothing() -> None:
    found = made(mesh(entry()))
    limits = thresholds(found)
    assert limits == CircuitBreakersThresholds(
        max_connections=UNLIMITED,
        max_pending_requests=UNLIMITED,
        max_requests=UNLIMITED,
        max_retries=UNLIMITED,
        track_remaining=True,
    )
    assert found.lb_policy == ClusterLbPolicy.LEAST_REQUEST
    assert found.connect_timeout == timedelta(seconds=10)
    assert found.outlier_detection is None
    common = found.common_lb_config
    assert common is not None
    assert common.update_merge_window == timedelta(0)
    assert common.healthy_panic_threshold is not None
    assert common.healthy_panic_threshold.value == 0


@pytest.mark.parametrize(
    ("spec", "kind", "is_eds"),
    [
        ("resolution: STATIC", ClusterDiscoveryType.EDS, True),
        ("resolution: NONE", ClusterDiscoveryType.ORIGINAL_DST, False),
    ],
)
def test_resolution_decides_how_hosts_are_found(
    spec: str, kind: ClusterDiscoveryType, is_eds: bool
) -> None:
    db = mesh(entry(spec))
    found = made(db)
    assert found.type == kind
    asking = everywhere(lambda bucket: eds_cluster_names(db, CLIENT, bucket))
    assert (asking == everywhere(lambda bucket: cluster_names(db, CLIENT, bucket))) is is_eds
    assert bool(cluster(db, CLIENT, name()).needs) is is_eds


@pytest.mark.parametrize(
    ("spec", "is_logical", "hosts"),
    [
        ("resolution: DNS", False, ["x.com"]),
        (
            "resolution: DNS, endpoints: [{address: b.com}, {address: a.com}]",
            False,
            ["b.com", "a.com"],
        ),
        ("resolution: DNS_ROUND_ROBIN", True, ["x.com"]),
        ("resolution: DNS_ROUND_ROBIN, endpoints: [{address: a.com}]", True, ["a.com"]),
    ],
)
def test_names_are_looked_up_by_envoy(spec: str, is_logical: bool, hosts: list[str]) -> None:
    found = made(mesh(entry(spec)))
    assert found.cluster_type is not None
    assert found.cluster_type.typed_config is not None
    dns = decode(DnsCluster, found.cluster_type.typed_config.value)
    assert dns.all_addresses_in_single_endpoint is is_logical
    assert found.load_assignment is not None
    assert [
        one.endpoint.address.socket_address.address
        for place in found.load_assignment.endpoints
        for one in place.lb_endpoints
    ] == hosts


@pytest.mark.parametrize(
    ("simple", "expected"),
    [
        ("LEAST_REQUEST", ClusterLbPolicy.LEAST_REQUEST),
        ("ROUND_ROBIN", ClusterLbPolicy.ROUND_ROBIN),
        ("RANDOM", ClusterLbPolicy.RANDOM),
        ("UNSPECIFIED", ClusterLbPolicy.LEAST_REQUEST),
        ("PASSTHROUGH", ClusterLbPolicy.CLUSTER_PROVIDED),
    ],
)
def test_the_load_balancer_is_the_rules(simple: str, expected: ClusterLbPolicy) -> None:
    db = mesh(entry(), rule(f"{{loadBalancer: {{simple: {simple}}}}}"))
    found = made(db)
    assert found.lb_policy == expected
    passes_through = expected is ClusterLbPolicy.CLUSTER_PROVIDED
    assert (found.type == ClusterDiscoveryType.ORIGINAL_DST) is passes_through
    asking = everywhere(lambda bucket: eds_cluster_names(db, CLIENT, bucket))
    assert (asking == ()) is passes_through


def test_a_connection_pool_becomes_limits() -> None:
    found = made(mesh(entry(), rule("""
    connectionPool:
      tcp:
        maxConnections: 5
        connectTimeout: 1.5s
        tcpKeepalive: {probes: 3, time: 60s, interval: 5s}
        maxConnectionDuration: 100s
      http:
        http1MaxPendingRequests: 6
        http2MaxRequests: 7
        maxRetries: 8
        maxRequestsPerConnection: 9
        idleTimeout: 10s
    """)))  # fmt: skip
    limits = thresholds(found)
    assert (limits.max_connections, limits.max_pending_requests) == (5, 6)
    assert (limits.max_requests, limits.max_retries) == (7, 8)
    assert found.connect_timeout == timedelta(seconds=1.5)
    assert found.upstream_connection_options is not None
    keepalive = found.upstream_connection_options.tcp_keepalive
    assert keepalive is not None
    assert (keepalive.keepalive_probes, keepalive.keepalive_time, keepalive.keepalive_interval) == (
        3,
        60,
        5,
    )
    http = options(found)
    assert http is not None
    common = http.common_http_protocol_options
    assert common is not None
    assert common.max_requests_per_connection == 9
    assert common.idle_timeout == timedelta(seconds=10)
    assert common.max_connection_duration == timedelta(seconds=100)


@pytest.mark.parametrize(
    ("protocol", "pool", "speaks"),
    [
        ("HTTP", "{http: {}}", None),
        ("TCP", "{http: {}}", None),
        ("TLS", "{http: {}}", None),
        ("GRPC", "{http: {}}", "http2"),
        ("HTTP2", "{http: {}}", "http2"),
        ("HTTP", "{http: {h2UpgradePolicy: UPGRADE}}", "http2"),
        ("GRPC", "{http: {h2UpgradePolicy: DO_NOT_UPGRADE}}", "http2"),
        ("HTTP", "{http: {maxRequestsPerConnection: 1}}", "http1"),
        ("HTTP", "{http: {useClientProtocol: true}}", "as the client"),
        ("TCP", "{http: {maxRequestsPerConnection: 1}}", None),
        ("", "{http: {}}", "as the client"),
    ],
)
def test_what_is_spoken_to_hosts(protocol: str, pool: str, speaks: str | None) -> None:
    port = f"{{number: 80, name: x{protocol and ', protocol: ' + protocol}}}"
    found = options(made(mesh(entry(ports=port), rule(f"{{connectionPool: {pool}}}"))))
    if found is None:
        assert speaks is None
        return
    explicit = found.explicit_http_config
    if explicit is None:
        assert speaks == "as the client"
        assert found.use_downstream_protocol_config is not None
        assert found.use_downstream_protocol_config.http2_protocol_options is not None
    else:
        is_http2 = explicit.http2_protocol_options is not None
        assert speaks == ("http2" if is_http2 else "http1")


DETECTION_DEFAULTS: dict[str, object] = {
    "enforcing_success_rate": 0,
    "always_eject_one_host": True,
    "max_ejection_percent": None,
    "consecutive_5xx": None,
    "enforcing_consecutive_5xx": None,
    "enforcing_consecutive_gateway_failure": None,
}


@pytest.mark.parametrize(
    ("detection", "expected", "panic"),
    [
        ("{}", {}, 1),
        ("{consecutive5xxErrors: 3}", {"consecutive_5xx": 3, "enforcing_consecutive_5xx": 100}, 1),
        ("{consecutive5xxErrors: 0}", {"enforcing_consecutive_5xx": 0}, 1),
        (
            "{consecutiveGatewayErrors: 2}",
            {"consecutive_gateway_failure": 2, "enforcing_consecutive_gateway_failure": 100},
            1,
        ),
        (
            "{maxEjectionPercent: 100}",
            {"max_ejection_percent": 100, "always_eject_one_host": None},
            0,
        ),
        ("{minHealthPercent: 40}", {}, 40),
        (
            "{interval: 1s, baseEjectionTime: 2s}",
            {"interval": timedelta(seconds=1), "base_ejection_time": timedelta(seconds=2)},
            1,
        ),
        (
            "{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 4}",
            {
                "split_external_local_origin_errors": True,
                "consecutive_local_origin_failure": 4,
                "enforcing_local_origin_success_rate": 0,
            },
            1,
        ),
        ("{consecutiveLocalOriginFailures: 0}", {"consecutive_local_origin_failure": None}, 1),
    ],
)
def test_outlier_detection(detection: str, expected: dict[str, object], panic: float) -> None:
    found = made(mesh(entry(), rule(f"{{outlierDetection: {detection}}}")))
    told = found.outlier_detection
    assert told is not None
    for field, value in (DETECTION_DEFAULTS | expected).items():
        assert getattr(told, field) == value, field
    assert found.common_lb_config is not None
    assert found.common_lb_config.healthy_panic_threshold is not None
    assert found.common_lb_config.healthy_panic_threshold.value == panic


def test_a_subset_is_a_cluster_of_its_own_with_its_own_limits() -> None:
    text = rule("{connectionPool: {tcp: {maxConnections: 5}}}").replace(
        "labels: {version: v1}",
        "labels: {version: v1}, trafficPolicy: {connectionPool: {tcp: {maxConnections: 2}}}",
    )
    db = mesh(entry(), text)
    assert thresholds(made(db)).max_connections == 5
    subset = made(db, name("v1"))
    assert thresholds(subset).max_connections == 2
    assert subset.lb_subset_config is None


def test_a_name_that_means_nothing_is_a_cluster_without_endpoints() -> None:
    found = made(mesh(), name(host="nowhere.com"))
    assert found.type == ClusterDiscoveryType.EDS


def test_proxyless_clients_get_round_robin_over_eds() -> None:
    db = mesh(entry())
    found = decode(Cluster, proxyless_cluster(db, CLIENT, name()).body)
    assert found.type == ClusterDiscoveryType.EDS
    assert found.lb_policy == ClusterLbPolicy.ROUND_ROBIN


def test_inbound_clusters_lead_to_the_application() -> None:
    found = inbound_cluster(mesh(), 8080, "127.0.0.1:18080", Protocol.GRPC)
    message = decode(Cluster, found.body)
    assert found.name == message.name == "inbound|8080||"
    assert message.type == ClusterDiscoveryType.STATIC
    assert message.load_assignment is not None
    ((one,),) = (place.lb_endpoints for place in message.load_assignment.endpoints)
    socket = one.endpoint.address.socket_address
    assert (socket.address, socket.port_value) == ("127.0.0.1", 18080)
    http = options(message)
    assert http is not None
    assert http.explicit_http_config is not None
    assert http.explicit_http_config.http2_protocol_options is not None
    assert thresholds(message).max_retries == UNLIMITED


def test_unknown_traffic_passes_or_falls() -> None:
    db = mesh()
    for passing in (passthrough_cluster(db), inbound_passthrough_cluster(db)):
        assert decode(Cluster, passing.body).type == ClusterDiscoveryType.ORIGINAL_DST
    inbound = decode(Cluster, inbound_passthrough_cluster(db).body)
    assert inbound.upstream_bind_config is not None
    assert inbound.upstream_bind_config.source_address is not None
    assert inbound.upstream_bind_config.source_address.address == "127.0.0.6"
    assert decode(Cluster, blackhole_cluster(db).body).load_assignment is None


def test_clients_to_whom_the_same_rules_apply_share_a_clusters_bytes() -> None:
    db = mesh(entry())
    one = cluster(db, ClientScope(Viewer("one")), name())
    assert cluster(db, ClientScope(Viewer("two")), name()) is one


def test_a_rule_changes_only_its_hosts_clusters_and_endpoints_change_none() -> None:
    db = mesh(entry(), entry(host="y.com"), rule())
    names = everywhere(lambda bucket: cluster_names(db, CLIENT, bucket))
    refs = [cluster.ref(CLIENT, one) for one in names]
    for ref in refs:
        db.pin(ref)
    for bucket in BUCKETS:
        db.pin(cluster_names.ref(CLIENT, bucket))
    db.settle()
    apply(db, entry("resolution: STATIC, endpoints: [{address: 10.0.0.1}]"), 2)
    assert db.settle() == ()
    before = db.statistics.runs
    apply(db, rule("{connectionPool: {tcp: {maxConnections: 5}}}"), 3)
    changed = db.settle()
    assert {str(ref.key[1]) for ref in changed} == {"outbound|80||x.com", "outbound|80|v1|x.com"}
    # the rule, its names of clusters, and for each of two clusters itself and its shared bytes
    assert db.statistics.runs - before <= 1 + 1 + 4


def test_a_cluster_knows_the_service_and_the_rule_it_was_made_from() -> None:
    db = mesh(entry(), entry(host="y.com"), rule(), rule(host="y.com"))
    found = {key for key, revision in db.provenance(cluster.ref(CLIENT, name("v1"))) if revision}
    assert found == {
        ObjectKey("ServiceEntry", "default", "x.com"),
        ObjectKey("DestinationRule", "default", "x.com"),
    }
