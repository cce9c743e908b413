"""What Istio's validation accepts, warns of and refuses, we do too; the cases are its tests'.

Where a field is not supported yet, it is told of, which is no warning here.
"""

from __future__ import annotations

import enum

import pytest

from tests.support.documents.kind_documents import document, manifest
from translators.model.origin import Severity


class Verdict(enum.Enum):
    """What becomes of a document."""

    ACCEPTED = "accepted"
    WARNED = "accepted with a warning"
    REFUSED = "refused"


ACCEPTED, WARNED, REFUSED = Verdict.ACCEPTED, Verdict.WARNED, Verdict.REFUSED

TWO = "[{number: 80, protocol: http, name: http-valid1}, {number: 8080, protocol: http, name: http-valid2}]"
ONE = "[{number: 80, protocol: http, name: http-valid1}]"
GRPC = "[{number: 6553, protocol: grpc, name: grpc-service1}]"
LON = "{address: lon.google.com, ports: {http-valid1: 8080}}"
IN = "{address: in.google.com, ports: {http-valid2: 9080}}"
IPS = "[{address: 1.1.1.1, ports: {http-valid1: 8080}}, {address: 2.2.2.2, ports: {http-valid2: 9080}}]"
UDS = f"hosts: [uds.cluster.local], ports: {GRPC}, resolution: STATIC"

