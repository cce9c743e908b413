"""Every field of the kinds' APIs is known: read, ignored for a reason, or reported."""

from __future__ import annotations

import re

import pytest

from tests.support.documents.kind_documents import manifest, messages
from tests.support.documents.odd_values import mesh_documents
from translators.kinds.registry import KINDS
from translators.kinds.schema.kind import METADATA, Kind
from translators.kinds.schema.record import walk
from translators.kinds.schema.shape import Use
from translators.kinds.yaml.documents import documents
from translators.model.origin import Severity

MATCHES = re.compile(r"\.(exact|prefix|regex)$")
META = """
metadata:
  name: x
  namespace: shop
  labels: {app: x}
  annotations: {note: "any text: at all"}
  creationTimestamp: 2024-01-01T00:00:00Z
  generateName: x-
  selfLink: /x
  uid: 1-2
  resourceVersion: "1"
  generation: 1
  deletionTimestamp: null
  deletionGracePeriodSeconds: 30
  ownerReferences: [{kind: A}]
  finalizers: [a]
  managedFields: [{manager: a, fieldsV1: {}}]
"""
ISTIO = (
    "apiVersion: networking.istio.io/v1beta1\nkind: KIND"
    + META
    + "status: {conditions: []}\nspec:\n"
)

VIRTUAL_SERVICE = (
    ISTIO.replace("KIND", "VirtualService")
    + """
  hosts: [reviews, "*.example.com"]
  gateways: [mesh, edge]
  exportTo: [".", other]
  http:
  - name: a
    match:
    - name: m
      uri: {prefix: /a}
      scheme: {exact: https}
      method: {regex: GET|HEAD}
      authority: {exact: a}
      headers: {x-user: {exact: a}, x-any: {}, "@request.auth.claims.sub": {exact: a}}
      withoutHeaders: {x-no: {}}
      queryParams: {q: {exact: a}}
      port: 80
      sourceLabels: {app: a}
      sourceNamespace: shop
      gateways: [mesh]
      ignoreUriCase: true
      statPrefix: a
    route:
    - destination: {host: reviews, subset: v1, port: {number: 80}}
      weight: 90
      headers: &h
        request: {set: {b: "1"}, add: {a: "2"}, remove: [z, w]}
        response: {set: {}, add: {}, remove: []}
    - destination: {host: reviews.shop.svc.cluster.local}
      weight: 10
    rewrite: {uri: /b, authority: b}
    timeout: 5s
    retries:
      attempts: 3
      perTryTimeout: 1.5s
      retryOn: 5xx, 409
      backoff: 25ms
      retryRemoteLocalities: true
      retryIgnorePreviousHosts: false
    headers: *h
    fault: {abort: {httpStatus: 500, percentage: {value: 1}}}
    mirror: {host: a}
    mirrors: [{destination: {host: a}}]
    mirrorPercent: 1
    mirrorPercentage: {value: 1}
    corsPolicy: {allowOrigins: [{exact: a}]}
  - match: [{uri: {prefix: /b}}]
    redirect: {prefixRewrite: /c, authority: a, scheme: https, port: 443, redirectCode: 308}
  - match: [{uri: {exact: /c}}]
    redirect: {uri: /c, derivePort: FROM_REQUEST_PORT}
  - match: [{uri: {exact: /d}}]
    directResponse: {status: 200, body: {string: hi}}
  - match: [{uri: {exact: /e}}]
    directResponse: {status: 200, body: {bytes: aGk=}}
  - match: [{uri: {exact: /f}}]
    rewrite: {uriRegexRewrite: {match: ^/(.*)$, rewrite: '/\\1'}}
    route: [{destination: {host: a}}]
  - match: [{uri: {exact: /g}}]
    delegate: {name: other}
  tls:
  - match: &l4
    - sniHosts: [a.example.com]
      destinationSubnets: [10.0.0.0/8]
      port: 443
      sourceLabels: {app: a}
      sourceNamespace: shop
      gateways: [mesh]
    route: [{destination: {host: a, subset: b, port: {number: 1}}, weight: 1}]
  tcp:
  - match:
    - destinationSubnets: [10.0.0.0/8]
      port: 443
      sourceLabels: {app: a}
      sourceNamespace: shop
      gateways: [mesh]
      sourceSubnet: 10.0.0.0/8
    route: [{destination: {host: a, subset: b, port: {number: 1}}, weight: 1}]
"""
)
H = "spec.http[0]"
DESTINATION_RULE = (
    ISTIO.replace("KIND", "DestinationRule")
    + """
  host: reviews
  exportTo: ["."]
  workloadSelector: {matchLabels: {app: a}}
  trafficPolicy: &policy
    loadBalancer: &lb
      simple: LEAST_CONN
      localityLbSetting: {enabled: true, distribute: [{}], failover: [{}], failoverPriority: [a]}
      zoneAwareLbSetting: {}
      warmup: {duration: 1s}
      warmupDurationSecs: 1s
    connectionPool: &pool
      tcp:
        maxConnections: 1
        connectTimeout: 1s
        tcpKeepalive: {probes: 1, time: 1s, interval: 1s}
        maxConnectionDuration: 1h
        idleTimeout: 0s
      http:
        http1MaxPendingRequests: 1
        http2MaxRequests: 1
        maxRequestsPerConnection: 1
        maxRetries: 1
        idleTimeout: 1s
        h2UpgradePolicy: DO_NOT_UPGRADE
        useClientProtocol: true
        maxConcurrentStreams: 1
        http2KeepAlive: {interval: 15s, timeout: 5s}
    outlierDetection: &outlier
      consecutiveErrors: 1
      consecutive5xxErrors: 0
      consecutiveGatewayErrors: 1
      splitExternalLocalOriginErrors: true
      consecutiveLocalOriginFailures: 1
      interval: 1s
      baseEjectionTime: 1s
      maxEjectionPercent: 50
      minHealthPercent: 1
      httpErrorCodes: [500]
    tls: {mode: SIMPLE}
    portLevelSettings:
    - port: {number: 80}
      loadBalancer: *lb
      connectionPool: *pool
      outlierDetection: *outlier
      tls: {mode: DISABLE}
    tunnel: {protocol: CONNECT}
    proxyProtocol: {version: V2}
    retryBudget: {percent: 20}
  subsets:
  - name: v1
    labels: {version: v1}
    trafficPolicy: *policy
"""
)
CONSISTENT_HASH = (
    ISTIO.replace("KIND", "DestinationRule")
    + """
  host: reviews
  trafficPolicy: &policy
    loadBalancer: {consistentHash: {useSourceIp: true}}
    portLevelSettings: [{port: {number: 80}, loadBalancer: {consistentHash: {useSourceIp: true}}}]
  subsets: [{name: v1, trafficPolicy: *policy}]
"""
)
SERVICE_ENTRY = (
    ISTIO.replace("KIND", "ServiceEntry")
    + """
  hosts: [a.example.com]
  addresses: [10.0.0.0/8]
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints:
  - address: 10.0.0.1
    ports: {http: 80}
    labels: {app: a}
    network: net
    locality: r/z/s
    weight: 2
    serviceAccount: a
  exportTo: ["~"]
  subjectAltNames: [a]
"""
)
SELECTING = (
    ISTIO.replace("KIND", "ServiceEntry")
    + """
  hosts: [a.example.com]
  ports: [{number: 80, name: http}]
  resolution: STATIC
  workloadSelector: {labels: {app: a}}
"""
)
WORKLOAD_ENTRY = (
    ISTIO.replace("KIND", "WorkloadEntry")
    + """
  address: 10.0.0.1
  ports: {http: 80}
  labels: {app: a}
  network: net
  locality: r/z/s
  weight: 2
  serviceAccount: a
"""
)
SERVICE = (
    f"apiVersion: v1\nkind: Service{META}"
    + """
status: {loadBalancer: {}}
spec:
  ports: [{name: http, port: 80, protocol: TCP, appProtocol: http, targetPort: web, nodePort: 30080}]
  selector: {app: a}
  clusterIP: 10.0.0.1
  clusterIPs: [10.0.0.1, "fd00::1"]
  type: LoadBalancer
  externalName: ""
  publishNotReadyAddresses: true
  trafficDistribution: PreferClose
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}
  internalTrafficPolicy: Local
  externalIPs: [1.2.3.4]
  loadBalancerIP: 1.2.3.4
  loadBalancerSourceRanges: [0.0.0.0/0]
  loadBalancerClass: a
  allocateLoadBalancerNodePorts: true
  externalTrafficPolicy: Local
  healthCheckNodePort: 30000
  ipFamilies: [IPv4]
  ipFamilyPolicy: SingleStack
"""
)
ENDPOINT_SLICE = (
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice"
    + META.replace("{app: x}", "{kubernetes.io/service-name: x}")
    + """
addressType: IPv4
ports: [{name: http, port: 80, protocol: TCP, appProtocol: http}]
endpoints:
- addresses: [10.0.0.1]
  conditions: {ready: true, serving: true, terminating: false}
  hostname: a
  targetRef: {kind: Pod, name: a, namespace: shop, uid: a, apiVersion: v1, resourceVersion: "1", fieldPath: a}
  nodeName: a
  zone: z
  deprecatedTopology: {a: b}
  hints: {forZones: [{name: a}], forNodes: []}
"""
)
POD = (
    f"apiVersion: v1\nkind: Pod{META}"
    + """
spec:
  nodeName: n1
  serviceAccountName: a
  restartPolicy: Always
  containers: [{name: a, image: b, ports: [{name: web, containerPort: 8080, protocol: TCP}]}]
status: {phase: Running, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}], hostIP: 10.0.0.2}
"""
)
NODE = f"apiVersion: v1\nkind: Node{META}spec: {{podCIDR: 10.0.0.0/8}}\nstatus: {{addresses: []}}\n"
NAMESPACE = f"apiVersion: v1\nkind: Namespace{META}spec: {{finalizers: [kubernetes]}}\nstatus: {{phase: Active}}\n"

