"""Mistakes in documents are refused, each at its own field and line."""

from __future__ import annotations

import pytest

from tests.support.documents.kind_documents import document, errors, manifest
from translators.model.origin import Severity
from translators.object_key import ObjectKey

VS, DR, SE, WE = "VirtualService", "DestinationRule", "ServiceEntry", "WorkloadEntry"
TO = "route: [{destination: {host: a}}]"

CASES: list[tuple[str, str, str, str, int]] = [
    # kind, spec, path, part of the message, line
    (
        VS,
        f"hosts: [a]\nhttp:\n- {TO}\n  timeot: 5s",
        "spec.http[0].timeot",
        "did you mean timeout?",
        9,
    ),
    (VS, f"hosts: ['*']\nhttp:\n- {TO}", "spec.hosts[0]", "take over every service", 6),
    (VS, f"gateways: [mesh]\nhttp:\n- {TO}", "spec.gateways", "in a delegate", 6),
    (VS, f"hosts: [a, A]\nhttp:\n- {TO}", "spec.hosts[1]", "listed already", 6),
    (VS, f"hosts: [a.b, '*.b']\nhttp:\n- {TO}", "spec.hosts[1]", "a.b falls under *.b", 6),
    (
        VS,
        f"gateways: [edge]\nhosts: ['*', a]\nhttp:\n- {TO}",
        "spec.hosts[1]",
        "falls under *",
        7,
    ),
    (VS, f"hosts: [x, '*.a.b', '*.b']\nhttp:\n- {TO}", "spec.hosts[2]", "*.a.b falls under *.b", 6),
    (VS, f"hosts:\n- a.*.com\nhttp:\n- {TO}", "spec.hosts[0]", "left-most", 7),
    (VS, "hosts: [a]", "spec", "give http, tls or tcp", 5),
    (
        VS,
        "hosts: [a]\nhttp:\n- name: x",
        "spec.http[0]",
        "needs route, redirect or directResponse",
        8,
    ),
    (
        VS,
        "hosts: [a]\nhttp:\n- route:\n  - destination: {host: a}\n    weight: -1",
        "spec.http[0].route[0].weight",
        "from 0 to",
        10,
    ),
    (
        VS,
        "hosts: [a]\nhttp:\n- route:\n  - destination: {host: a}\n  - destination: {host: b}\n    weight: 0",
        "spec.http[0].route",
        "add up to 0",
        8,
    ),
    (
        VS,
        f"hosts: [a]\nhttp:\n- {TO}\n  redirect: {{uri: /x}}",
        "spec.http[0].redirect",
        "together with route",
        9,
    ),
    (
        VS,
        f"hosts: [a]\nhttp:\n- {TO}\n- directResponse: {{body: {{string: x}}}}",
        "spec.http[1].directResponse.status",
        "is required",
        9,
    ),
    (VS, f"hosts: [a]\nhttp:\n- {TO}\n  timeout: 5", "spec.http[0].timeout", "such as 1.5s", 9),
    (
        VS,
        f"hosts: [a]\nhttp:\n- {TO}\n  timeout: 999999999999s",
        "spec.http[0].timeout",
        "at most",
        9,
    ),
    (VS, f"hosts: [a]\nhttp:\n- {TO}\n  timeout: 10us", "spec.http[0].timeout", "at least 1ms", 9),
    (
        VS,
        f"hosts: [a]\nhttp:\n- match:\n  - uri:\n      regex: /(?!x)\n  {TO}",
        "spec.http[0].match[0].uri.regex",
        "RE2",
        10,
    ),
    (
        VS,
        f"hosts: [a]\nhttp:\n- match:\n  - uri: {{exact: /x, prefix: /y}}\n  {TO}",
        "spec.http[0].match[0].uri.prefix",
        "together with exact",
        9,
    ),
    (
        VS,
        f"hosts: [a]\nhttp:\n- match:\n  - headers:\n      x-user: {{exact: 1}}\n  {TO}",
        "spec.http[0].match[0].headers.x-user.exact",
        'put it in quotes: "1"',
        10,
    ),
    (
        VS,
        f"hosts: [a]\nhttp:\n- {TO}\n  retries: {{retryOn: 5xx}}",
        "spec.http[0].retries.attempts",
        "turns retries off",
        9,
    ),
    (
        VS,
        f"hosts: [a]\nhttp:\n- {TO}\n  retries: {{attempts: 1, retryOn: 'reset,conect-failure'}}",
        "spec.http[0].retries.retryOn",
        "did you mean connect-failure?",
        9,
    ),
    (VS, f"hosts: [a]\nhttp:\n- {TO}\n  rewrite: {{}}", "spec.http[0].rewrite", "needs uri", 9),
    (
        VS,
        "hosts: [a]\nhttp:\n- redirect: {redirectCode: 200}",
        "spec.http[0].redirect.redirectCode",
        "301, 302",
        8,
    ),
    (
        VS,
        f"hosts: [a.b]\ntls:\n- match:\n  - sniHosts: [c.d]\n  {TO}",
        "spec.tls[0].match[0].sniHosts[0]",
        "covered by spec.hosts",
        9,
    ),
    (VS, f"hosts: [a.b]\ntls:\n- {TO}", "spec.tls[0].match", "is required", 8),
    (VS, "hosts: [a]\ntcp:\n- route: []", "spec.tcp[0].route", "at least 1 entry", 8),
    (VS, "hosts: a\nhttp: []", "spec.hosts", "must be a list", 6),
    (DR, "subsets: []", "spec.host", "is required", 5),
    (DR, "host: a\nsubset:\n- name: v1", "spec.subset", "did you mean subsets?", 7),
    (
        DR,
        "host: a\ntrafficPolicy:\n  loadBalancer:\n    simple: ROUND_ROBBIN",
        "spec.trafficPolicy.loadBalancer.simple",
        "did you mean ROUND_ROBIN?",
        9,
    ),
    (
        DR,
        "host: a\ntrafficPolicy:\n  loadBalancer:\n    simple: RANDOM\n    consistentHash: {useSourceIp: true}",
        "spec.trafficPolicy.loadBalancer.consistentHash",
        "together with simple",
        10,
    ),
    (
        DR,
        "host: a\ntrafficPolicy:\n  connectionPool:\n    tcp:\n      connectTimeout: 0s",
        "spec.trafficPolicy.connectionPool.tcp.connectTimeout",
        "at least 1ms",
        10,
    ),
    (
        DR,
        "host: a\ntrafficPolicy:\n  outlierDetection:\n    maxEjectionPercent: 101",
        "spec.trafficPolicy.outlierDetection.maxEjectionPercent",
        "from 0 to 100",
        9,
    ),
    (
        DR,
        "host: a\ntrafficPolicy:\n  portLevelSettings:\n"
        "  - {port: {number: 80}, loadBalancer: {}}\n  - {port: {number: 80}, loadBalancer: {}}",
        "spec.trafficPolicy.portLevelSettings[1].port",
        "already",
        10,
    ),
    (
        DR,
        "host: a\nsubsets:\n- name: v1\n  labels: {version: 1}",
        "spec.subsets[0].labels.version",
        '"1"',
        9,
    ),
    (SE, "hosts: ['*']\nports: [{number: 80, name: http}]", "spec.hosts[0]", "not * alone", 6),
    (
        SE,
        "hosts: [a.b]\nports:\n- {number: 80, name: http}\n- {number: 80, name: http}",
        "spec.ports[1].number",
        "earlier port",
        9,
    ),
    (
        SE,
        "hosts: [a.b]\naddresses: [10.0.0.0/8]\nresolution: DNS\nports: [{number: 80, name: http}]",
        "spec.addresses[0]",
        "NONE or STATIC",
        7,
    ),
    (
        SE,
        "hosts: [a.b]\nports: [{number: 80, name: http}]\nendpoints:\n- address: 10.0.0.1",
        "spec.endpoints",
        "remove the endpoints",
        8,
    ),
    (
        SE,
        "hosts: [a.b]\nresolution: STATIC\nports: [{number: 80, name: http}]\n"
        "endpoints:\n- address: 10.0.0.1\nworkloadSelector: {labels: {a: b}}",
        "spec.workloadSelector",
        "together with endpoints",
        11,
    ),
    (
        SE,
        "hosts: [a.b]\nresolution: DNS_ROUND_ROBIN\nports: [{number: 80, name: http}]\n"
        "endpoints:\n- address: a.c\n- address: a.d",
        "spec.endpoints",
        "use DNS for several",
        9,
    ),
    (
        SE,
        "hosts: [a.b]\nresolution: STATIC\nports: [{number: 80, name: http}]\nendpoints:\n- address: a.c",
        "spec.endpoints[0].address",
        "STATIC needs an IP",
        10,
    ),
    (
        SE,
        "hosts: [a.b]\nresolution: STATIC\nports: [{number: 80, name: http}]\n"
        "endpoints:\n- address: 10.0.0.1\n  ports: {htp: 8080}",
        "spec.endpoints[0].ports.htp",
        "not the name of a port",
        11,
    ),
    (
        SE,
        "hosts: ['*.b.c']\nresolution: DNS\nports: [{number: 80, name: http}]",
        "spec.hosts[0]",
        "cannot be looked up",
        6,
    ),
    (WE, "labels: {a: b}", "spec.address", "is required", 5),
    (WE, "address: 10.0.0.1\nlocality: a/b/c/d", "spec.locality", "region/zone/sub-zone", 7),
    (WE, "address: 10.0.0.1\nports: {http: 70000}", "spec.ports.http", "65535", 7),
]


