"""A real Envoy accepts every sort of cluster and assignment that is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from envoy_data_plane.envoy.config.bootstrap.v3 import Bootstrap
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import Node

from tests.support.documents.buckets import everywhere
from tests.support.documents.translation import CLIENT, mesh
from tests.support.documents.web_mesh import NODE, POD, SERVICE, SLICE
from tests.support.processes.envoy import validate
from translators.clusters import (
    cluster,
    cluster_names,
    eds_cluster_names,
    inbound_cluster,
    inbound_passthrough_cluster,
    proxyless_cluster,
    static_clusters,
)
from translators.codec import encode
from translators.codec.wire import delimited
from translators.database import Database
from translators.endpoints import load_assignment
from translators.model.locality import Locality
from translators.model.service import Protocol

PORTS = "\n".join(
    f"  - {{number: {80 + number}, name: port-{number}{protocol and ', protocol: ' + protocol}}}"
    for number, protocol in enumerate(["HTTP", "HTTP2", "GRPC", "TLS", "TCP", ""])
)
ENDPOINTS = """
  endpoints:
  - {address: 10.0.0.1, locality: r1/a/s, labels: {version: v1}}
  - {address: 10.0.0.2, locality: r1/a, labels: {version: v1}, weight: 3}
  - {address: "2001:db8::1", locality: r1/b, labels: {version: v2}}
  - {address: 10.0.0.3, locality: r2/c, labels: {version: v1}}
"""
POLICIES = [
    "{connectionPool: {http: {}}}",
    "{loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {}}",
    "{loadBalancer: {simple: PASSTHROUGH}}",
    "{loadBalancer: {simple: RANDOM}, outlierDetection: {consecutive5xxErrors: 0,"
    " consecutiveGatewayErrors: 1, interval: 1s, baseEjectionTime: 1s, maxEjectionPercent: 100,"
    " minHealthPercent: 50, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2}}",
    "{connectionPool: {tcp: {maxConnections: 1, connectTimeout: 1s, maxConnectionDuration: 1s,"
    " tcpKeepalive: {probes: 127, time: 32767s, interval: 32767s}}, http: {http1MaxPendingRequests: 1,"
    " http2MaxRequests: 1, maxRequestsPerConnection: 1, maxRetries: 1, idleTimeout: 1s,"
    " maxConcurrentStreams: 1, h2UpgradePolicy: UPGRADE}}}",
    "{connectionPool: {http: {useClientProtocol: true, maxConcurrentStreams: 5}}}",
]
SOCKET = f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: socket, namespace: default}}
spec:
  hosts: [socket.example.com]
  resolution: STATIC
  ports: [{{number: 80, name: http}}]
  endpoints: [{{address: "unix:///{"a" * 106}"}}, {{address: "unix://@{"b" * 106}"}}]
"""


def world() -> Database:
    """Every resolution, protocol and policy."""
    texts = []
    for kind in ("STATIC", "NONE", "DNS", "DNS_ROUND_ROBIN"):
        for number, policy in enumerate(POLICIES):
            host = f"{kind.replace('_', '-').lower()}-{number}.example.com"
            listed = ENDPOINTS if kind == "STATIC" else ""
            texts.append(f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {host}, namespace: default}}
spec:
  hosts: [{host}]
  resolution: {kind}
  ports:
{PORTS}{listed}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {host}, namespace: default}}
spec:
  host: {host}
  trafficPolicy: {policy}
  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: none, labels: {{version: none}}}}]
""")
    return mesh(SERVICE, SLICE, NODE, POD, SOCKET, *texts)


def bootstrap(path: Path, clusters: list[bytes]) -> Path:
    static = b"".join(delimited(2, body) for body in clusters)
    path.write_bytes(encode(Bootstrap(node=Node(id="n", cluster="n"))) + delimited(2, static))
    return path


@pytest.mark.envoy
async def test_envoy_accepts_every_cluster(tmp_path: Path) -> None:
    db = world()
    names = everywhere(lambda bucket: cluster_names(db, CLIENT, bucket))
    found = [cluster(db, CLIENT, name) for name in names]
    found += [db.outcome(query) for _, query in static_clusters()]
    found.append(inbound_passthrough_cluster(db))
    found += (
        inbound_cluster(db, 9000 + number, f"127.0.0.1:{number + 1}", protocol)
        for number, protocol in enumerate(Protocol)
    )
    assert len({one.name for one in found}) == len(found) > 400
    assert await validate(bootstrap(tmp_path / "all.pb", [one.body for one in found])) == ""


@pytest.mark.envoy
async def test_envoy_accepts_proxyless_clusters(tmp_path: Path) -> None:
    db = world()
    names = everywhere(lambda bucket: eds_cluster_names(db, CLIENT, bucket))
    found = [proxyless_cluster(db, CLIENT, name).body for name in names]
    assert await validate(bootstrap(tmp_path / "proxyless.pb", found)) == ""


@pytest.mark.envoy
async def test_envoy_accepts_every_assignment(tmp_path: Path) -> None:
    db = world()
    found = []
    names = everywhere(lambda bucket: eds_cluster_names(db, CLIENT, bucket))
    for place in ("", "r1/a/s", "r2", "r9/z"):
        for name in names:
            body = load_assignment(db, CLIENT, Locality.parse(place), name).body
            static = encode(Cluster(name=f"{name}@{place}")) + delimited(33, body)
            found.append(static)
    assert await validate(bootstrap(tmp_path / "assignments.pb", found)) == ""


@pytest.mark.envoy
async def test_a_broken_cluster_would_be_noticed(tmp_path: Path) -> None:
    assert await validate(bootstrap(tmp_path / "bad.pb", [encode(Cluster(name=""))])) != ""
