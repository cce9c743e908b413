"""What policies mean.

This request gets that answer, behind an Envoy that gets its routes per host and one that gets them
inline.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from tests.support.processes.traffic import (
    CLIENTS,
    DELTA,
    SOTW,
    Mesh,
    destination_rule,
    running_mesh,
    service_entry,
)

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

POLICY = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.mesh]
  http:
  - match: [{uri: {exact: /exact}}, {uri: {prefix: /pre}}, {uri: {regex: "/item/[0-9]+"}}]
    route: [{destination: {host: shop.mesh, subset: v2}}]
  - match: [{headers: {x-user: {exact: ann}}}, {headers: {x-group: {prefix: beta-}}}]
    route: [{destination: {host: shop.mesh, subset: v2}}]
  - match: [{uri: {prefix: /no-cookie}, withoutHeaders: {cookie: {}}}]
    route: [{destination: {host: shop.mesh, subset: v2}}]
  - match: [{queryParams: {version: {exact: "2"}}}, {method: {exact: DELETE}}]
    route: [{destination: {host: shop.mesh, subset: v2}}]
  - match: [{uri: {prefix: /for-web}, sourceLabels: {app: web}}]
    route: [{destination: {host: shop.mesh, subset: v2}}]
  - match: [{uri: {prefix: /for-batch}, sourceLabels: {app: batch}}]
    route: [{destination: {host: shop.mesh, subset: v2}}]
  - match: [{uri: {prefix: /for-others}, sourceNamespace: others}]
    route: [{destination: {host: shop.mesh, subset: v2}}]
  - match: [{uri: {prefix: /port}, port: 8080}]
    route: [{destination: {host: shop.mesh, subset: v2}}]
  - match: [{uri: {prefix: /other-host}}]
    route: [{destination: {host: books.mesh}}]
  - match: [{uri: {prefix: /old/}}]
    rewrite: {uri: /new/, authority: old.example.org}
    route: [{destination: {host: shop.mesh, subset: v1}}]
  - match: [{uri: {prefix: /by-number/}}]
    rewrite: {uriRegexRewrite: {match: "/by-number/([0-9]+)", rewrite: '/items?id=\\1'}}
    route: [{destination: {host: shop.mesh, subset: v1}}]
  - match: [{uri: {prefix: /moved}}]
    redirect: {uri: /here, authority: www.example.org, redirectCode: 302}
  - match: [{uri: {prefix: /section/}}]
    redirect: {prefixRewrite: /other/}
  - match: [{uri: {exact: /page}}, {uri: {regex: "/pages/[0-9]+"}}]
    redirect: {prefixRewrite: /new}
  - match: [{uri: {prefix: /down}}]
    directResponse: {status: 503, body: {string: closed for today}}
  - match: [{uri: {prefix: /long}}]
    directResponse: {status: 200, body: {string: LONG_BODY}}
  - match: [{uri: {prefix: /headers}}]
    headers:
      request: {set: {x-set: rule}, add: {x-add: rule}, remove: [x-gone]}
      response: {set: {x-instance: hidden}, add: {x-served-by: mesh}, remove: [x-version]}
    route: [{destination: {host: shop.mesh, subset: v1}}]
  - match: [{uri: {prefix: /own-headers}}]
    route:
    - destination: {host: shop.mesh, subset: v1}
      weight: 0
    - destination: {host: shop.mesh, subset: v2}
      weight: 7
      headers: {request: {set: {x-set: destination, Host: internal.example.org}}}
  - match: [{uri: {prefix: /nowhere}}]
    route: [{destination: {host: nobody.mesh}}]
  - route: [{destination: {host: shop.mesh, subset: v1}}]
"""
LONG_BODY = "é" * 5000
KUBERNETES = """---
apiVersion: v1
kind: Service
metadata: {{name: catalog, namespace: data}}
spec: {{clusterIP: 10.96.0.7, ports: [{{name: http, port: 8000}}, {{name: http-second, port: 8001, targetPort: 8000}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: catalog-1, namespace: data, labels: {{kubernetes.io/service-name: catalog}}}}
addressType: IPv4
ports: [{{name: http, port: {port}}}, {{name: http-second, port: {port}}}]
endpoints: [{{addresses: [127.0.0.1]}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: second, namespace: data}}
spec:
  hosts: [catalog]
  http:
  - match: [{{port: 8001}}]
    directResponse: {{status: 402}}
"""


@dataclass(frozen=True)
class Case:
    """A request and its answer.

    `by` is who answers, "" for nobody; `saw` what reached it, `has` headers of the answer.
    """

    by: str
    path: str = "/"
    host: str = "shop.mesh"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    saw: Mapping[str, str | None] = field(default_factory=dict)
    has: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes | None = None

    def __str__(self) -> str:
        given = " ".join(f"{name}={value}" for name, value in self.headers.items())
        return f"{self.method} {self.host}{self.path} {given}".strip()


