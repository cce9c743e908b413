"""A mesh that uses every field, and each of its documents with one odd value in it.

Every field that is read stands in some document, and what is made of it reaches `PROXY`. A variant
is a document with one value, or the key of one, replaced by an odd one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from translators.kinds.field_path import Key, render
from translators.kinds.registry import KINDS
from translators.kinds.schema.kind import METADATA
from translators.kinds.schema.record import walk
from translators.kinds.yaml.documents import documents
from translators.model.proxy_node import Mode, ProxyNode

PROXY = ProxyNode(
    id="web.shop",
    name="web",
    namespace="shop",
    mode=Mode.CAPTURED,
    addresses=("10.1.0.1",),
    labels=frozenset({("app", "web")}),
)

MESH = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}, annotations: {note: a}}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: z1}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-a, namespace: shop, labels: {app: web, istio-locality: r2.z2.s2}}
spec:
  nodeName: n1
  serviceAccountName: a
  containers: [{name: a, ports: [{name: web, containerPort: 8080, protocol: TCP}]}]
status: {phase: Running, podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}]}
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  creationTimestamp: "2026-01-01T00:00:00Z"
  annotations: {networking.istio.io/exportTo: "*"}
spec:
  type: ClusterIP
  selector: {app: web}
  clusterIP: 10.96.0.1
  clusterIPs: [10.96.0.1]
  publishNotReadyAddresses: true
  ports:
  - {name: http, port: 80, targetPort: web, protocol: TCP, appProtocol: http}
  - {name: tcp, port: 81, targetPort: 8081, protocol: TCP}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec: {type: ExternalName, externalName: out.example.org, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports:
- {name: http, port: 8080, protocol: TCP, appProtocol: http}
- {name: tcp, port: 8081, protocol: TCP}
endpoints:
- addresses: [10.1.0.1]
  conditions: {ready: true, serving: true, terminating: false}
  hostname: a
  targetRef: {kind: Pod, name: web-a, namespace: shop}
  nodeName: n1
  zone: z1
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: books, namespace: shop}
spec:
  hosts: [books.example.org]
  addresses: [10.97.0.1]
  ports:
  - {number: 80, name: http, protocol: HTTP, targetPort: 8080}
  - {number: 443, name: tls, protocol: TLS}
  - {number: 90, name: tcp, protocol: TCP}
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints:
  - address: 10.2.0.1
    network: elsewhere
    ports: {http: 8080, tls: 8443}
    labels: {version: v1}
    network: one
    locality: r/z/s
    weight: 2
    serviceAccount: a
  exportTo: ["*"]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: named, namespace: shop}
spec:
  hosts: [named.example.org]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
  endpoints: [{address: far.example.org, ports: {http: 8080}, weight: 1}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: local, namespace: shop}
spec:
  hosts: [local.example.org]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: "unix:///run/local.sock"}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: chosen, namespace: shop}
spec:
  hosts: [chosen.example.org]
  ports: [{number: 80, name: http}]
  resolution: STATIC
  workloadSelector: {labels: {app: chosen}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: chosen-1, namespace: shop}
spec:
  address: 10.3.0.1
  network: elsewhere
  ports: {http: 80}
  labels: {app: chosen}
  network: one
  locality: r/z/s
  weight: 2
  serviceAccount: a
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: books, namespace: shop}
spec:
  host: books.example.org
  exportTo: ["."]
  workloadSelector: {matchLabels: {app: web}}
  trafficPolicy:
    loadBalancer:
      simple: ROUND_ROBIN
      localityLbSetting: {enabled: true}
    connectionPool:
      tcp:
        maxConnections: 1
        connectTimeout: 1s
        tcpKeepalive: {probes: 1, time: 1s, interval: 1s}
        maxConnectionDuration: 1h
        idleTimeout: 1s
      http:
        http1MaxPendingRequests: 1
        http2MaxRequests: 1
        maxRequestsPerConnection: 1
        maxRetries: 1
        idleTimeout: 1s
        h2UpgradePolicy: DEFAULT
        useClientProtocol: true
        maxConcurrentStreams: 1
    outlierDetection:
      consecutive5xxErrors: 1
      consecutiveGatewayErrors: 1
      splitExternalLocalOriginErrors: true
      consecutiveLocalOriginFailures: 1
      interval: 1s
      baseEjectionTime: 1s
      maxEjectionPercent: 50
      minHealthPercent: 1
    portLevelSettings:
    - port: {number: 443}
      loadBalancer: {simple: RANDOM}
      connectionPool: {tcp: {maxConnections: 2}}
      outlierDetection: {consecutive5xxErrors: 2}
  subsets:
  - name: v1
    labels: {version: v1}
    trafficPolicy:
      loadBalancer: {simple: RANDOM}
      connectionPool: {tcp: {maxConnections: 3}}
      outlierDetection: {consecutive5xxErrors: 3}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: books, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  hosts: [books.example.org]
  gateways: [mesh]
  exportTo: ["."]
  http:
  - name: a
    match:
    - name: m
      uri: {prefix: /a}
      scheme: {exact: http}
      method: {regex: GET|HEAD}
      authority: {prefix: b}
      headers: {x-a: {exact: a}, x-b: {prefix: a}, x-c: {regex: a}, x-d: {}}
      withoutHeaders: {x-a: {exact: a}, x-b: {prefix: a}, x-c: {regex: a}}
      queryParams: {a: {exact: a}, b: {prefix: a}, c: {regex: a}}
      port: 80
      sourceLabels: {app: web}
      sourceNamespace: shop
      gateways: [mesh]
      ignoreUriCase: true
    route:
    - destination: {host: books.example.org, subset: v1, port: {number: 80}}
      weight: 90
      headers:
        request: {set: {x-s: a}, add: {x-a: a}, remove: [x-r]}
        response: {set: {x-s: a}, add: {x-a: a}, remove: [x-r]}
    - destination: {host: web.shop.svc.cluster.local, port: {number: 80}}
      weight: 10
    rewrite: {uri: /b, authority: b}
    timeout: 5s
    retries:
      attempts: 3
      perTryTimeout: 1.5s
      retryOn: 5xx,409
      backoff: 25ms
      retryRemoteLocalities: true
      retryIgnorePreviousHosts: true
    headers:
      request: {set: {x-s: a}, add: {x-a: a}, remove: [x-r]}
      response: {set: {x-s: a}, add: {x-a: a}, remove: [x-r]}
  - match: [{uri: {regex: /b}}]
    redirect: {prefixRewrite: /c, authority: a, scheme: https, port: 443, redirectCode: 308}
  - match: [{uri: {exact: /c}}]
    redirect: {uri: /c, derivePort: FROM_REQUEST_PORT}
  - match: [{uri: {exact: /d}}]
    directResponse: {status: 200, body: {string: hi}}
  - match: [{uri: {exact: /e}}]
    directResponse: {status: 200, body: {bytes: aGk=}}
  - match: [{uri: {exact: /f}}]
    rewrite: {uriRegexRewrite: {match: "^/(.*)$", rewrite: '/\\1'}}
    route: [{destination: {host: books.example.org}, weight: 1}]
  - match: [{uri: {exact: /g}}]
    headers: {request: {set: {host: b}}}
    route: [{destination: {host: books.example.org}, weight: 1}]
  tls:
  - match:
    - sniHosts: [books.example.org]
      destinationSubnets: [10.97.0.0/16]
      port: 443
      sourceLabels: {app: web}
      sourceNamespace: shop
      gateways: [mesh]
    route: [{destination: {host: books.example.org, subset: v1, port: {number: 443}}, weight: 1}]
  tcp:
  - match:
    - destinationSubnets: [10.97.0.0/16]
      port: 90
      sourceLabels: {app: web}
      sourceNamespace: shop
      gateways: [mesh]
    route: [{destination: {host: books.example.org, subset: v1, port: {number: 90}}, weight: 1}]
"""