LB = ("consistentHash", "localityLbSetting.distribute", "localityLbSetting.failover",
      "localityLbSetting.failoverPriority", "warmup", "warmupDurationSecs", "zoneAwareLbSetting")  # fmt: skip
BLOCKS = {*(f"loadBalancer.{name}" for name in LB), "connectionPool.http.http2KeepAlive",
          "outlierDetection.consecutiveErrors", "outlierDetection.httpErrorCodes"}  # fmt: skip
POLICY = {
    *BLOCKS,
    "tls",
    "tunnel",
    "proxyProtocol",
    "retryBudget",
    *(f"portLevelSettings[0].{b}" for b in BLOCKS),
}

CASES = {
    "VirtualService": (
        [VIRTUAL_SERVICE],
        {
            "spec.gateways[1]", f"{H}.match[0].statPrefix", f"{H}.fault", f"{H}.mirror", f"{H}.mirrors",
            f"{H}.mirrorPercent", f"{H}.mirrorPercentage", f"{H}.corsPolicy", "spec.http[6].delegate",
            f'{H}.match[0].headers["@request.auth.claims.sub"]', "spec.tcp[0].match[0].sourceSubnet",
        },
    ),
    "DestinationRule": (
        [DESTINATION_RULE, CONSISTENT_HASH],
        {f"spec.{at}{field}" for at in ("trafficPolicy.", "subsets[0].trafficPolicy.") for field in POLICY},
    ),
    "ServiceEntry": (
        [SERVICE_ENTRY, SELECTING],
        {"spec.endpoints[0].network", "spec.subjectAltNames"},
    ),
    "WorkloadEntry": ([WORKLOAD_ENTRY], {"spec.network"}),
    "Service": (
        [SERVICE],
        {"spec.trafficDistribution", "spec.sessionAffinity", "spec.sessionAffinityConfig", "spec.internalTrafficPolicy"},
    ),
    "EndpointSlice": ([ENDPOINT_SLICE], set()),
    "Pod": ([POD], set()),
    "Node": ([NODE], set()),
    "Namespace": ([NAMESPACE], set()),
}  # fmt: skip


