"""A Kubernetes service `web` of namespace `shop`, and a service entry `x.com`, as YAML."""

from __future__ import annotations

HOST = "web.shop.svc.cluster.local"
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
"""
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: admin, port: 9000}]
endpoints:
- {addresses: [10.1.0.1], targetRef: {kind: Pod, name: web-a}, nodeName: n1}
- {addresses: [10.1.0.2], nodeName: n1}
- {addresses: [10.1.0.3], zone: z1, conditions: {ready: false}}
- {addresses: [10.1.0.4], zone: z9, conditions: {ready: false, serving: true, terminating: true}}
"""
NODE = """
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: z1}}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: web-a, namespace: shop, labels: {app: web, version: v1, istio-locality: r2.z2.s2}}
spec: {nodeName: n1}
status: {podIP: 10.1.0.1}
"""


def entry(spec: str) -> str:
    """The service entry `x` of namespace `default` for `x.com`, with more fields of its spec."""
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: x, namespace: default}}
spec: {{hosts: [x.com], ports: [{{number: 80, name: http, protocol: HTTP, targetPort: 8080}}], {spec}}}
"""