CASES = [
    Case("shop-1", "/"),
    Case("shop-2", "/exact"),
    Case("shop-1", "/exact/"),
    Case("shop-2", "/prefixed?q"),
    Case("shop-2", "/item/12"),
    Case("shop-1", "/item/12a"),
    Case("shop-2", headers={"x-user": "ann"}),
    Case("shop-1", headers={"x-user": "anna"}),
    Case("shop-2", headers={"x-group": "beta-7"}),
    Case("shop-2", "/no-cookie"),
    Case("shop-1", "/no-cookie", headers={"cookie": "a=b"}),
    Case("shop-2", "/x?version=2"),
    Case("shop-1", "/x?version=22"),
    Case("shop-2", method="DELETE"),
    Case("shop-1", method="POST"),
    Case("shop-2", "/for-web"),
    Case("shop-1", "/for-batch"),
    Case("shop-1", "/for-others"),
    Case("shop-1", "/port"),
    Case("shop-2", "/port", host="shop.mesh:8080"),
    Case("shop-1", host="shop.mesh:80"),
    Case("shop-1", host="SHOP.mesh"),
    Case("books", "/other-host"),
    Case("shop-1", "/old/a?b=c", saw={":path": "/new/a?b=c", "host": "old.example.org"}),
    Case("shop-1", "/by-number/12", saw={":path": "/items?id=12", "host": "shop.mesh"}),
    Case("", "/moved", status=302, has={"location": "http://www.example.org/here"}),
    Case("", "/section/a?b", status=301, has={"location": "http://shop.mesh/other/a?b"}),
    Case("", "/page?a", status=301, has={"location": "http://shop.mesh/new?a"}),
    Case("", "/pages/7?a", status=301, has={"location": "http://shop.mesh/new?a"}),
    Case("", "/down", status=503, body=b"closed for today"),
    Case("", "/long", body=LONG_BODY.encode()),
    Case(
        "hidden",
        "/headers",
        headers={"x-set": "client", "x-add": "client", "x-gone": "client"},
        saw={"x-set": "rule", "x-add": "client,rule", "x-gone": None},
        has={"x-served-by": "mesh", "x-version": None},
    ),
    Case("shop-2", "/own-headers", saw={"x-set": "destination", "host": "internal.example.org"}),
    Case("", "/nowhere", status=503),
    Case("catalog", host="catalog.data"),
    Case("catalog", host="catalog.data:8000"),
    Case("catalog", host="catalog.data.svc"),
    Case("catalog", host="catalog.data.svc.cluster.local"),
    Case("catalog", host="10.96.0.7:8000"),
    Case("", host="catalog.data:8001", status=402),
    Case("", host="catalog", status=502),
    Case("", host="unknown.mesh", status=502),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    clients = {name: replace(one, labels={"app": "web"}) for name, one in CLIENTS.items()}
    async with running_mesh(tmp_path_factory.mktemp("routing"), clients=clients) as running:
        shop = [await running.http("shop-1", "v1"), await running.http("shop-2", "v2")]
        entry = service_entry("shop.mesh", *shop)
        more_ports = (
            "{number: 80, name: main, protocol: HTTP}, {number: 8080, name: main2, protocol: HTTP}"
        )
        entry = entry.replace("{number: 80, name: main, protocol: HTTP}", more_ports)
        for one in shop:
            port = one.instance.port
            entry = entry.replace(f"{{main: {port}}}", f"{{main: {port}, main2: {port}}}")
        books = await running.http("books")
        catalog = await running.http("catalog")
        await running.save(
            {
                "shop.yaml": entry + destination_rule("shop.mesh", {"v1": "v1", "v2": "v2"}),
                "shop-policy.yaml": POLICY.replace("LONG_BODY", LONG_BODY),
                "books.yaml": service_entry("books.mesh", books),
                "catalog.yaml": KUBERNETES.format(port=catalog.instance.port),
            }
        )
        yield running


@pytest.mark.parametrize("client", [DELTA, SOTW])
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_request_is_answered_by(mesh: Mesh, client: str, case: Case) -> None:
    answer = await mesh.ask(client, case.host, case.path, method=case.method, headers=case.headers)
    assert (answer.status, answer.instance) == (case.status, case.by), answer
    if case.body is not None:
        assert answer.body == case.body
    for name, value in case.has.items():
        assert answer.headers.get(name) == value, name
    for name, value in case.saw.items():
        seen = answer.seen
        assert (seen["path"] if name == ":path" else seen["headers"].get(name)) == value, name


@pytest.mark.parametrize("client", [DELTA, SOTW])
async def test_an_application_may_use_its_sidecar_as_http_proxy(mesh: Mesh, client: str) -> None:
    proxy = f"http://127.0.0.1:{mesh.port(client)}"
    async with mesh.session.get("http://shop.mesh/exact", proxy=proxy) as answer:
        assert (answer.status, answer.headers["x-instance"]) == (200, "shop-2")