def given_fields(value: object, prefix: str = "") -> set[str]:
    """Dotted paths of all fields of a document, list positions left out."""
    if isinstance(value, list):
        return {path for item in value for path in given_fields(item, prefix)}
    if not isinstance(value, dict):
        return set()
    paths: set[str] = set()
    for name, item in value.items():
        path = f"{prefix}.{name}" if prefix else name
        paths |= {path} | given_fields(item, path)
    return paths


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_known_field_is_accepted_or_reported(kind: Kind) -> None:
    texts, unsupported = CASES[kind.name]
    reported: set[str] = set()
    given: set[str] = set()
    for text in texts:
        read = manifest(text)
        assert not messages(read.problems, Severity.ERROR), read.problems
        assert len(read.entries) == 1
        reported |= messages(read.problems, Severity.UNSUPPORTED)
        given |= given_fields(documents(text)[0].value)
        assert all(problem.line > 1 for problem in read.problems)
    assert reported == unsupported
    known = {path for path, _ in walk(kind.body)} | {
        f"metadata.{path}" for path, _ in walk(METADATA)
    }
    # In a map of matches the names of headers stand between, so a match's fields are not compared.
    assert not {path for path in known - given if not MATCHES.search(path)}


def test_what_is_listed_as_unsupported_or_ignored_is_never_read() -> None:
    for kind in KINDS:
        for path, field in walk(kind.body):
            assert (field.shape is None) == (field.use is not Use.READ), path
            assert field.use is not Use.IGNORED or field.note, path


def test_every_field_that_is_read_has_odd_values_put_to_envoy() -> None:
    """A block that stands in several places is given in one; hence the ends of paths."""

    def end(path: str) -> str:
        return ".".join(path.split(".")[-2:])

    given: dict[str, set[str]] = {}
    for document in mesh_documents():
        given.setdefault(str(document["kind"]), set()).update(map(end, given_fields(document)))
    for kind in KINDS:
        read = {end(path) for path, field in walk(kind.body) if field.use is Use.READ}
        missing = {path for path in read - given[kind.name] if not MATCHES.search(path)}
        assert not missing, kind.name
