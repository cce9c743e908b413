"""What documents mean: the typed specs that they become, defaults and completions included."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.documents.kind_documents import document, manifest, only_object
from translators.kinds.destination_rule import DestinationRuleSpec
from translators.kinds.endpoint_slice import EndpointSliceSpec, SliceEndpoint, SlicePort
from translators.kinds.manifest import read_manifest
from translators.kinds.node import NodeSpec
from translators.kinds.pod import PodSpec
from translators.kinds.registry import parse
from translators.kinds.service import KubernetesPort, ServiceSpec
from translators.kinds.service_entry import EntryPort, ServiceEntrySpec
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.kinds.workload_entry import WorkloadEntrySpec
from translators.model.locality import Locality
from translators.model.origin import Severity
from translators.model.policy import (
    ConnectionPool,
    LoadBalancer,
    OutlierDetection,
    SimpleLoadBalancer,
    StatedPolicy,
    Subset,
    TrafficPolicy,
)
from translators.model.routing import (
    Destination,
    HeaderOperations,
    HttpMatch,
    HttpRule,
    MatchKind,
    Retries,
    TextMatch,
    WeightedDestination,
)
from translators.model.service import Resolution
from translators.object_key import ObjectKey


def labels(**pairs: str) -> frozenset[tuple[str, str]]:
    return frozenset(pairs.items())


def test_a_virtual_service() -> None:
    spec = only_object(
        document(
            "VirtualService",
            """
            hosts: [reviews, "*.example.org", api.example.com]
            http:
            - match:
              - headers: {b: {exact: "1"}, a: {}, c: {regex: "*"}}
                uri: {prefix: /x}
              route:
              - destination: {host: reviews, subset: v1, port: {number: 80}}
                weight: 90
              - destination: {host: reviews.other}
                weight: 10
                headers: {request: {set: {b: "2", a: "1"}, remove: [z, x]}}
              timeout: 1.5s
              retries: {attempts: 2, retryOn: "5xx, 409", perTryTimeout: 100ms}
            """,
        )
    )
    assert spec == VirtualServiceSpec(
        hosts=("reviews.default.svc.cluster.local", "*.example.org", "api.example.com"),
        http=(
            HttpRule(
                match=(
                    HttpMatch(
                        uri=TextMatch(MatchKind.PREFIX, "/x"),
                        headers=(
                            ("a", TextMatch(MatchKind.PRESENT)),
                            ("b", TextMatch(MatchKind.EXACT, "1")),
                            ("c", TextMatch(MatchKind.PRESENT)),
                        ),
                    ),
                ),
                route=(
                    WeightedDestination(
                        Destination("reviews.default.svc.cluster.local", "v1", 80), 90
                    ),
                    WeightedDestination(
                        Destination("reviews.other"),
                        10,
                        request_headers=HeaderOperations(
                            set=(("a", "1"), ("b", "2")), remove=("x", "z")
                        ),
                    ),
                ),
                timeout=timedelta(seconds=1.5),
                retries=Retries(2, timedelta(milliseconds=100), "5xx,409"),
            ),
        ),
    )


def test_a_short_host_is_completed_with_the_namespace_of_the_rule() -> None:
    text = document("DestinationRule", "host: reviews").replace(
        "name: x", "name: x\n  namespace: shop"
    )
    (entry,) = manifest(text).entries.values()
    assert entry.object.key == ObjectKey("DestinationRule", "shop", "x")
    assert entry.object.spec == DestinationRuleSpec("reviews.shop.svc.cluster.local")


def test_a_destination_rule() -> None:
    spec = only_object(
        document(
            "DestinationRule",
            """
            host: a.b
            trafficPolicy:
              loadBalancer: {simple: LEAST_CONN, localityLbSetting: {enabled: false}}
              connectionPool: {tcp: {maxConnections: 1, idleTimeout: 0s}, http: {h2UpgradePolicy: UPGRADE}}
              outlierDetection: {consecutive5xxErrors: 0, interval: 5s}
              portLevelSettings:
              - {port: {number: 81}, loadBalancer: {simple: UNSPECIFIED}}
              - {port: {number: 80}, connectionPool: {tcp: {}}}
            subsets:
            - {name: v1, labels: {version: v1}}
            """,
        )
    )
    assert spec == DestinationRuleSpec(
        "a.b",
        StatedPolicy(
            TrafficPolicy(
                LoadBalancer(SimpleLoadBalancer.LEAST_REQUEST, locality_enabled=False),
                ConnectionPool(max_connections=1, tcp_idle_timeout=timedelta(0), h2_upgrade=True),
                OutlierDetection(consecutive_5xx=0, interval=timedelta(seconds=5)),
            ),
            (
                (80, TrafficPolicy(connection_pool=ConnectionPool())),
                (81, TrafficPolicy(LoadBalancer())),
            ),
        ),
        (Subset("v1", labels(version="v1")),),
    )


def test_a_rule_after_one_without_match_is_warned_of() -> None:
    outcome = manifest(
        document(
            "VirtualService",
            "hosts: [a]\nhttp:\n- route: [{destination: {host: a}}]\n- route: [{destination: {host: b}}]",
        )
    )
    (problem,) = outcome.problems
    assert (problem.severity, problem.path) == (Severity.WARNING, "spec.http[1]")


def test_a_service_entry() -> None:
    spec = only_object(
        document(
            "ServiceEntry",
            """
            hosts: [db.example.com]
            addresses: [10.0.0.1]
            ports: [{number: 3306, name: mysql, protocol: TCP}]
            location: MESH_INTERNAL
            resolution: STATIC
            endpoints:
            - {address: 10.1.0.1, locality: r/z, labels: {version: v1}, ports: {mysql: 3307}, weight: 3}
            - {address: "unix:///tmp/x"}
            """,
        )
    )
    assert spec == ServiceEntrySpec(
        ("db.example.com",),
        (EntryPort(3306, "mysql", "TCP"),),
        ("10.0.0.1",),
        external=False,
        resolution=Resolution.STATIC,
        endpoints=(
            WorkloadEntrySpec(
                "10.1.0.1", (("mysql", 3307),), labels(version="v1"), Locality("r", "z"), weight=3
            ),
            WorkloadEntrySpec("unix:///tmp/x"),
        ),
    )


def test_a_service_entry_selects_workloads() -> None:
    spec = only_object(
        document(
            "ServiceEntry",
            "hosts: [a.b]\nports: [{number: 1, name: tcp}]\nresolution: STATIC\nworkloadSelector: {labels: {a: b}}",
        )
    )
    assert spec == ServiceEntrySpec(
        ("a.b",),
        (EntryPort(1, "tcp"),),
        resolution=Resolution.STATIC,
        workload_selector=labels(a="b"),
    )


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "{ports: [{port: 80, targetPort: web}], selector: {app: a}, clusterIP: 10.0.0.1}",
            ServiceSpec(
                (KubernetesPort(80, target_port="web"),), ("10.0.0.1",), selector=labels(app="a")
            ),
        ),
        ("{clusterIP: None}", ServiceSpec(headless=True)),
        (
            "{type: ExternalName, externalName: a.example.com.}",
            ServiceSpec(external_name="a.example.com"),
        ),
        (
            "{type: ExternalName, externalName: 10.0.0.1, ports: [{port: 80}]}",
            ServiceSpec((KubernetesPort(80),), external_name="10.0.0.1"),
        ),
        ("{ports: [{port: 80}]}", ServiceSpec((KubernetesPort(80),))),
    ],
)
def test_a_service(spec: str, expected: ServiceSpec) -> None:
    assert (
        only_object(f"apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {spec}")
        == expected
    )


def test_a_service_is_exported_as_its_annotation_says() -> None:
    spec = only_object(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {networking.istio.io/exportTo: '., shop'}}\n"
        "spec: {ports: [{port: 80}]}"
    )
    assert spec == ServiceSpec((KubernetesPort(80),), export_to=(".", "shop"))


def test_an_endpoint_slice() -> None:
    spec = only_object(
        """
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: a-1, labels: {kubernetes.io/service-name: a}}
        addressType: IPv4
        ports: [{name: http, port: 8080}, {name: all}]
        endpoints:
        - addresses: [10.0.0.1]
          conditions: {ready: false, serving: null}
          zone: z
          targetRef: {kind: Pod, name: p}
        - addresses: [10.0.0.2]
          targetRef: {kind: Node, name: n1}
        """
    )
    assert spec == EndpointSliceSpec(
        "a",
        "IPv4",
        (SlicePort("http", 8080),),
        (
            SliceEndpoint(("10.0.0.1",), ready=False, zone="z", pod="p"),
            SliceEndpoint(("10.0.0.2",)),
        ),
    )


def test_a_pod() -> None:
    spec = only_object(
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: a, labels: {istio-locality: r.z}}
        spec: {nodeName: n1, containers: [{ports: [{name: web, containerPort: 80}, {containerPort: 81}]}]}
        status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]}
        """
    )
    assert spec == PodSpec(
        ("10.0.0.1", "fd00::1"), "n1", locality="r/z", container_ports=(("web", 80),)
    )


