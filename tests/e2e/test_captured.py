"""Captured mode.

Applications that know nothing of a mesh, in networks of their own, with iptables that redirect to
the sidecars.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.processes.chancery import ControlPlane, write
from tests.support.processes.envoy import EnvoyProcess, require_envoy
from tests.support.processes.netns import (
    ENVOY_UID,
    Namespace,
    envoy_for,
    namespaces,
    open_directory,
)
from tests.support.processes.upstreams import (
    GRPC_METHOD,
    GrpcUpstream,
    HttpUpstream,
    Instance,
    TcpUpstream,
)
from translators.model.locality import Locality
from translators.model.proxy_node import Mode
from xds_server.bootstrap import BootstrapOptions, PipeAddress

pytestmark = [pytest.mark.envoy, pytest.mark.root]

VIPS = "10.99.0.0/16"
UNTOLD = HTTP, H2C, GREETS, ECHOES = (9101, 9102, 9103, 9104)
"""Ports of a service of which nothing tells what they speak, by what listens there."""
REVIEWS_VIP, QUOTES_VIP, UNTOLD_VIP = "10.99.0.10", "10.99.0.11", "10.99.0.12"
RANGES_VIP = "10.99.0.13"
MESH = """
apiVersion: v1
kind: Service
metadata: {{name: reviews, namespace: shop}}
spec:
  clusterIP: 10.99.0.10
  ports: [{{name: http, port: 80, targetPort: 9080}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: reviews-1, namespace: shop, labels: {{kubernetes.io/service-name: reviews}}}}