@pytest.mark.parametrize(
    ("kind", "spec", "path", "message", "line"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES]
)
def test_a_mistake_is_refused_at_its_field_and_line(
    kind: str, spec: str, path: str, message: str, line: int
) -> None:
    outcome = manifest(document(kind, spec))
    assert not outcome.entries
    assert outcome.refused == {ObjectKey(kind, "default", "x")}
    at = {p.path: p for p in outcome.problems if p.severity is Severity.ERROR}
    assert path in at, outcome.problems
    assert message in at[path].message
    assert at[path].line == line
    assert at[path].key == ObjectKey(kind, "default", "x")


CORE_CASES: list[tuple[str, str, int]] = [
    ("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}", "spec.ports", 4),
    (
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports:\n  - port: 80\n  - port: 81\n    name: b",
        "spec.ports[0].name",
        6,
    ),
    (
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  type: ExternalName",
        "spec.externalName",
        4,
    ),
    ("apiVersion: v1\nkind: Service\nspec: {ports: [{port: 80}]}", "metadata", 1),
    (
        "apiVersion: v1\nkind: Service\nmetadata: {name: A_b}\nspec: {ports: [{port: 80}]}",
        "metadata.name",
        3,
    ),
    (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  label: {}\nspec: {ports: [{port: 80}]}",
        "metadata.label",
        5,
    ),
    (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations:\n"
        "    networking.istio.io/exportTo: '?'\nspec: {ports: [{port: 80}]}",
        'metadata.annotations["networking.istio.io/exportTo"][0]',
        6,
    ),
    (
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\naddressType: IPv4\n"
        "endpoints:\n- addresses:\n  - a.b",
        "endpoints[0].addresses[0]",
        7,
    ),
    (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
        "  - ports:\n    - containerPort: 70000",
        "spec.containers[0].ports[0].containerPort",
        7,
    ),
    (
        "apiVersion: v1\nkind: Node\nmetadata:\n  name: a\n  labels:\n    zone: 1",
        "metadata.labels.zone",
        6,
    ),
    ("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\nlabels: {team: a}", "labels", 4),
    ("apiVersion: v1\nkind: Servce\nmetadata: {name: a}", "kind", 2),
    (
        "apiVersion: networking.istio.io/v2\nkind: VirtualService\nmetadata: {name: a}",
        "apiVersion",
        1,
    ),
    ("kind: Service\nmetadata: {name: a}", "apiVersion", 1),
    ("just text", "", 1),
]


