"""The admin API over real HTTP, with a small source behind it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from tests.support.fakes.mesh_status import MESH, FakeSource
from xds_server.admin.client import AdminClient
from xds_server.admin.server import AdminServer
from xds_server.errors import AdminError, ListenError
from xds_server.metrics import Metrics
from xds_server.settings import parse_address
from xds_server.status import Lacking, MeshStatus, ProblemStatus, RejectionStatus

LACKING = Lacking("api-0.default", ("eds",), "no answer yet")


@asynccontextmanager
async def serving(source: FakeSource, metrics: Metrics | None = None) -> AsyncIterator[str]:
    server = AdminServer(source, metrics or Metrics(), "127.0.0.1", 0)
    await server.start()
    try:
        yield server.address
    finally:
        await server.stop()


async def get(address: str, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}{path}") as response,
    ):
        return response.status, await response.text()


def client(address: str) -> AdminClient:
    return AdminClient(*parse_address(address))


async def test_healthz_answers_before_anything_is_ready() -> None:
    async with serving(FakeSource(ready=False)) as address:
        assert await get(address, "/healthz") == (200, "ok\n")


async def test_readyz_refuses_until_the_source_is_ready() -> None:
    source = FakeSource(ready=False)
    async with serving(source) as address:
        assert (await get(address, "/readyz"))[0] == 503
        source.ready = True
        assert await get(address, "/readyz") == (200, "ready\n")


async def test_metrics_are_served_in_prometheus_text() -> None:
    metrics = Metrics()
    metrics.type("cds").pushed(300)
    async with serving(FakeSource(), metrics) as address:
        status, text = await get(address, "/metrics")
    assert status == 200
    assert 'chancery_xds_push_bytes_total{type="cds"} 300.0' in text


async def test_status_arrives_whole_at_the_client() -> None:
    async with serving(FakeSource()) as address:
        assert await asyncio.to_thread(client(address).status) == MESH


async def test_problems_are_the_status_without_the_proxies() -> None:
    async with serving(FakeSource()) as address:
        _, text = await get(address, "/problems")
    found = json.loads(text)
    assert list(found) == ["revision", "rejections", "problems", "judge"]
    assert found["rejections"][0]["path"] == "spec.hosts"


async def test_wait_answers_at_once_when_every_proxy_has_the_revision() -> None:
    source = FakeSource()
    async with serving(source) as address:
        result = await asyncio.to_thread(client(address).wait, None, 5.0)
    assert result.everywhere
    assert result.revision == 42
    assert source.asked == [(None, 5.0)]


async def test_wait_answers_when_the_last_proxy_has_it() -> None:
    source = FakeSource()
    source.lacking = (LACKING,)
    async with serving(source) as address, asyncio.TaskGroup() as group:
        answer = group.create_task(asyncio.to_thread(client(address).wait, 42, 30.0))
        await source.waiting.wait()
        assert not answer.done()
        source.everywhere.set()
        assert (await answer).everywhere


async def test_wait_says_who_lacks_it_when_the_time_is_up() -> None:
    source = FakeSource()
    source.lacking = (LACKING,)
    async with serving(source) as address:
        status, text = await get(address, "/wait?revision=42&timeout=0.01")
    assert status == 200
    assert json.loads(text)["everywhere"] is False
    assert json.loads(text)["lacking"] == [
        {"proxy": "api-0.default", "types": ["eds"], "reason": "no answer yet"}
    ]


async def test_a_caller_that_hangs_up_ends_its_wait() -> None:
    source = FakeSource()
    source.lacking = (LACKING,)
    async with serving(source) as address:
        _, writer = await asyncio.open_connection(*parse_address(address))
        writer.write(b"GET /wait?timeout=500 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await source.waiting.wait()
        writer.close()
        async with asyncio.timeout(5):
            await source.hung_up.wait()


@pytest.mark.parametrize(
    "query", ["revision=new", "revision=-1", "timeout=soon", "timeout=601", "timeout=nan"]
)
async def test_a_question_that_makes_no_sense_is_refused_with_the_reason(query: str) -> None:
    source = FakeSource()
    async with serving(source) as address:
        status, text = await get(address, f"/wait?{query}")
    assert status == 400
    assert "expected" in json.loads(text)["error"]
    assert source.asked == []


async def test_a_taken_port_is_named_with_what_to_do() -> None:
    async with serving(FakeSource()) as address:
        second = AdminServer(FakeSource(), Metrics(), *parse_address(address))
        with pytest.raises(ListenError) as caught:
            await second.run()
    assert str(caught.value) == (
        f"the admin API cannot listen on {address}: another process listens there already; "
        "stop it, or choose another with --admin-port"
    )


async def test_run_ends_by_cancellation_and_frees_the_port() -> None:
    server = AdminServer(FakeSource(), Metrics(), "127.0.0.1", 0)
    await server.start()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        assert await get(server.address, "/healthz") == (200, "ok\n")
        running.cancel()
    again = AdminServer(FakeSource(), Metrics(), *parse_address(server.address))
    await again.start()
    await again.stop()


def test_the_client_says_when_nobody_answers() -> None:
    with pytest.raises(AdminError, match=r"no control plane answers at 127\.0\.0\.1:1 .*--admin"):
        AdminClient("127.0.0.1", 1).status()


async def test_the_client_says_when_something_else_answers() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(AdminError, match="is not Chancery's admin API"):
            await asyncio.to_thread(AdminClient("127.0.0.1", port).status)


async def ask(address: str, *headers: str) -> int:
    """The status code for a request with exactly these headers."""
    reader, writer = await asyncio.open_connection(*parse_address(address))
    lines = ["GET /status HTTP/1.1", "Connection: close", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1])


@pytest.mark.parametrize(
    "header",
    [
        "Host: localhost",
        "Host: LOCALHOST:15014",
        "Host: 127.0.0.1:1",
        "Host: [::1]",
        "Host: [::1]:99",
        "Host: localhost\r\nOrigin: http://localhost:3000",
        "Host: localhost\r\nOrigin: https://[::1]",
    ],
)
async def test_on_loopback_loopback_names_are_answered(header: str) -> None:
    async with serving(FakeSource()) as address:
        assert await ask(address, header) == 200


@pytest.mark.parametrize(
    "header",
    [
        "Host: evil.example",
        "Host: evil.example:15014",
        "Host: localhost.evil.example",
        "Host: 127.0.0.1.evil.example:80",
        "Host: 127.0.0.1:evil",
        "Host: 10.0.0.1",
        "Host: [::2]:1",
        "Host: ",
        "Host: localhost\r\nOrigin: http://evil.example",
        "Host: localhost\r\nOrigin: null",
        "Host: localhost\r\nOrigin: http://localhost.evil.example:15014",
        "Host: localhost\r\nOrigin: file://localhost",
    ],
)
async def test_on_loopback_other_names_and_origins_are_turned_away(header: str) -> None:
    async with serving(FakeSource()) as address:
        assert await ask(address, header) == 403


@pytest.mark.parametrize("header", ["Accept: */*", "Host: localhost\r\nHost: evil.example"])
async def test_no_name_or_two_names_are_no_request(header: str) -> None:
    async with serving(FakeSource()) as address:
        assert await ask(address, header) == 400


async def test_an_address_that_is_named_in_the_request_line_counts_too() -> None:
    async with serving(FakeSource()) as address:
        reader, writer = await asyncio.open_connection(*parse_address(address))
        writer.write(b"GET http://evil.example/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 403 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_elsewhere_any_name_may_lead_to_it() -> None:
    server = AdminServer(FakeSource(), Metrics(), "0.0.0.0", 0)
    await server.start()
    try:
        port = parse_address(server.address)[1]
        assert await ask(f"127.0.0.1:{port}", "Host: chancery.example") == 200
    finally:
        await server.stop()


async def test_halves_of_characters_anywhere_are_no_reason_not_to_answer() -> None:
    half = "x\udcff\ud800"
    problem = ProblemStatus("error", half, half, half, half)
    rejection = RejectionStatus(half, half, half, half, half, 1, half, (half,))
    proxy = replace(MESH.proxies[0], id=half, namespace=half, locality=half, version=half)
    source = FakeSource()
    mesh = MeshStatus(1, (proxy,), (rejection,), (problem,))
    source.status = lambda: mesh  # type: ignore[method-assign]
    source.lacking = (Lacking(half, (half,), half),)
    metrics = Metrics()
    metrics.type(half).pushed(1)
    metrics.turned_away(half)
    async with serving(source, metrics) as address:
        for path in (
            "/status",
            "/problems",
            "/metrics",
            "/wait?timeout=0",
            "/wait?revision=%ED%A0%80",
        ):
            status, text = await get(address, path)
            assert status in {200, 400}, path
            assert "x\ufffd\ufffd" in text or status == 400
        assert (await asyncio.to_thread(client(address).status)).problems[0].path == "x\ufffd\ufffd"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /status HT",
        b"GET /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc",
        b"POST /status HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /status HTTP/1.1\r\nHost: localhost\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20,
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ],
)
async def test_who_breaks_off_or_talks_nonsense_is_one_line(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with serving(FakeSource()) as address:
        _, writer = await asyncio.open_connection(*parse_address(address))
        writer.write(sent)
        await writer.drain()
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        assert await get(address, "/healthz") == (200, "ok\n")
    assert len(caplog.records) <= 1
    assert all(not record.exc_info for record in caplog.records)


async def test_a_bug_of_ours_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    source = FakeSource()

    def buggy() -> MeshStatus:
        raise KeyError("surprise")

    source.status = buggy  # type: ignore[method-assign]
    async with serving(source) as address:
        assert (await get(address, "/status"))[0] == 500
    (record,) = caplog.records
    assert record.exc_info