addressType: IPv4
ports: [{{name: http, port: 9080}}]
endpoints: [{{addresses: [{ip}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: quotes, namespace: shop}}
spec:
  clusterIP: 10.99.0.11
  ports: [{{name: tcp, port: 7000, targetPort: 7000}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: quotes-1, namespace: shop, labels: {{kubernetes.io/service-name: quotes}}}}
addressType: IPv4
ports: [{{name: tcp, port: 7000}}]
endpoints: [{{addresses: [{ip}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: untold, namespace: shop}}
spec:
  clusterIP: 10.99.0.12
  ports:
  - {{name: a, port: 9101}}
  - {{name: b, port: 9102}}
  - {{name: c, port: 9103}}
  - {{name: d, port: 9104}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: untold-1, namespace: shop, labels: {{kubernetes.io/service-name: untold}}}}
addressType: IPv4
ports: [{{name: a, port: 9101}}, {{name: b, port: 9102}}, {{name: c, port: 9103}}, {{name: d, port: 9104}}]
endpoints: [{{addresses: [{ip}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: ranges, namespace: shop}}
spec:
  clusterIP: 10.99.0.13
  ports: [{{name: a, port: 9105, targetPort: 9101}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: ranges-1, namespace: shop, labels: {{kubernetes.io/service-name: ranges}}}}
addressType: IPv4
ports: [{{name: a, port: 9101}}]
endpoints: [{{addresses: [{ip}]}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: ranges, namespace: shop}}
spec:
  hosts: [ranges]
  tcp:
  - match: [{{destinationSubnets: [10.99.0.0/16]}}]
    route: [{{destination: {{host: quotes, port: {{number: 7000}}}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews, namespace: shop}}
spec:
  hosts: [reviews]
  http:
  - match: [{{uri: {{prefix: /closed}}}}]
    directResponse: {{status: 418}}
  - route: [{{destination: {{host: reviews}}}}]
"""


@dataclass
class Captured:
    """A client and a server, each with a sidecar, and a third host that has none."""

    client: Namespace
    server: Namespace
    outside: Namespace
    server_envoy: EnvoyProcess
    client_envoy: EnvoyProcess


def sidecar(space: Namespace, name: str, directory: Path) -> EnvoyProcess:
    options = BootstrapOptions(
        name=name,
        namespace="shop",
        mode=Mode.CAPTURED,
        control_plane=PipeAddress(str(directory / "xds.sock")),
        admin=PipeAddress(str(directory / f"{name}.sock")),
        locality=Locality("eu-1", "eu-1a"),
        instance_ips=(space.ip,),
    )
    binary = envoy_for(ENVOY_UID, require_envoy(), directory)
    return EnvoyProcess(options, directory, prefix=space.prefix_as(ENVOY_UID), binary=binary)


@asynccontextmanager
async def untold_application(space: Namespace) -> AsyncIterator[None]:
    """What listens at the ports of which nothing tells what they speak."""
    async with AsyncExitStack() as stack:
        for upstream in (
            HttpUpstream(Instance("http", port=HTTP)),
            GrpcUpstream(Instance("h2c", port=H2C)),
            TcpUpstream(Instance("greets", port=GREETS)),
        ):
            with space.entered():
                await stack.enter_async_context(upstream)
        with space.entered():
            echo = await asyncio.start_server(echo_bytes, "127.0.0.1", ECHOES)
        await stack.enter_async_context(echo)
        yield


async def echo_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing of one's own and give back what comes."""
    while chunk := await reader.read(65536):
        writer.write(chunk)
    writer.close()


@pytest_asyncio.fixture
async def captured(tmp_path: Path) -> AsyncIterator[Captured]:
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(open_directory())
        client, server, outside = await stack.enter_async_context(
            namespaces("client", "server", "outside")
        )
        client.capture(outbound=VIPS)
        server.capture(inbound=(9080, 7000, *UNTOLD))
        mesh = tmp_path / "mesh"
        write(mesh / "mesh.yaml", MESH.format(ip=server.ip))
        socket = directory / "xds.sock"
        control_plane = ControlPlane(mesh, tmp_path, args=["--socket", str(socket)])
        await stack.enter_async_context(control_plane)
        socket.chmod(0o777)
        with server.entered():
            await stack.enter_async_context(HttpUpstream(Instance("reviews-0", port=9080)))
        with server.entered():
            await stack.enter_async_context(TcpUpstream(Instance("quotes-0", port=7000)))
        await stack.enter_async_context(untold_application(server))
        with outside.entered():
            await stack.enter_async_context(
                HttpUpstream(Instance("outside", host="0.0.0.0", port=8000))
            )
        envoys = [sidecar(server, "server-0", directory), sidecar(client, "client-0", directory)]
        for envoy in envoys:
            await stack.enter_async_context(envoy)
        for envoy in envoys:
            await envoy.ready()
        await control_plane.connected(*(envoy.node_id for envoy in envoys))
        await control_plane.wait_latest()
        yield Captured(client, server, outside, *envoys)


async def requests_through(envoy: EnvoyProcess, prefix: str) -> int:
    stats = await envoy.stats()
    return sum(
        n
        for name, n in stats.items()
        if name.startswith(prefix) and name.endswith("upstream_rq_total")
    )


async def test_http_to_the_address_of_a_service_goes_through_both_sidecars(
    captured: Captured,
) -> None:
    status, _, body = await captured.client.get(f"http://{REVIEWS_VIP}/", host="reviews.shop")
    assert status == 200
    assert json.loads(body)["instance"] == "reviews-0"
    assert await requests_through(captured.client_envoy, "cluster.outbound") == 1
    assert await requests_through(captured.server_envoy, "cluster.inbound") == 1


async def test_routes_hold_for_captured_requests(captured: Captured) -> None:
    status, _, _ = await captured.client.get(f"http://{REVIEWS_VIP}/closed", host="reviews")
    assert status == 418


async def test_tcp_to_the_address_of_a_service_reaches_it(captured: Captured) -> None:
    with captured.client.entered():
        reader, writer = await asyncio.open_connection(QUOTES_VIP, 7000)
    async with asyncio.timeout(5):
        assert json.loads(await reader.readline())["instance"] == "quotes-0"
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
    writer.close()


async def test_requests_to_addresses_that_are_no_service_pass(captured: Captured) -> None:
    captured.client.capture(outbound=f"{captured.outside.ip}/32")
    status, _, body = await captured.client.get(f"http://{captured.outside.ip}:8000/")
    assert (status, json.loads(body)["instance"]) == (200, "outside")
    stats = await captured.client_envoy.stats("cluster.PassthroughCluster.upstream_cx_total")
    assert stats == {"cluster.PassthroughCluster.upstream_cx_total": 1}


async def test_requests_from_outside_the_mesh_reach_the_workload_through_its_sidecar(
    captured: Captured,
) -> None:
    status, headers, _ = await captured.outside.get(f"http://{captured.server.ip}:9080/")
    assert status == 200
    assert headers["x-instance"] == "reviews-0"
    assert await requests_through(captured.server_envoy, "cluster.inbound") == 1


def client_hello(*protocols: str) -> bytes:
    """The first bytes of a TLS client that offers these application protocols."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(protocols)
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="untold.shop")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()


def grpc_request() -> bytes:
    """An HTTP/2 connection with prior knowledge and one call with an empty message."""

    def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
        return len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body

    def text(value: str) -> bytes:
        return bytes([len(value)]) + value.encode()

    # HPACK: POST, http; :path, :authority and content-type by their static names.
    head = b"\x83\x86\x44" + text(GRPC_METHOD) + b"\x41" + text("untold.shop")
    head += b"\x5f" + text("application/grpc") + b"\x40" + text("te") + text("trailers")
    return (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + frame(4, 0, 0, b"")
        + frame(1, 4, 1, head)
        + frame(0, 1, 1, bytes(5))
    )


HTTP_REQUEST = b"GET / HTTP/1.1\r\nHost: untold.shop\r\nConnection: close\r\n\r\n"
BINARY = bytes(range(256))
TLS = client_hello()
TLS_FOR_HTTP = client_hello("h2", "http/1.1")


@pytest.mark.parametrize("comes_from", ["outside", "client"])
@pytest.mark.parametrize(
    ("port", "sent", "answered"),
    [
        pytest.param(HTTP, HTTP_REQUEST, b'"instance": "http"', id="HTTP/1"),
        pytest.param(H2C, grpc_request(), b'"instance": "h2c"', id="HTTP/2"),
        pytest.param(ECHOES, BINARY, BINARY, id="opaque bytes"),
        pytest.param(ECHOES, TLS, TLS, id="TLS"),
        pytest.param(ECHOES, TLS_FOR_HTTP, TLS_FOR_HTTP, id="TLS that offers HTTP"),
        pytest.param(GREETS, b"hello\n", b"hello\n", id="TCP whose client speaks"),
    ],
)
async def test_what_an_untold_port_receives_reaches_its_application(
    captured: Captured, comes_from: str, port: int, sent: bytes, answered: bytes
) -> None:
    is_outside = comes_from == "outside"
    space = captured.outside if is_outside else captured.client
    with space.entered():
        reader, writer = await asyncio.open_connection(
            captured.server.ip if is_outside else UNTOLD_VIP, port
        )
    writer.write(sent)
    received = b""
    async with asyncio.timeout(10):
        while answered not in received:
            chunk = await reader.read(65536)
            assert chunk, f"closed after {received!r}"
            received += chunk
    writer.close()
    stats = await captured.server_envoy.stats("^cluster.Inbound.*upstream_cx_total")
    assert stats == {"cluster.InboundPassthroughCluster.upstream_cx_total": 0}


async def test_a_server_that_speaks_first_is_heard_on_an_untold_port(captured: Captured) -> None:
    with captured.outside.entered():
        reader, writer = await asyncio.open_connection(captured.server.ip, GREETS)
    async with asyncio.timeout(10):
        assert json.loads(await reader.readline())["instance"] == "greets"
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
    writer.close()


async def test_rules_for_ranges_of_addresses_leave_http_to_its_routes(captured: Captured) -> None:
    status, _, body = await captured.client.get(f"http://{RANGES_VIP}:9105/", host="ranges")
    assert (status, json.loads(body)["instance"]) == (200, "http")
    with captured.client.entered():
        reader, writer = await asyncio.open_connection(RANGES_VIP, 9105)
    writer.write(b"hello\n")
    async with asyncio.timeout(10):
        assert json.loads(await reader.readline())["instance"] == "quotes-0"
        assert await reader.readline() == b"hello\n"
    writer.close()
