"""The gRPC edge.

Both wires on one port, refusals with reasons, limits, slow readers and a gentle end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
import grpc.aio
import pytest
from envoy_data_plane.envoy.config.core.v3 import Node
from envoy_data_plane.envoy.service.discovery.v3 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)

from tests.support.fakes.raw_resources import RawResources, RawWatch
from translators.codec.node import RawNode
from translators.names import CLUSTER_TYPE, ENDPOINT_TYPE, ROUTE_TYPE
from xds_server.ads.diff import Response
from xds_server.ads.limits import StreamLimits
from xds_server.ads.seams import Wire
from xds_server.ads.service import SERVICE, AdsLimits, AdsService
from xds_server.ads.silent_observer import SilentObserver
from xds_server.ads.stream import Stream
from xds_server.clock import SystemClock
from xds_server.errors import ChanceryError, NodeRefusedError
from xds_server.grpc_server import GrpcServer, ServerLimits, serving

CLUSTER = b"\x0a\x01a"
NODE = Node(id="web.default")
Call = grpc.aio.StreamStreamCall


@dataclass
class Seen(SilentObserver):
    streams: int = 0
    acks: int = 0
    responses: list[Response] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)

    def turned_away(self, _peer: str, code: str, message: str) -> None:
        self.refusals.append((code, message))

    def connected(self, _stream: Stream) -> None:
        self.streams += 1

    def disconnected(self, _stream: Stream) -> None:
        self.streams -= 1

    def acked(self, _stream: Stream, _type_url: str, _response: Response) -> None:
        self.acks += 1

    def warned(self, _stream: Stream, message: str) -> None:
        self.warnings.append(message)

    def pushed(self, _stream: Stream, _type_url: str, response: Response) -> None:
        self.responses.append(response)


class Refusing(RawResources):
    def watch(self, node: RawNode, wire: Wire) -> RawWatch:
        if node.id == "bad":
            raise NodeRefusedError("node id 'bad' is not NAME.NAMESPACE")
        return super().watch(node, wire)


@dataclass
class Served:
    raw: RawResources
    server: GrpcServer
    service: AdsService
    seen: Seen
    channel: grpc.aio.Channel

    def call(self, wire: Wire = Wire.DELTA) -> Call:
        name = "DeltaAggregatedResources" if wire is Wire.DELTA else "StreamAggregatedResources"
        return self.channel.stream_stream(f"/{SERVICE}/{name}")()

    async def until(self, streams: int) -> None:
        async with asyncio.timeout(5):
            while self.seen.streams != streams:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def served(message_bytes: int = 4_000_000, **limits: object) -> AsyncIterator[Served]:
    raw, seen = Refusing(), Seen()
    service = AdsService(raw, SystemClock(), seen, AdsLimits(**limits))
    drain = timedelta(seconds=0.1)
    server = GrpcServer((service,), ServerLimits(message_bytes=message_bytes, drain=drain))
    port = server.listen("127.0.0.1:0")
    async with serving(server), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Served(raw, server, service, seen, channel)


async def ask(call: Call, request: DeltaDiscoveryRequest | DiscoveryRequest) -> None:
    await call.write(bytes(request))


async def hear(call: Call) -> DeltaDiscoveryResponse:
    async with asyncio.timeout(5):
        data = await call.read()
    assert data is not grpc.aio.EOF, await call.details()
    return DeltaDiscoveryResponse.parse(data)


async def end(call: Call) -> tuple[grpc.StatusCode, str]:
    """How the server ended the call."""
    async with asyncio.timeout(5):
        # A status arrives behind the messages.
        with contextlib.suppress(grpc.aio.AioRpcError):
            while await call.read() is not grpc.aio.EOF:
                pass
        return await call.code(), await call.details()


async def test_delta_and_state_of_the_world_share_a_port() -> None:
    async with served() as found:
        found.raw.set("*", CLUSTER_TYPE, "a", CLUSTER)
        delta, sotw = found.call(Wire.DELTA), found.call(Wire.SOTW)
        await ask(delta, DeltaDiscoveryRequest(node=NODE, type_url=CLUSTER_TYPE))
        got = await hear(delta)
        assert [each.name for each in got.resources] == ["a"]
        assert got.resources[0].resource.value == CLUSTER
        await ask(sotw, DiscoveryRequest(node=NODE, type_url=CLUSTER_TYPE))
        data = await sotw.read()
        response = DiscoveryResponse.parse(data)
        assert [each.value for each in response.resources] == [CLUSTER]
        await ask(
            sotw,
            DiscoveryRequest(
                type_url=CLUSTER_TYPE,
                version_info=response.version_info,
                response_nonce=response.nonce,
            ),
        )
        await ask(delta, DeltaDiscoveryRequest(type_url=CLUSTER_TYPE, response_nonce=got.nonce))
        found.raw.set("*", CLUSTER_TYPE, "b", b"\x0a\x01b")
        assert [each.name for each in (await hear(delta)).resources] == ["b"]
        assert len(DiscoveryResponse.parse(await sotw.read()).resources) == 2
        found.raw.remove("*", CLUSTER_TYPE, "b")
        assert found.service.streams == 2


async def test_catalog_serves_a_node_its_own() -> None:
    async with served() as found:
        found.raw.set("*", ENDPOINT_TYPE, "a", b"\x0a\x01a")
        found.raw.set("web.default", ENDPOINT_TYPE, "a", b"\x0a\x01a\x12\x00")
        bodies = []
        for node_id in ("web.default", "other.default"):
            call = found.call()
            request = DeltaDiscoveryRequest(
                node=Node(id=node_id), type_url=ENDPOINT_TYPE, resource_names_subscribe=["a"]
            )
            await ask(call, request)
            bodies.append((await hear(call)).resources[0].resource.value)
        assert bodies == [b"\x0a\x01a\x12\x00", b"\x0a\x01a"]


async def test_refused_node_is_told_why() -> None:
    async with served() as found:
        call = found.call()
        await ask(call, DeltaDiscoveryRequest(node=Node(id="bad"), type_url=CLUSTER_TYPE))
        assert await end(call) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "node id 'bad' is not NAME.NAMESPACE",
        )
        assert found.seen.refusals == [
            ("invalid_argument", "node id 'bad' is not NAME.NAMESPACE"),
        ]


async def test_first_request_without_a_node_is_refused() -> None:
    async with served() as found:
        call = found.call()
        await ask(call, DeltaDiscoveryRequest(type_url=CLUSTER_TYPE))
        code, details = await end(call)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "node" in details


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("wire", list(Wire))
async def test_bytes_that_are_no_request_end_the_stream(wire: Wire, is_first: bool) -> None:
    async with served() as found:
        call = found.call(wire)
        if not is_first:
            kind = DeltaDiscoveryRequest if wire is Wire.DELTA else DiscoveryRequest
            await ask(call, kind(node=NODE, type_url=CLUSTER_TYPE))
        await call.write(b"\x0a\xff\xff")
        code, details = await end(call)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "DiscoveryRequest" in details
        await found.until(0)


async def test_one_stream_too_many_is_refused() -> None:
    async with served(streams=1) as found:
        first = found.call()
        await ask(first, DeltaDiscoveryRequest(node=NODE, type_url=CLUSTER_TYPE))
        await hear(first)
        code, details = await end(found.call())
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "1 streams at a time" in details
        assert found.seen.refusals == [("resource_exhausted", details)]
        await first.done_writing()
        await found.until(0)
        again = found.call()
        await ask(again, DeltaDiscoveryRequest(node=NODE, type_url=CLUSTER_TYPE))
        await hear(again)


async def test_too_large_a_request_ends_the_stream() -> None:
    async with served(message_bytes=10_000) as found:
        call = found.call()
        names = [f"name-{number}" for number in range(5000)]
        await ask(
            call,
            DeltaDiscoveryRequest(
                node=NODE, type_url=ENDPOINT_TYPE, resource_names_subscribe=names
            ),
        )
        code, details = await end(call)
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "larger than max" in details


async def test_too_many_names_end_the_stream() -> None:
    async with served(stream=StreamLimits(names=3)) as found:
        call = found.call()
        await ask(call, DeltaDiscoveryRequest(node=NODE, type_url=CLUSTER_TYPE))
        await hear(call)
        request = DeltaDiscoveryRequest(
            type_url=ROUTE_TYPE, resource_names_subscribe=["a", "b", "c", "d"]
        )
        await ask(call, request)
        code, details = await end(call)
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "4 names" in details


async def test_too_large_a_response_ends_the_stream_even_when_a_change_causes_it() -> None:
    async with served(stream=StreamLimits(pending_bytes=1000)) as found:
        call = found.call()
        await ask(call, DeltaDiscoveryRequest(node=NODE, type_url=CLUSTER_TYPE))
        got = await hear(call)
        await ask(call, DeltaDiscoveryRequest(type_url=CLUSTER_TYPE, response_nonce=got.nonce))
        found.raw.set("*", CLUSTER_TYPE, "a", b"\x0a\xd0\x0f" + b"a" * 2000)
        code, details = await end(call)
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "the limit is 1000" in details


async def test_client_that_does_not_read_is_cut_off() -> None:
    limits = StreamLimits(gate_deadline=timedelta(seconds=0.1))
    async with served(write_timeout=timedelta(seconds=0.4), stream=limits) as found:
        call = found.call()
        request = DeltaDiscoveryRequest(
            node=NODE, type_url=ENDPOINT_TYPE, resource_names_subscribe=["a"]
        )
        await ask(call, request)
        nonce = (await hear(call)).nonce
        await ask(call, DeltaDiscoveryRequest(type_url=ENDPOINT_TYPE, response_nonce=nonce))
        size = 8_000_000
        async with asyncio.timeout(8):
            while found.seen.streams:
                number = found.raw.revision % 256
                body = b"\x0a\x01a\x12" + bytes([0x80, 0xA4, 0xE8, 0x03]) + bytes([number]) * size
                found.raw.set("*", ENDPOINT_TYPE, "a", body)
                await asyncio.sleep(0.05)
        assert len(found.seen.responses) <= 12
        assert "too slow or stuck" in found.seen.warnings[-1]
        assert (await end(call))[0] is not grpc.StatusCode.OK


async def test_burst_of_changes_becomes_one_response() -> None:
    async with served() as found:
        call = found.call()
        request = DeltaDiscoveryRequest(
            node=NODE, type_url=ENDPOINT_TYPE, resource_names_subscribe=["a"]
        )
        await ask(call, request)
        got = await hear(call)
        await ask(call, DeltaDiscoveryRequest(type_url=ENDPOINT_TYPE, response_nonce=got.nonce))
        while found.seen.acks < 1:
            await asyncio.sleep(0.005)
        for number in range(100):
            found.raw.set("*", ENDPOINT_TYPE, "a", b"\x0a\x01a\x12\x01" + bytes([number]))
        got = await hear(call)
        assert got.resources[0].resource.value.endswith(bytes([99]))
        assert len(found.seen.responses) == 2


async def test_deadline_passes_without_anything_else_happening() -> None:
    limits = StreamLimits(gate_deadline=timedelta(seconds=0.2))
    async with served(stream=limits) as found:
        found.raw.set("*", CLUSTER_TYPE, "a", CLUSTER)
        found.raw.set(
            "*", "type.googleapis.com/envoy.config.listener.v3.Listener", "l", b"\x0a\x01l"
        )
        call = found.call()
        await ask(call, DeltaDiscoveryRequest(node=NODE, type_url=CLUSTER_TYPE))
        await hear(call)
        await ask(
            call,
            DeltaDiscoveryRequest(type_url="type.googleapis.com/envoy.config.listener.v3.Listener"),
        )
        assert [each.name for each in (await hear(call)).resources] == ["l"]
        assert len(found.seen.warnings) == 1


async def test_stopping_server_ends_streams_with_a_reason_and_spreads_them() -> None:
    async with served() as found:
        calls = [found.call() for _ in range(20)]
        for call in calls:
            await ask(call, DeltaDiscoveryRequest(node=NODE, type_url=CLUSTER_TYPE))
            await hear(call)
        loop = asyncio.get_running_loop()
        start = loop.time()
        moments = []

        async def watch(call: Call) -> None:
            code, details = await end(call)
            assert code is grpc.StatusCode.UNAVAILABLE
            assert "stopping" in details
            moments.append(loop.time() - start)

        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(watch(call))
            await found.server.stop()
        assert max(moments) - min(moments) > 0.03
        assert found.service.streams == 0


async def test_thousand_names_of_many_streams_are_held_once() -> None:
    async with served() as found:
        names = [f"n{number}" for number in range(1000)]
        calls = [found.call() for _ in range(5)]
        for call in calls:
            request = DeltaDiscoveryRequest(
                node=NODE, type_url=ENDPOINT_TYPE, resource_names_subscribe=names
            )
            await ask(call, request)
            assert len((await hear(call)).removed_resources) == 1000
        first = found.seen.responses[0]
        assert all(each is first for each in found.seen.responses)


async def test_taken_port_is_named() -> None:
    async with served() as found:
        taken = GrpcServer(())
        port = taken.listen("127.0.0.1:0")
        with pytest.raises(ChanceryError, match=f"127.0.0.1:{port}"):
            found.server.listen(f"127.0.0.1:{port}")