SERVICE_ENTRIES: list[tuple[str, Verdict]] = [
    (f"hosts: ['*.google.com'], ports: {TWO}, endpoints: [{LON}, {IN}], resolution: DNS", ACCEPTED),
    (
        f"hosts: ['*.istio.io'], ports: {TWO}, endpoints: [{LON}], resolution: DNS_ROUND_ROBIN",
        ACCEPTED,
    ),
    (f"hosts: [httpbin.org], addresses: [10.10.10.10], ports: {TWO}, resolution: DNS", ACCEPTED),
    (f"hosts: [a.org, b.org], addresses: [10.10.10.10], ports: {TWO}, resolution: DNS", ACCEPTED),
    (
        f"hosts: ['*.google.com'], addresses: [10.10.10.10], ports: {TWO}, "
        f"endpoints: [{LON}, {IN}], resolution: DNS",
        ACCEPTED,
    ),
    (
        f"hosts: ['*.google.com'], ports: {TWO}, endpoints: [{{address: 1.1.1.1}}, {IN}], resolution: DNS",
        ACCEPTED,
    ),
    (f"ports: {ONE}, endpoints: [{{address: in.google.com}}], resolution: DNS", REFUSED),
    (f"hosts: ['-'], ports: {ONE}, endpoints: [{{address: a.b}}], resolution: DNS", REFUSED),
    (
        f"hosts: [foo.com, '*'], ports: {ONE}, endpoints: [{{address: a.b}}], resolution: DNS",
        REFUSED,
    ),
    (f"hosts: [foo, bar.com], ports: {ONE}, endpoints: [{LON}], resolution: DNS", ACCEPTED),
    (f"hosts: ['foo*'], ports: {ONE}", REFUSED),
    (
        f"hosts: [google.com], ports: {TWO}, endpoints: [{{address: a.b, ports: {{dne: 1}}}}], resolution: DNS",
        REFUSED,
    ),
    (
        f"hosts: [a.b], ports: {TWO}, endpoints: [{{address: '*.lon.com'}}], resolution: DNS",
        REFUSED,
    ),
    (f"hosts: ['*.google.com'], ports: {TWO}, resolution: DNS", REFUSED),
    (
        f"hosts: ['*.google.com'], ports: {TWO}, resolution: DNS, workloadSelector: {{labels: {{a: b}}}}",
        REFUSED,
    ),
    (f"hosts: [google.com], ports: {TWO}, resolution: DNS", ACCEPTED),
    (
        f"hosts: ['*.google.com'], ports: {ONE}, endpoints: [{{address: 'unix:///lon/com'}}], resolution: DNS",
        REFUSED,
    ),
    (f"hosts: [google.com], ports: {TWO}, resolution: NONE", ACCEPTED),
    (f"hosts: [google.com], ports: {TWO}, endpoints: [{LON}], resolution: NONE", REFUSED),
    (f"hosts: [google.com], addresses: [172.1.2.16/16], ports: {TWO}, resolution: NONE", ACCEPTED),
    (
        f"hosts: [google.com], addresses: [172.1.2.16/16], ports: {TWO}, endpoints: {IPS}, resolution: STATIC",
        ACCEPTED,
    ),
    (
        f"hosts: [google.com], addresses: [172.1.2.16], ports: {TWO}, endpoints: {IPS}, resolution: STATIC",
        ACCEPTED,
    ),
    (
        f"hosts: [google.com], ports: {TWO}, endpoints: [{{address: google.com}}], resolution: STATIC",
        REFUSED,
    ),
    (f"hosts: [google.com], addresses: [172.1.2.16], ports: {TWO}, resolution: STATIC", ACCEPTED),
    (
        f"hosts: [google.com], ports: {TWO}, endpoints: [{{address: 1.1.1.1, ports: {{dne: 1}}}}], resolution: STATIC",
        REFUSED,
    ),
    ("hosts: [a.b], ports: [{number: 80, name: http}, {number: 8080, name: http}]", REFUSED),
    ("hosts: [a.b], ports: [{number: 80, name: http}, {number: 80, name: http2}]", REFUSED),
    ("hosts: [a.b], ports: [{number: 80, name: 'http_x'}]", REFUSED),
    ("hosts: [a.b], ports: [{number: 80, name: http, protocol: SMTP}]", REFUSED),
    (f"{UDS}, endpoints: [{{address: 'unix:///path/to/socket'}}]", ACCEPTED),
    (f"{UDS}, endpoints: [{{address: 'unix://./relative/path.sock'}}]", REFUSED),
    (f"{UDS}, endpoints: [{{address: 'unix:///a', ports: {{grpc-service1: 6553}}}}]", REFUSED),
    (
        f"hosts: [a.b], ports: {TWO}, resolution: STATIC, endpoints: [{{address: 'unix:///a'}}]",
        REFUSED,
    ),
    ("hosts: [a.b], resolution: STATIC, endpoints: [{address: 'unix:///a'}]", REFUSED),
    (
        "hosts: [a.b], addresses: [172.1.2.16/16], ports: [{number: 80, name: http, protocol: ''}]",
        ACCEPTED,
    ),
    (f"hosts: [a.b], workloadSelector: {{labels: {{foo: bar}}}}, ports: {ONE}", WARNED),
    (f"hosts: [a.b], workloadSelector: {{}}, ports: {TWO}, resolution: STATIC", WARNED),
    (
        f"hosts: [a.b], workloadSelector: {{labels: {{a: b}}}}, ports: {ONE}, endpoints: [{{address: 1.1.1.1}}]",
        REFUSED,
    ),
    (
        f"hosts: [a.b], workloadSelector: {{labels: {{a: b}}}}, ports: {ONE}, resolution: DNS",
        ACCEPTED,
    ),
    (f"hosts: [a.b], workloadSelector: {{labels: {{'': b}}}}, ports: {ONE}", REFUSED),
    (f"hosts: [a.b], workloadSelector: {{labels: {{a: '*'}}}}, ports: {ONE}", REFUSED),
    (
        "hosts: [a.b], resolution: DNS, ports: [{number: 80, name: a, targetPort: 80}, "
        "{number: 81, name: b, targetPort: 80}]",
        ACCEPTED,
    ),
    ("hosts: [a.b], resolution: DNS, ports: [{number: 80, name: a, targetPort: 65536}]", REFUSED),
    (
        f"hosts: [a.b], ports: {ONE}, resolution: STATIC, endpoints: [{{address: 1.1.1.1, ports: {{http-valid1: 65536}}}}]",
        REFUSED,
    ),
    (
        "hosts: [a.b], addresses: [], ports: [{number: 81, protocol: TCP, name: tcp-valid1}]",
        ACCEPTED,
    ),
    (
        f"hosts: [a.b], ports: {ONE}, endpoints: [{LON}, {LON}], resolution: DNS_ROUND_ROBIN",
        REFUSED,
    ),
    (f"hosts: [a.b], ports: {ONE}, endpoints: [], resolution: DNS_ROUND_ROBIN", ACCEPTED),
    (
        "hosts: ['*.nytimes.com', '*washingtonpost.com'], ports: [{number: 443, protocol: HTTPS, name: https}]",
        WARNED,
    ),
    (
        f"hosts: [a.b], ports: {ONE}, endpoints: [{{network: cluster-1}}], resolution: STATIC",
        ACCEPTED,
    ),
    (f"hosts: [a.b], ports: {ONE}, endpoints: [{{network: cluster-1}}], resolution: DNS", REFUSED),
    (f"hosts: [a.b], ports: {ONE}, endpoints: [{{}}], resolution: STATIC", REFUSED),
    (f"hosts: [a.b], addresses: [1.2.3.4/99], ports: {ONE}", REFUSED),
    (f"hosts: [a.b], addresses: [1.2.3.4/16], ports: {ONE}, resolution: DNS", REFUSED),
    (
        "hosts: [a.b, c.d], resolution: STATIC, ports: [{number: 80, name: tcp, protocol: TCP}]",
        REFUSED,
    ),
    ("hosts: [a.b, c.d], resolution: STATIC, ports: [{number: 80, name: x}]", REFUSED),
    (
        "hosts: [a.b, c.d], resolution: NONE, ports: [{number: 80, name: tcp, protocol: TCP}]",
        ACCEPTED,
    ),
    (
        "hosts: [a.b, c.d], resolution: STATIC, ports: [{number: 443, name: x, protocol: TLS}]",
        ACCEPTED,
    ),
    (
        "hosts: [a.b], workloadSelector: {labels: {foo: bar}}, addresses: [1.2.3.4, '001:db8::'], "
        "exportTo: [foo, .], location: MESH_EXTERNAL, resolution: DNS, "
        "ports: [{name: foo, protocol: HTTP, number: 1234, targetPort: 2345}], subjectAltNames: [sa]",
        ACCEPTED,
    ),
    ("hosts: [a.b]", WARNED),
    ("hosts: [a.b], addresses: [1.1.1.1/32]", WARNED),
    ("hosts: [1.2.3.4], ports: [{number: 80, name: http}]", REFUSED),
]
WORKLOAD_ENTRIES: list[tuple[str, Verdict]] = [
    ("address: 1.2.3.4", ACCEPTED),
    ("", REFUSED),
    ("network: network-2", ACCEPTED),
    ("address: 'unix:///lon/google/com'", ACCEPTED),
    ("address: 'unix:///lon/google/com', ports: {'7777': 7777}", REFUSED),
    ("address: validdns.com, ports: {'7777': 7777}", ACCEPTED),
    ("address: 'invaliddns.com:9443', ports: {'7777': 7777}", REFUSED),
    ("address: 172.16.1.1, ports: {'7777': 7777}", ACCEPTED),
    ("address: 'unix:///dir/'", REFUSED),
    ("address: 'unix://relative'", REFUSED),
    ("address: 'unix://@foo', ports: {http: 80}", REFUSED),
    ("address: 'unix://@foo'", ACCEPTED),
    ("address: 1.1.1.1, ports: {http: 99999}", REFUSED),
    ("address: 1.1.1.1, ports: {http: 0}", REFUSED),
    ("address: 1.1.1.1, ports: {'@': 80}", REFUSED),
    ("address: 1.1.1.1, labels: {bad key: value}", REFUSED),
    ("address: 1.1.1", REFUSED),
    (
        "address: 1.2.3.4, serviceAccount: sa, network: net, labels: {app: app}, ports: {http: 1}, "
        "weight: 2, locality: foo/bar/baz",
        ACCEPTED,
    ),
]
SUBSETS = "subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]"
GOOD = (
    "{loadBalancer: {simple: ROUND_ROBIN}, connectionPool: {tcp: {maxConnections: 7}, "
    "http: {http2MaxRequests: 11}}, outlierDetection: {minHealthPercent: 20}}"
)
BAD = "{loadBalancer: {simple: ROUND_ROBIN}, connectionPool: {}, outlierDetection: {minHealthPercent: 20}}"
DESTINATION_RULES: list[tuple[str, Verdict]] = [
    (f"host: reviews, {SUBSETS}", ACCEPTED),
    (f"host: reviews, {SUBSETS}, workloadSelector: {{}}", WARNED),
    (f"host: '', {SUBSETS}", REFUSED),
    ("host: reviews, subsets: [{name: '', labels: {version: v1}}]", REFUSED),
    ("host: reviews, subsets: [{name: foo, labels: {v: a}}, {name: foo, labels: {v: b}}]", REFUSED),
    (f"host: reviews, trafficPolicy: {GOOD}, {SUBSETS}", ACCEPTED),
    (f"host: reviews, trafficPolicy: {BAD}, {SUBSETS}", REFUSED),
    (f"host: reviews, subsets: [{{name: v1, trafficPolicy: {GOOD}}}]", ACCEPTED),
    (f"host: reviews, subsets: [{{name: v1, trafficPolicy: {BAD}}}]", REFUSED),
    ("host: reviews, trafficPolicy: {tls: {mode: SIMPLE, caCertificates: test}}", ACCEPTED),
    ("host: reviews, trafficPolicy: {}", REFUSED),
    (
        "host: reviews, trafficPolicy: {portLevelSettings: [{loadBalancer: {simple: RANDOM}}]}",
        REFUSED,
    ),
    ("host: reviews, trafficPolicy: {portLevelSettings: [{port: {number: 80}}]}", REFUSED),
    (
        "host: reviews, trafficPolicy: {connectionPool: {tcp: {maxConnectionDuration: 500ns}}}",
        REFUSED,
    ),
    ("host: reviews, trafficPolicy: {outlierDetection: {minHealthPercent: -1}}", REFUSED),
    ("host: reviews, trafficPolicy: {outlierDetection: {minHealthPercent: 101}}", REFUSED),
    ("host: reviews, trafficPolicy: {outlierDetection: {maxEjectionPercent: 105}}", REFUSED),
    ("host: reviews, trafficPolicy: {outlierDetection: {consecutiveErrors: 101}}", ACCEPTED),
    (
        "host: reviews, trafficPolicy: {outlierDetection: {consecutiveLocalOriginFailures: 10}}",
        REFUSED,
    ),
    (
        "host: reviews, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: UPGRADE, "
        "useClientProtocol: true}}}",
        REFUSED,
    ),
    ("host: reviews, trafficPolicy: {connectionPool: {tcp: {maxConnections: -1}}}", REFUSED),
    ("host: reviews, trafficPolicy: {connectionPool: {tcp: {idleTimeout: 0s}}}", ACCEPTED),
    (
        "host: reviews, trafficPolicy: {connectionPool: {http: {http1MaxPendingRequests: -1}}}",
        REFUSED,
    ),
    ("host: reviews, trafficPolicy: {connectionPool: {http: {http2MaxRequests: -1}}}", REFUSED),
    (
        "host: reviews, trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: -1}}}",
        REFUSED,
    ),
    ("host: reviews, trafficPolicy: {connectionPool: {http: {maxRetries: -1}}}", REFUSED),
    ("host: reviews, trafficPolicy: {connectionPool: {http: {maxConcurrentStreams: -1}}}", REFUSED),
    (
        "host: reviews, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}",
        ACCEPTED,
    ),
    ("host: '*'", ACCEPTED),
    ("host: 1.2.3.4", REFUSED),
    ("host: foo.*.bar", REFUSED),
]
TO = "route: [{destination: {host: foo.baz}}]"
HTTP = f"http: [{{{TO}}}]"
VIRTUAL_SERVICES: list[tuple[str, Verdict]] = [
    (f"hosts: [foo.bar], {HTTP}", ACCEPTED),
    (f"hosts: ['*.foo.bar', '*.bar'], {HTTP}", REFUSED),
    (f"hosts: ['*.foo.bar', a.foo.bar], {HTTP}", REFUSED),
    (f"hosts: ['*.foo.bar', foo.bar], {HTTP}", ACCEPTED),
    ("hosts: [foo.bar], http: [{route: [{}]}]", REFUSED),
    ("hosts: [foo.bar], http: [{route: [{destination: {}}]}]", REFUSED),
    (f"hosts: [foo.ba!r], {HTTP}", REFUSED),
    ("hosts: [foo.bar]", REFUSED),
    (f"hosts: [foo.bar], gateways: [b@dgateway], {HTTP}", REFUSED),
    (f"hosts: [foo.bar], gateways: [gateway.example.com], {HTTP}", ACCEPTED),
    (f"hosts: [foo.bar], gateways: [ns1/gateway], {HTTP}", ACCEPTED),
    (f"hosts: [foo.bar], gateways: ['ns1/*'], {HTTP}", REFUSED),
    (f"hosts: [foo.bar], gateways: ['*/gateway'], {HTTP}", REFUSED),
    (f"hosts: [foo.bar], gateways: [ns1/], {HTTP}", REFUSED),
    ("hosts: [foo.bar], tcp: [{match: [{port: 999}]}]", REFUSED),
    ("hosts: [foo.bar], tls: [{match: [{port: 999, sniHosts: [foo.bar]}]}]", REFUSED),
    (f"hosts: [foo.bar], tls: [{{{TO}, match: [{{sniHosts: [1.1.1.1]}}]}}]", WARNED),
    (f"hosts: [foo.bar], tls: [{{{TO}, match: [{{sniHosts: ['foo.*.com']}}]}}]", REFUSED),
    ("hosts: [foo.bar], tcp: [{route: [{destination: {host: '*-foo.baz'}}]}]", ACCEPTED),
    ("hosts: [foo.bar], tcp: [{route: [{destination: {host: '*foo.baz'}}]}]", ACCEPTED),
    ("hosts: [foo.bar], tcp: [{route: [{destination: {host: '*'}}]}]", REFUSED),
    ("hosts: [foo.bar], tcp: [{route: [{destination: {host: foo.*}}]}]", REFUSED),
    ("hosts: [foo.bar], tcp: [{route: [{destination: {host: default/baz}}]}]", REFUSED),
    ("hosts: [foo.bar], tcp: [{route: [{destination: {host: a.b}, weight: -1}]}]", REFUSED),
    (
        "hosts: [foo.bar], tcp: [{route: [{destination: {host: a.b}, weight: 550}, "
        "{destination: {host: a.c}, weight: 500}]}]",
        ACCEPTED,
    ),
    ("hosts: [foo.bar], tcp: [{route: [{destination: {host: a.b}, weight: 0}]}]", ACCEPTED),
    (
        "hosts: [foo.bar], tcp: [{route: [{destination: {host: a.b}, weight: 0}, "
        "{destination: {host: a.c}, weight: 0}]}]",
        REFUSED,
    ),
    ("hosts: [foo.bar], http: [{route: [{destination: {host: a.b, subset: v_1}}]}]", REFUSED),
    ("hosts: [foo.bar], http: [{route: [{destination: {host: a.b, subset: ''}}]}]", ACCEPTED),
    ("hosts: [foo.bar], http: [{route: [{destination: {host: a.b, port: {number: 0}}}]}]", REFUSED),
]
CASES = [
    (kind, *case)
    for kind, cases in (
        ("ServiceEntry", SERVICE_ENTRIES),
        ("WorkloadEntry", WORKLOAD_ENTRIES),
        ("DestinationRule", DESTINATION_RULES),
        ("VirtualService", VIRTUAL_SERVICES),
    )
    for case in cases
]


@pytest.mark.parametrize(("kind", "spec", "verdict"), CASES)
def test_a_document_is_judged_as_istio_judges_it(kind: str, spec: str, verdict: Verdict) -> None:
    outcome = manifest(document(kind, f"{{{spec}}}").replace("spec:\n  {", "spec: {"))
    found = {problem.severity for problem in outcome.problems}
    if Severity.ERROR in found:
        assert not outcome.entries
        judged = REFUSED
    else:
        assert len(outcome.entries) == 1
        judged = WARNED if Severity.WARNING in found else ACCEPTED
    assert judged is verdict, outcome.problems