@pytest.mark.parametrize(("text", "path", "line"), CORE_CASES)
def test_a_mistake_outside_istio_kinds_is_refused_at_its_line(
    text: str, path: str, line: int
) -> None:
    assert (path, line) in errors(text)
    assert not manifest(text).entries


@pytest.mark.parametrize("word", ["y", "Y", "n", "N", "yes", "on", "off", "true"])
def test_a_word_that_is_a_boolean_is_no_text(word: str) -> None:
    labels = document(WE, f"address: 10.0.0.1\nlabels:\n  app: {word}")
    for text, path, line in (
        (labels, "spec.labels.app", 8),
        (document(VS, f"hosts: [{word}]\nhttp:\n- {TO}"), "spec.hosts[0]", 6),
        (document(WE, "address: 10.0.0.1", name=word), "metadata.name", 4),
    ):
        (problem,) = manifest(text).problems
        assert (problem.path, problem.line) == (path, line)
        assert "the boolean" in problem.message
        assert "; put it in quotes" in problem.message
    (problem,) = manifest(labels.replace(f"app: {word}", f"{word}: a")).problems
    assert problem.message == f"the key {word} is not text in YAML; put it in quotes"
    assert problem.line == 8


def test_all_mistakes_of_a_document_are_reported() -> None:
    text = document(VS, "hosts: [1]\nhttp:\n- route: [{destination: {}}]\n  timeout: x\n  nmae: y")
    assert errors(text) == [
        ("spec.hosts[0]", 6),
        ("spec.http[0].route[0].destination.host", 8),
        ("spec.http[0].timeout", 9),
        ("spec.http[0].nmae", 10),
    ]


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("apiVersion: apps/v1\nkind: Deployment", "VirtualService"),
        ("apiVersion: serving.knative.dev/v1\nkind: Service", "v1"),
        ("apiVersion: networking.istio.io/v1\nkind: Gateway", "ServiceEntry"),
    ],
)
def test_a_foreign_kind_is_reported_and_harms_nobody(head: str, names: str) -> None:
    outcome = manifest(f"{head}\nmetadata: {{name: a}}\n---\n" + document(WE, "address: 10.0.0.1"))
    assert len(outcome.entries) == 1
    assert not outcome.is_partial
    (problem,) = outcome.problems
    assert problem.severity is Severity.UNSUPPORTED
    assert "not supported (yet)" in problem.message
    assert names in problem.message


@pytest.mark.parametrize(
    ("kind", "spec", "paths"),
    [
        (
            SE,
            "hosts: [1]\nports: [{number: 80, name: a}, {number: 80, name: b}]",
            ["spec.hosts[0]", "spec.ports[1].number"],
        ),
        (
            SE,
            "hosts: [a.org, a.org]\nports: [{number: 80, name: http}]\nlocation: HERE",
            ["spec.location", "spec.hosts[1]"],
        ),
        (
            DR,
            "host: 1\nexportTo: ['*']\nworkloadSelector: {matchLabels: {a: b}}",
            ["spec.host", "spec.exportTo[0]"],
        ),
    ],
)
def test_fields_are_looked_at_together_though_another_has_an_error(
    kind: str, spec: str, paths: list[str]
) -> None:
    assert [path for path, _ in errors(document(kind, spec))] == paths
