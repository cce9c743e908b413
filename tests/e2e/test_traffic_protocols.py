"""gRPC, TCP and services outside of the mesh, reached through the egress listener.

And a sidecar at both ends.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
import pytest_asyncio

from tests.support.processes.ports import free_port
from tests.support.processes.traffic import (
    CLIENTS,
    DELTA,
    SOTW,
    Mesh,
    destination_rule,
    running_mesh,
    service_entry,
    split,
    virtual_service,
)
from tests.support.processes.upstreams import HttpUpstream, Instance, grpc_say
from xds_server.bootstrap import BootstrapOptions, SocketAddress

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

BOTH = pytest.mark.parametrize("client", [DELTA, SOTW])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    async with running_mesh(tmp_path_factory.mktemp("protocols"), clients=CLIENTS) as running:
        yield running


def external(host: str, port: int, more: str) -> str:
    """A service outside of the mesh that is found by DNS."""
    return f"""---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {host.replace(".", "-")}}}
spec:
  hosts: [{host}]
  location: MESH_EXTERNAL
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: {port}}}]
  {more}
"""


@asynccontextmanager
async def tunnel(
    port: int, target: str
) -> AsyncIterator[tuple[int, asyncio.StreamReader, asyncio.StreamWriter]]:
    """The status of a CONNECT request to a proxy, and the connection: a tunnel when that is 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(5):
            writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
        yield int(head.split()[1]), reader, writer
    finally:
        writer.close()


async def calls(mesh: Mesh, client: str, authority: str, count: int) -> Counter[str]:
    """Versions that answer gRPC calls."""
    target = f"127.0.0.1:{mesh.port(client)}"
    said = [await grpc_say(target, authority) for _ in range(count)]
    return Counter(one["version"] for one in said)


@BOTH
async def test_grpc_calls_find_the_service_by_their_authority(mesh: Mesh, client: str) -> None:
    host = f"quotes-{client}.mesh"
    one, two = await mesh.grpc("quotes-1", "v1"), await mesh.grpc("quotes-2", "v2")
    files = {f"{host}.yaml": service_entry(host, one, two, port=9000, protocol="GRPC")}
    files["rule.yaml"] = destination_rule(host, {"one": "v1", "two": "v2"})
    await mesh.save(files)
    assert set(await calls(mesh, client, host, 20)) == {"v1", "v2"}
    await mesh.save({"policy.yaml": virtual_service(host, split(host, one=0, two=1))})
    assert await calls(mesh, client, f"{host}:9000", 10) == {"v2": 10}

    two.behaviour.status = 503  # UNAVAILABLE: tried again, to no avail, and told
    before = two.instance.requests
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await calls(mesh, client, host, 1)
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "quotes-2 was told to fail" in (failure.value.details() or "")
    assert two.instance.requests == before + 3
    await mesh.save({"policy.yaml": None, "rule.yaml": None})


@BOTH
async def test_grpc_calls_end_at_the_timeout_of_their_rule(mesh: Mesh, client: str) -> None:
    host = f"late-{client}.mesh"
    late = await mesh.grpc("late")
    rule = f"{{timeout: 200ms, route: [{{destination: {{host: {host}}}}}]}}"
    text = service_entry(host, late, port=9000, protocol="GRPC") + virtual_service(host, rule)
    await mesh.save({f"{host}.yaml": text})
    assert await calls(mesh, client, host, 1) == {"v1": 1}
    late.behaviour.delay = 1.0
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await calls(mesh, client, host, 1)
    assert failure.value.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
    assert "upstream request timeout" in (failure.value.details() or "")


@BOTH
async def test_tcp_services_are_reached_by_connect(mesh: Mesh, client: str) -> None:
    host = f"stream-{client}.mesh"
    one, two = await mesh.tcp("stream-1"), await mesh.tcp("stream-2")
    await mesh.save({f"{host}.yaml": service_entry(host, one, two, port=7000, protocol="TCP")})
    greeted: Counter[str] = Counter()
    for _ in range(12):
        async with tunnel(mesh.port(client), f"{host}:7000") as (status, reader, writer):
            assert status == 200
            async with asyncio.timeout(5):
                greeted[json.loads(await reader.readline())["instance"]] += 1
                writer.write(b"ping\n")
                assert await reader.readline() == b"ping\n"
    assert set(greeted) == {"stream-1", "stream-2"}


