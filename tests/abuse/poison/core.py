"""Services, EndpointSlices, Pods and other documents that are mistakes."""

from __future__ import annotations

from tests.abuse.poison.row import rows


def _service(spec: str, name: str = "author", more: str = "") -> str:
    return f"""\
apiVersion: v1
kind: Service
metadata: {{name: {name}, creationTimestamp: "2024-01-01T00:00:00Z"}}
spec: {{{spec}}}
{more}"""


def _slice(spec: str, service: str = "author") -> str:
    return f"""\
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: poison-1, labels: {{kubernetes.io/service-name: {service}}}}}
{spec}
"""


_PORT = "ports: [{name: http, port: 80}]"
_SELF = _service(f"clusterIP: $FREE_VIP, {_PORT}")


def _endpoints(addresses: str, port: str = "9999") -> str:
    return _SELF + _slice(
        f"addressType: IPv4\nports: [{{name: http, port: {port}}}]\n"
        f"endpoints: [{{addresses: [{addresses}]}}]"
    )


def _pod(ip: str, labels: str = "{app: author}") -> str:
    return f"""\
apiVersion: v1
kind: Pod
metadata: {{name: author-0, labels: {labels}}}
status: {{podIP: {ip}}}
"""


_MANY_PORTS = ", ".join(f"{{name: p{n}, port: {n}}}" for n in range(2000, 2300))
_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)

CORE = rows(
    "core",
    "poison.yaml",
    {
        "Service at the address of another": _service(f"clusterIP: $SHOP_VIP, {_PORT}")
        + _slice(
            "addressType: IPv4\nports: [{name: http, port: $AUTHOR_PORT}]\n"
            "endpoints: [{addresses: [$AUTHOR_IP]}]"
        ),
        "Service at the address of another, as TCP": _service(
            "clusterIP: $SHOP_VIP, ports: [{name: tcp, port: 80}]"
        ),
        "Service of everybody's port without a name": _service(
            "clusterIP: $FREE_VIP, ports: [{port: 80}]"
        ),
        "Service of another, once more": _service(f"clusterIP: $FREE_VIP, {_PORT}", "shop"),
        "headless Service at everybody's port": _service(
            "clusterIP: None, ports: [{name: tcp, port: 80}]"
        ),
        "Service that targets the capture port": _service(
            "clusterIP: $FREE_VIP, ports: [{name: http, port: 80, targetPort: 15006}]"
        )
        + _slice(
            "addressType: IPv4\nports: [{name: http, port: 15006}]\n"
            "endpoints: [{addresses: [$A_IP]}, {addresses: [$B_IP]}]"
        ),
        "Service of 300 ports": _service(f"clusterIP: $FREE_VIP, ports: [{_MANY_PORTS}]"),
        "Service with a port twice": _service(
            "clusterIP: $FREE_VIP, ports: [{name: a, port: 80}, {name: b, port: 80}]"
        ),
        "Service with an address that is none": _service(f"clusterIP: 10.99.0.256, {_PORT}"),
        "Service with a port of 5,000 digits": _service(
            f"clusterIP: $FREE_VIP, ports: [{{name: http, port: {'9' * 5000}}}]"
        ),
        "Service of a name that is none": _service(
            f"type: ExternalName, externalName: 'a b', {_PORT}"
        ),
        "Service that stands for another": _service(
            f"type: ExternalName, externalName: shop.default.svc.cluster.local, {_PORT}"
        ),
        "Service that stands for itself": _service(
            f"type: ExternalName, externalName: author.default.svc.cluster.local, {_PORT}"
        ),
        "endpoint at no address": _endpoints("0.0.0.0"),
        "endpoint at everybody's address": _endpoints("255.255.255.255"),
        "endpoint at a name": _endpoints("host.example"),
        "endpoint at an IPv6 address among IPv4": _endpoints("'2001:db8::1'"),
        "endpoint at an IPv6 zone": _SELF
        + _slice(
            "addressType: IPv6\nports: [{name: http, port: 80}]\n"
            "endpoints: [{addresses: ['fe80::1%eth0']}]"
        ),
        "endpoint at port 0": _endpoints("10.7.0.1", "0"),
        "endpoint without an address": _endpoints(""),
        "endpoint at the workload of another, as TCP": _service(
            "clusterIP: $FREE_VIP, ports: [{name: tcp, port: 80}]"
        )
        + _slice(
            "addressType: IPv4\nports: [{name: tcp, port: $SHOP_PORT}]\n"
            "endpoints: [{addresses: [$A_IP]}, {addresses: [$B_IP]}]"
        ),
        "endpoints of a port of text": _SELF + _slice("addressType: IPv4\nports: [{port: http}]"),
        "Pod at the address of another": _pod("$A_IP"),
        "Pod at an address that is none": _pod("10.0.0"),
        "Pod whose labels are a list": _pod("10.7.0.1", "[a]"),
        "Node without a name": "{apiVersion: v1, kind: Node, metadata: {labels: {a: b}}}",
        "Namespace of odd characters": (
            "{apiVersion: v1, kind: Namespace, metadata: {name: 'a|b/c'}}"
        ),
        "text without a meaning": "hello",
        "not YAML": "kind: [Service\n\tmetadata: }",
        "a kind of a known group that nobody knows": (
            "{apiVersion: networking.istio.io/v1, kind: VirtualServcie, metadata: {name: a}}"
        ),
        "aliases of aliases": _LAUGHS,
        "a key twice": "apiVersion: v1\nkind: Service\nkind: Pod\nmetadata: {name: a}",
        "a value that holds itself": "apiVersion: v1\nkind: Service\nmetadata: &a {name: a, b: *a}",
        "half a pair of surrogates": (
            r'{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "labels": '
            r'{"b": "\ud800"}}}'
        ),
    },
    unnamed=frozenset(
        (
            "Service at the address of another",
            "Service at the address of another, as TCP",
            "Service of everybody's port without a name",
            "headless Service at everybody's port",
            "Service of 300 ports",
            "Service that stands for another",
            "Service that stands for itself",
            "endpoint at no address",
            "endpoint at everybody's address",
            "endpoint without an address",
            "endpoint at an IPv6 address among IPv4",
            "endpoint at the workload of another, as TCP",
            "Pod at the address of another",
        )
    ),
)
