"""The honest mesh, in documents with places to fill in: what a case may not harm.

Two workloads, `a` and `b`, have a sidecar each and serve two services; the author has a service of
its own, whose documents the cases replace. `edit.mesh` is where an honest edit is timed.
"""

from __future__ import annotations

from string import Template

HONEST = ("honest.mesh", "shop.default.svc.cluster.local")
EDITED = "edit.mesh"
AUTHOR = "author.mesh"

_SERVICE = Template("""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: $name, creationTimestamp: "$since"}
spec:
  hosts: [$name.mesh]
  addresses: [$vip]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints:
$endpoints
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: $name, creationTimestamp: "$since"}
spec:
  host: $name.mesh
  trafficPolicy: {connectionPool: {tcp: {connectTimeout: 5s}}}
  subsets: [{name: all, labels: {app: $name}}]
""")
_POLICY = Template("""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: $name, creationTimestamp: "$since"}
spec:
  hosts: [$name.mesh]
  http:
  - match: [{uri: {regex: "/never/[a-z]+(x|y)?"}}]
    directResponse: {status: 418}
  - headers: {response: {set: {x-version: "$edition"}}}
    route: [{destination: {host: $name.mesh, subset: all}}]
""")
_SHOP = Template("""\
apiVersion: v1
kind: Service
metadata: {name: shop, creationTimestamp: "2020-01-01T00:00:00Z"}
spec:
  clusterIP: $SHOP_VIP
  ports: [{name: http, port: 80, targetPort: $SHOP_PORT}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-1, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
ports: [{name: http, port: $SHOP_PORT}]
endpoints: [{addresses: [$A_IP]}, {addresses: [$B_IP]}]
""")

_OLD, _NEW = "2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z"

Places = dict[str, str]
"""What a document's `$NAME`s stand for: A_IP, B_IP, SHOP_VIP, SHOP_PORT, HONEST_VIP and so on."""


def service(name: str, vip: str, endpoints: list[tuple[str, int]], since: str = _OLD) -> str:
    """A ServiceEntry of `NAME.mesh` and a rule with its subset."""
    listed = "\n".join(
        f"  - {{address: {address}, ports: {{http: {port}}}, labels: {{app: {name}}}}}"
        for address, port in endpoints
    )
    return _SERVICE.substitute(name=name, vip=vip, endpoints=listed, since=since)


def policy(name: str, edition: str, since: str = _OLD) -> str:
    """A VirtualService of `NAME.mesh` whose answers say its edition."""
    return _POLICY.substitute(name=name, edition=edition, since=since)


def filled(text: str, places: Places) -> str:
    """The document with its places filled in; a `$` that begins none of them stays."""
    return Template(text).safe_substitute(places)


def honest_files(places: Places) -> dict[str, str]:
    """The files that no case touches, but for `edit-policy.yaml`."""
    both = [
        (places["A_IP"], int(places["APP_PORT_A"])),
        (places["B_IP"], int(places["APP_PORT_B"])),
    ]
    return {
        "namespace.yaml": "{apiVersion: v1, kind: Namespace, metadata: {name: default}}",
        "honest.yaml": service("honest", places["HONEST_VIP"], both)
        + "---\n"
        + policy("honest", "1"),
        "shop.yaml": _SHOP.substitute(places),
        "edit.yaml": service("edit", places["EDIT_VIP"], both),
        "edit-policy.yaml": policy("edit", "0"),
    }


def author_files(places: Places) -> dict[str, str]:
    """The author's own documents, as they are when there is no mistake in them."""
    app = [(places["AUTHOR_IP"], int(places["AUTHOR_PORT"]))]
    entry, rule = service("author", places["AUTHOR_VIP"], app, _NEW).split("---\n")
    return {
        "author-entry.yaml": entry,
        "author-rule.yaml": rule,
        "author-policy.yaml": policy("author", "1", _NEW),
    }