TEXTS = (
    "", " ", "%", "50%", "%FOO%", "%REQ(x)%", "a\nb", "\0", "\x7f", "é", "\ud800", "*", "*.org", ".", "a.", "A",
    "-", "/", "/a?b#c", "\\", "\\9", "(", "a{1001}", "(?=a)", r"[\pL\pN]{30}", "x" * 64, "x" * 300, "x" * 20000,
    "0", "-1", "1.5", "0s", "1ns", "1ms", "1.5ms", "2562047h", "315576000000s", "1.2.3.4", "1.2.3.4/8",
    "0.0.0.0/0", "::1", "fe80::1%eth0", "[::1]", "224.0.0.1", "unix:///a", "unix://@a", "unix:///" + "x" * 200,
    "a.com:80", "~", "mesh", "None", "content-length", ":path", "Host", "300", "a,b", "r/z/s/t", "aGk=",
)  # fmt: skip
WORDS = (
    "http", "https", "ftp", "HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "TCP", "TLS", "UDP", "SCTP", "MONGO",
    "MYSQL", "REDIS", "IPv4", "IPv6", "FQDN", "ClusterIP", "ExternalName", "NONE", "STATIC", "DNS",
    "DNS_ROUND_ROBIN", "MESH_EXTERNAL", "MESH_INTERNAL", "UNSPECIFIED", "RANDOM", "PASSTHROUGH", "LEAST_REQUEST",
    "ROUND_ROBIN", "DEFAULT", "UPGRADE", "DO_NOT_UPGRADE", "FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT", "5xx,409",
)  # fmt: skip
"""Words of closed sets, which are tried where such a word stands."""
NUMBERS = (
    -1, 0, 1, 100, 101, 204, 301, 304, 599, 600, 15001, 15006, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1,
    2**32, 2**63, 10**400, 0.5, float("inf"), float("nan"),
)  # fmt: skip
OTHERS: tuple[object, ...] = (True, False, None, [], {}, [""], {"": ""})


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """A document of the mesh with an odd value; `number` is the document's place in the mesh."""

    number: int
    document: object
    what: str