def test_a_pod_that_ended_has_no_address() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus: {phase: Succeeded, podIP: 10.0.0.1}"
    assert only_object(text) == PodSpec()


def test_a_node_is_where_its_labels_say() -> None:
    text = (
        "apiVersion: v1\nkind: Node\nmetadata: {name: a, labels: {topology.kubernetes.io/region: r, "
        "topology.kubernetes.io/zone: z, topology.istio.io/subzone: s}}"
    )
    (entry,) = manifest(text).entries.values()
    assert entry.object.key == ObjectKey("Node", "", "a")
    assert entry.object.spec == NodeSpec(Locality("r", "z", "s"))


def test_a_list_is_its_items() -> None:
    outcome = manifest(
        """
        apiVersion: v1
        kind: List
        items:
        - apiVersion: v1
          kind: Namespace
          metadata: {name: a}
        - apiVersion: v1
          kind: Service
          metadata: {name: b}
          spec: {ports: [{prt: 1}]}
        """
    )
    assert set(outcome.entries) == {ObjectKey("Namespace", "", "a")}
    assert {(p.path, p.line) for p in outcome.problems} == {
        ("spec.ports[0].prt", 10), ("spec.ports[0].port", 10),
    }  # fmt: skip


def test_json_is_read_too() -> None:
    text = '{\n\t"apiVersion": "v1",\n\t"kind": "Namespace",\n\t"metadata": {"name": "a\\ud83d\\ude00"}\n}'
    outcome = read_manifest(text, "a.json")
    assert outcome.refused
    outcome = read_manifest(text.replace("\\ud83d\\ude00", ""), "a.json")
    assert set(outcome.entries) == {ObjectKey("Namespace", "", "a")}
    twice = read_manifest('{"kind": "a",\n "kind": "b"}', "a.json")
    assert any("given twice" in p.message and p.line == 2 for p in twice.problems)


@pytest.mark.parametrize(
    "value", [None, [], "x", 1, {}, {"kind": 1}, {"apiVersion": "v1", "kind": "Service"}]
)
def test_anything_gets_an_answer(value: object) -> None:
    parsed = parse(value)
    assert parsed.object is None
    assert parsed.problems
