"""What translated routes mean.

One real Envoy is asked, request by request, which cluster it would send to.

Envoy itself plays all upstreams: each cluster is a Unix socket on which it answers with the
cluster's name.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from envoy_data_plane.envoy.config.core.v3 import Address, SocketAddress
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration

from tests.support.documents.objects import virtual_service
from tests.support.documents.routes import named_clusters
from tests.support.documents.translation import CLIENT, mesh
from tests.support.processes.managed_process import ManagedProcess
from tests.support.processes.ports import free_port
from tests.support.processes.static_envoy import (
    bootstrap,
    echo_listener,
    pipe,
    static_cluster,
    with_routes_inline,
)
from tests.support.processes.waiting import eventually
from translators import routes
from translators.codec import decode
from translators.listeners.http_connection_manager import outbound_manager
from translators.model.proxy_node import Mode
from translators.names import PASSTHROUGH_CLUSTER

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

MESH = """
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {clusterIP: 10.0.0.1, ports: [{port: 9080, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: plain}
spec: {clusterIP: 10.0.0.2, ports: [{port: 9080, name: http}, {port: 9081, name: http-b}]}
---
apiVersion: v1
kind: Service
metadata: {name: far, namespace: other}
spec: {clusterIP: "fd00::3", ports: [{port: 9080, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: split}
spec: {clusterIP: 10.0.0.4, ports: [{port: 9080, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: 10.0.0.5, ports: [{port: 5432, name: tcp}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: wild}
spec:
  hosts: ["*.example.com"]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: NONE
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: split}
spec:
  hosts: [split]
  http:
  - route:
    - {destination: {host: split, subset: a}, weight: 9}
    - {destination: {host: split, subset: b}, weight: 1}
    - {destination: {host: split, subset: c}, weight: 0}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - match: [{uri: {exact: /exact}}, {uri: {prefix: /pre}}, {uri: {regex: "/re[0-9]+"}}]
    route: [{destination: {host: reviews, subset: path}}]
  - match: [{uri: {prefix: /FOLD}, ignoreUriCase: true}]
    route: [{destination: {host: reviews, subset: fold}}]
  - match: [{uri: {prefix: /h}, headers: {x-v: {exact: one}}}]
    route: [{destination: {host: reviews, subset: exact}}]
  - match: [{uri: {prefix: /h}, headers: {x-v: {prefix: tw}}}]
    route: [{destination: {host: reviews, subset: prefix}}]
  - match: [{uri: {prefix: /h}, headers: {x-v: {regex: "[0-9]+"}}}]
    route: [{destination: {host: reviews, subset: regex}}]
  - match: [{uri: {prefix: /h}, headers: {x-here: {}}}]
    route: [{destination: {host: reviews, subset: present}}]
  - match: [{uri: {prefix: /without}, withoutHeaders: {x-v: {exact: one}}}]
    route: [{destination: {host: reviews, subset: without}}]
  - match: [{uri: {prefix: /absent}, withoutHeaders: {x-v: {}}}]
    route: [{destination: {host: reviews, subset: absent}}]
  - match: [{method: {exact: PUT}}]
    route: [{destination: {host: reviews, subset: put}}]
  - match: [{queryParams: {q: {exact: "1"}}}]
    route: [{destination: {host: reviews, subset: query}}]
  - match: [{queryParams: {p: {}}}]
    route: [{destination: {host: reviews, subset: query-present}}]
  - match: [{authority: {exact: "reviews.default"}}]
    route: [{destination: {host: reviews, subset: authority}}]
  - match: [{sourceLabels: {app: nobody}}]
    route: [{destination: {host: reviews, subset: never}}]
  - match: [{uri: {prefix: /old/}}]
    rewrite: {uri: /new/, authority: other.example.org}
    route: [{destination: {host: reviews, subset: rewritten}}]
  - match: [{uri: {exact: /full}}]
    rewrite: {uri: /whole}
    route: [{destination: {host: reviews, subset: rewritten}}]
  - match: [{uri: {prefix: /user/}}]
    rewrite: {uriRegexRewrite: {match: "^/user/([^/]+)/(.*)$", rewrite: '/\\2/of/\\1'}}
    route: [{destination: {host: reviews, subset: rewritten}}]
  - match: [{uri: {prefix: /moved}}]
    redirect: {uri: /there, authority: new.example.org, redirectCode: 308}
  - match: [{uri: {prefix: /shift/}}]
    redirect: {scheme: https, derivePort: FROM_PROTOCOL_DEFAULT}
  - match: [{uri: {prefix: /teapot}}]
    directResponse: {status: 418, body: {string: short and stout}}
  - match: [{uri: {prefix: /ops}}]
    headers:
      request: {set: {x-probe: rule}}
      response: {set: {x-added: "yes"}, remove: [x-path]}
    route:
    - destination: {host: reviews, subset: ops}
      headers: {request: {set: {x-probe: destination, Host: set.example.org}}}
  - match: [{uri: {prefix: /unknown}}]
    route: [{destination: {host: reviews, subset: not-there}}]
  - route: [{destination: {host: reviews, subset: rest}}]
"""

MESH += "".join(
    (
        *(
            f"""
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{ports: [{{port: 9080, name: http}}]}}"""
            for name in ("shared", "owned", "named", "passed")
        ),
        """
---
apiVersion: v1
kind: Service
metadata: {name: hidden, namespace: secret, annotations: {networking.istio.io/exportTo: "."}}
spec: {clusterIP: 10.0.0.9, ports: [{port: 9080, name: http}]}
---
""",
        virtual_service(
            "shared",
            'shared", "alias.example.org", "hidden.secret.svc.cluster.local',
            "{route: [{destination: {host: shared, subset: all}}]}",
        ),
        *(
            virtual_service(
                f"{host}-{choice}",
                f"{host}.default.svc.cluster.local",
                f"{{match: [{match}], route: [{{destination: {{host: {destination}, subset: {choice}}}}}]}}",
                more=more,
                namespace=namespace,
                created=f"{year}-01-01T00:00:00Z",
            )
            for host, choice, namespace, year, more, match in (
                ("owned", "own", "default", 2023, 'exportTo: ["."]', ""),
                ("owned", "exported", "other", 2022, "exportTo: [default]", ""),
                ("owned", "public", "other", 2021, "", ""),
                ("named", "exported", "other", 2022, "exportTo: [default]", ""),
                ("named", "public", "default", 2021, "", ""),
                ("passed", "never", "default", 2021, "", "{port: 1}"),
                ("passed", "nobody", "default", 2022, "", "{sourceLabels: {app: nobody}}"),
                ("passed", "next", "other", 2023, "", ""),
            )
            for destination in (f"{host}.default.svc.cluster.local",)
        ),
    )
)  # fmt: skip

REVIEWS = "reviews.default.svc.cluster.local"
UNKNOWN = "not-there"


def subset(name: str, service: str = "reviews") -> str:
    return f"outbound|9080|{name}|{service}.default.svc.cluster.local"


@dataclass(frozen=True)
class Case:
    """A request and what must become of it; `seen` are headers of the answer."""

    to: str
    host: str = "reviews"
    path: str = "/"
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    seen: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        given = " ".join(f"{key}={value}" for key, value in self.headers.items())
        return f"{self.method} {self.host}{self.path} {given}".strip()


CAPTURED = [
    Case(subset("path"), path="/exact"),
    Case(subset("rest"), path="/exact/more"),
    Case(subset("path"), path="/prefixed"),
    Case(subset("path"), path="/re12"),
    Case(subset("rest"), path="/re12x"),
    Case(subset("fold"), path="/fOlD/x"),
    Case(subset("exact"), path="/h", headers={"x-v": "one"}),
    Case(subset("prefix"), path="/h", headers={"x-v": "two"}),
    Case(subset("regex"), path="/h", headers={"x-v": "33"}),
    Case(subset("rest"), path="/h", headers={"x-v": "33a"}),
    Case(subset("present"), path="/h", headers={"x-here": ""}),
    Case(subset("without"), path="/without"),
    Case(subset("without"), path="/without", headers={"x-v": "two"}),
    Case(subset("rest"), path="/without", headers={"x-v": "one"}),
    Case(subset("absent"), path="/absent"),
    Case(subset("rest"), path="/absent", headers={"x-v": "any"}),
    Case(subset("put"), path="/x", method="PUT"),
    Case(subset("query"), path="/x?q=1"),
    Case(subset("rest"), path="/x?q=2"),
    Case(subset("query-present"), path="/x?p=any"),
    Case(subset("authority"), host="reviews.default", path="/x"),
    Case(subset("rest"), host="reviews.default.svc", path="/x"),
    Case(subset("rest"), host=REVIEWS),
    Case(subset("rest"), host=f"{REVIEWS}."),
    Case(subset("rest"), host=f"{REVIEWS}:9080"),
    Case(subset("rest"), host="10.0.0.1"),
    Case(subset("rest"), host="REVIEWS"),
    Case(
        subset("rewritten"),
        path="/old/a?b=c",
        seen={"x-path": "/new/a?b=c", "x-authority": "other.example.org"},
    ),
    Case(subset("rewritten"), path="/full", seen={"x-path": "/whole", "x-authority": "reviews"}),
    Case(subset("rewritten"), path="/user/ann/cart", seen={"x-path": "/cart/of/ann"}),
    Case("", path="/moved/x", status=308, seen={"location": "http://new.example.org/there"}),
    Case("", path="/shift/x?y", status=301, seen={"location": "https://reviews/shift/x?y"}),
    Case("short and stout", path="/teapot", status=418),
    Case(
        subset("ops"),
        path="/ops",
        headers={"x-probe": "client"},
        seen={"x-saw": "destination", "x-authority": "set.example.org", "x-added": "yes", "x-path": ""},
    ),
    Case("", path="/unknown", status=503),
    Case("outbound|9080||plain.default.svc.cluster.local", host="plain"),
    Case("outbound|9080||plain.default.svc.cluster.local", host="10.0.0.2:9080"),
    Case("outbound|9080||far.other.svc.cluster.local", host="far.other"),
    Case("outbound|9080||far.other.svc.cluster.local", host="[fd00::3]:9080"),
    Case(PASSTHROUGH_CLUSTER, host="far"),
    Case(PASSTHROUGH_CLUSTER, host="www.example.org"),
    Case("outbound|9080||*.example.com", host="a.b.example.com"),
    Case(PASSTHROUGH_CLUSTER, host="example.com"),
    Case(subset("all", "shared"), host="shared"),
    Case(subset("all", "shared"), host="alias.example.org"),
    Case(subset("all", "shared"), host="alias.example.org:9080"),
    Case(subset("all", "shared"), host="hidden.secret.svc.cluster.local"),
    Case(PASSTHROUGH_CLUSTER, host="hidden.secret"),
    Case(PASSTHROUGH_CLUSTER, host="hidden.secret.svc"),
    Case(PASSTHROUGH_CLUSTER, host="10.0.0.9"),
    Case(subset("own", "owned"), host="owned"),
    Case(subset("exported", "named"), host="named"),
    Case(subset("next", "passed"), host="passed"),
]  # fmt: skip

EGRESS = [
    Case(subset("rest"), host="reviews"),
    Case(subset("rest"), host="reviews:9080"),
    Case("outbound|9080||plain.default.svc.cluster.local", host="plain"),
    Case("outbound|9080||plain.default.svc.cluster.local", host="plain.default:9080"),
    Case("outbound|9081||plain.default.svc.cluster.local", host="plain:9081"),
    Case("outbound|9080||far.other.svc.cluster.local", host="[fd00::3]"),
    Case("outbound|9080||*.example.com", host="a.example.com:9080"),
    Case(subset("all", "shared"), host="alias.example.org"),
    Case(subset("all", "shared"), host="alias.example.org:9080"),
    Case("", host="alias.example.org:80", status=502),
    Case(subset("all", "shared"), host="hidden.secret.svc.cluster.local"),
    Case("", host="hidden.secret:9080", status=502),
    Case(subset("own", "owned"), host="owned.default:9080"),
]


@dataclass(frozen=True)
class Asked:
    """Where each mode's routes are served."""

    ports: dict[Mode, int]
    session: aiohttp.ClientSession

    async def request(self, mode: Mode, case: Case) -> aiohttp.ClientResponse:
        # The path goes out as written.
        response = await self.session.request(
            case.method,
            f"http://127.0.0.1:{self.ports[mode]}{case.path}",
            headers={**case.headers, "Host": case.host},
            allow_redirects=False,
        )
        await response.read()
        return response


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(tmp_path_factory: pytest.TempPathFactory, envoy_path: Path) -> AsyncIterator[Asked]:
    workdir = tmp_path_factory.mktemp("mean")
    db = mesh(MESH)
    ports: dict[Mode, int] = {}
    listeners: list[Listener] = []
    clusters: set[str] = {PASSTHROUGH_CLUSTER}
    for mode, name in ((Mode.CAPTURED, "9080"), (Mode.EGRESS, "egress")):
        found = db.outcome(routes.inline_route_configuration.ref(CLIENT, mode, name))
        table = decode(RouteConfiguration, found.body)
        clusters |= named_clusters(table)
        ports[mode] = free_port()
        chain = FilterChain(
            filters=[outbound_manager(name, name, connect=mode is Mode.EGRESS).message]
        )
        at = Address(socket_address=SocketAddress(address="127.0.0.1", port_value=ports[mode]))
        listeners.append(
            with_routes_inline(
                Listener(name=name, address=at, filter_chains=[chain]), {name: table}
            )
        )
    sockets = {name: pipe(workdir / f"{index}.sock") for index, name in enumerate(sorted(clusters))}
    listeners += [echo_listener(name, at) for name, at in sockets.items() if UNKNOWN not in name]
    known = [static_cluster(name, at) for name, at in sockets.items() if UNKNOWN not in name]
    config = workdir / "bootstrap.pb"
    config.write_bytes(bootstrap(listeners, known))
    command = [str(envoy_path), "-c", str(config), "--disable-hot-restart", "--concurrency", "1"]
    process = ManagedProcess([*command, "-l", "warning"], workdir / "envoy.log")
    await process.start()
    try:
        async with aiohttp.ClientSession() as session:
            found_ports = Asked(ports, session)

            async def is_open() -> bool:
                answer = await found_ports.request(Mode.CAPTURED, Case("", host="plain"))
                return answer.status == 200

            await eventually(is_open, "Envoy answers", explain=process.log_path.read_text)
            yield found_ports
    finally:
        await process.stop()


async def check(asked: Asked, mode: Mode, case: Case) -> None:
    response = await asked.request(mode, case)
    assert response.status == case.status
    if case.to:
        assert await response.text() == case.to
    for name, value in case.seen.items():
        assert response.headers.get(name, "") == value, name


@pytest.mark.parametrize("case", CAPTURED, ids=str)
async def test_a_captured_request_goes_to(asked: Asked, case: Case) -> None:
    await check(asked, Mode.CAPTURED, case)


@pytest.mark.parametrize("case", EGRESS, ids=str)
async def test_a_request_at_the_egress_listener_goes_to(asked: Asked, case: Case) -> None:
    await check(asked, Mode.EGRESS, case)


async def test_an_unknown_host_is_explained_at_the_egress_listener(asked: Asked) -> None:
    response = await asked.request(Mode.EGRESS, Case("", host="nobody"))
    assert response.status == 502
    assert "no service of the mesh has this host name" in await response.text()


async def test_an_absolute_request_is_proxied(asked: Asked) -> None:
    proxy = f"http://127.0.0.1:{asked.ports[Mode.EGRESS]}"
    async with asked.session.get("http://plain:9081/x", proxy=proxy) as response:
        assert await response.text() == "outbound|9081||plain.default.svc.cluster.local"


async def test_a_tcp_service_is_reached_through_a_tunnel(asked: Asked) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", asked.ports[Mode.EGRESS])
    try:
        writer.write(b"CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        writer.write(b"GET / HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n")
        assert b"outbound|5432||db.default.svc.cluster.local" in await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_weights_are_shares(asked: Asked) -> None:
    counts: Counter[str] = Counter()
    for _ in range(10):
        answers = await asyncio.gather(
            *(asked.request(Mode.CAPTURED, Case("", host="split")) for _ in range(40))
        )
        counts.update([await answer.text() for answer in answers])
    host = "split.default.svc.cluster.local"
    assert set(counts) == {f"outbound|9080|a|{host}", f"outbound|9080|b|{host}"}
    assert 0.02 < counts[f"outbound|9080|b|{host}"] / counts.total() < 0.25