_FIELDS = {
    path.rpartition(".")[2]
    for shape in (METADATA, *(kind.body for kind in KINDS))
    for path, _ in walk(shape)
}


def mesh_documents() -> list[dict[str, object]]:
    """Give the documents of the mesh, as YAML gives them."""
    read = [document.value for document in documents(MESH)]
    return [document for document in read if isinstance(document, dict)]


def variants() -> Iterator[Variant]:
    """Give each document with each odd value in the place of each of its values and keys."""
    for number, document in enumerate(mesh_documents()):
        name = f"{document['kind']} {number}"
        for path, value in _places(document, ()):
            if path and path[0] in ("apiVersion", "kind"):
                continue
            odd: tuple[object, ...] = OTHERS
            if not isinstance(value, dict | list):
                odd = (*TEXTS, *NUMBERS, *OTHERS, *(WORDS if value in WORDS else ()))
            for other in odd:
                what = f"{name} {render(path)}: {_short(other)}"
                yield Variant(number, _replaced(document, path, value=other), what)
            if isinstance(path[-1], str) and path[-1] not in _FIELDS:
                for text in TEXTS:
                    what = f"{name} {render(path)}, key {_short(text)}"
                    yield Variant(number, _replaced(document, path, key=text), what)


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) < 60 else f"{text[:40]}... ({len(text)})"


def _places(value: object, path: tuple[Key, ...]) -> Iterator[tuple[tuple[Key, ...], object]]:
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _places(item, (*path, i))


_SAME = object()


def _replaced(
    document: object, path: tuple[Key, ...], *, value: object = _SAME, key: str | None = None
) -> object:
    """Give a copy with another value at a path, or with another key for the same value."""
    step, *rest = path
    if rest:
        assert isinstance(document, dict | list)
        inner = _replaced(document[step], tuple(rest), value=value, key=key)
        return _with(document, step, inner)
    if value is not _SAME:
        return _with(document, step, value)
    assert isinstance(document, dict)
    return {key if name == step else name: item for name, item in document.items()}


def _with(document: object, step: Key, value: object) -> object:
    if isinstance(document, list):
        return [value if i == step else item for i, item in enumerate(document)]
    assert isinstance(document, dict)
    return {**document, step: value}