async def test_tunnels_lead_to_known_ports_only(mesh: Mesh) -> None:
    upstream = await mesh.tcp("guarded")
    await mesh.save(
        {"guarded.yaml": service_entry("guarded.mesh", upstream, port=7000, protocol="TCP")}
    )
    for target in ("guarded.mesh:22", f"127.0.0.1:{upstream.instance.port}", "unknown.mesh:7000"):
        async with tunnel(mesh.port(DELTA), target) as (status, _, _):
            assert status != 200, target
    assert upstream.instance.requests == 0


@BOTH
async def test_services_outside_of_the_mesh_are_found_by_dns(mesh: Mesh, client: str) -> None:
    outside = await mesh.http("outside")
    port = outside.instance.port
    named = f"named-{client}.example.com"
    once = f"once-{client}.example.com"
    endpoints = "endpoints: [{address: localhost}]"
    await mesh.save(
        {
            f"dns-{client}.yaml": external("localhost", port, "resolution: DNS")
            + external(named, port, f"resolution: DNS\n  {endpoints}")
            + external(once, port, f"resolution: DNS_ROUND_ROBIN\n  {endpoints}")
        }
    )
    for host in ("localhost", named, once):
        answer = await mesh.ask(client, host)
        assert (answer.status, answer.instance) == (200, "outside"), host
        assert answer.seen["headers"]["host"] == host
    await mesh.save({f"dns-{client}.yaml": None})
    assert (await mesh.ask(client, named)).status == 502


async def test_http2_is_spoken_to_services_that_speak_it(mesh: Mesh) -> None:
    upstream = await mesh.grpc("h2")
    await mesh.save({"h2.yaml": service_entry("h2.mesh", upstream, protocol="HTTP2")})
    target = f"127.0.0.1:{mesh.port(DELTA)}"
    assert (await grpc_say(target, "h2.mesh"))["instance"] == "h2"


async def test_requests_pass_the_sidecar_of_the_workload_they_are_for(mesh: Mesh) -> None:
    address = "127.0.9.17"
    port = free_port(address)
    app = await mesh.enter(HttpUpstream(Instance("app")))
    behind = Instance("app", host=address, port=port)
    await mesh.save({"pair.yaml": service_entry("pair.mesh", HttpUpstream(behind))})
    options = BootstrapOptions(
        "pair-0",
        instance_ips=(address,),
        inbound={port: SocketAddress("127.0.0.1", app.instance.port)},
    )
    sidecar = await mesh.envoy("pair", options)
    answers = [await mesh.ask(client, "pair.mesh") for client in (DELTA, SOTW)]
    assert [(answer.status, answer.instance) for answer in answers] == [(200, "app")] * 2
    stats = await sidecar.stats(r"cluster\.inbound.*upstream_rq_total")
    assert sum(stats.values()) == 2
    assert (await mesh.ask("pair", "pair.mesh")).instance == "app"


async def test_a_service_opens_no_port_that_its_workload_did_not_name(mesh: Mesh) -> None:
    address = "127.0.9.18"
    named, claimed = free_port(address), free_port(address)
    app = await mesh.enter(HttpUpstream(Instance("app")))
    entries = [
        service_entry(f"{name}.mesh", HttpUpstream(Instance(name, host=address, port=port)))
        for name, port in (("named", named), ("claimed", claimed))
    ]
    await mesh.save({"claims.yaml": "---\n".join(entries)})
    options = BootstrapOptions(
        "claimed-0",
        instance_ips=(address,),
        inbound={named: SocketAddress("127.0.0.1", app.instance.port)},
    )
    sidecar = await mesh.envoy("claimed", options)
    assert set((await sidecar.resources())["lds"]) == {"egress", f"{address}_{named}"}
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(address, claimed)
    assert (await mesh.ask(DELTA, "named.mesh")).instance == "app"
