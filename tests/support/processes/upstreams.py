"""Real small servers behind the sidecars. Each says who it is, and fails on command.

An HTTP answer carries `x-instance`, `x-version`, `x-zone` and, as its body, the same in JSON with
what arrived.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import grpc
from aiohttp import web

from tests.support.processes.ports import free_port

GRPC_METHOD = "/chancery.test.Echo/Say"
"""Unary; any bytes in, the JSON of the instance out."""


@dataclass
class Behaviour:
    """What a server does now; set a field and the next request sees it."""

    status: int = 200
    """HTTP status; for gRPC anything but 200 answers UNAVAILABLE."""
    delay: float = 0.0
    """Seconds before the answer."""


@dataclass
class Instance:
    """One instance of a workload and where it listens; `port` 0 picks a free one at start."""

    name: str
    version: str = "v1"
    zone: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)
    requests: int = 0
    """Requests (TCP: connections) that arrived."""

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def says(self) -> dict[str, str]:
        return {"instance": self.name, "version": self.version, "zone": self.zone}

    def _pick_port(self) -> None:
        self.port = self.port or free_port(self.host)


class Upstream:
    """A server of one instance.

    `async with` starts and ends it, `refuse()` closes its port and `accept()` opens it again.
    """

    def __init__(self, instance: Instance) -> None:
        instance._pick_port()
        self.instance = instance
        self.behaviour = instance.behaviour

    async def accept(self) -> None:
        raise NotImplementedError

    async def refuse(self) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.refuse()


class HttpUpstream(Upstream):
    """HTTP/1.1, any path and method."""

    _runner: web.AppRunner | None = None

    async def accept(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(
            self._runner, self.instance.host, self.instance.port, backlog=1024
        ).start()

    async def refuse(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        self.instance.requests += 1
        behaviour = self.behaviour
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        says = self.instance.says()
        body = {
            **says,
            "method": request.method,
            "path": request.path_qs,
            "headers": {name: ",".join(request.headers.getall(name)) for name in request.headers},
        }
        headers = {f"x-{key}": value for key, value in says.items()}
        return web.json_response(body, status=behaviour.status, headers=headers)


class GrpcUpstream(Upstream):
    """gRPC without TLS: every unary method answers the instance in JSON."""

    _server: grpc.aio.Server | None = None

    async def accept(self) -> None:
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        self._server.add_generic_rpc_handlers((_AnyMethod(self),))
        bound = self._server.add_insecure_port(self.instance.address)
        assert bound == self.instance.port, f"cannot listen on {self.instance.address}"
        await self._server.start()

    async def refuse(self) -> None:
        if self._server is not None:
            await self._server.stop(0)
            self._server = None

    async def answer(self, _request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        self.instance.requests += 1
        if self.behaviour.delay:
            await asyncio.sleep(self.behaviour.delay)
        if self.behaviour.status != 200:
            await context.abort(
                grpc.StatusCode.UNAVAILABLE, f"{self.instance.name} was told to fail"
            )
        await context.send_initial_metadata(
            tuple((f"x-{k}", v) for k, v in self.instance.says().items())
        )
        return json.dumps(self.instance.says()).encode()


class _AnyMethod(grpc.GenericRpcHandler):
    def __init__(self, upstream: GrpcUpstream) -> None:
        self._handler = grpc.unary_unary_rpc_method_handler(upstream.answer)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:  # noqa: ARG002
        return self._handler


class TcpUpstream(Upstream):
    """Plain TCP: greets with one line of JSON, then echoes lines."""

    _server: asyncio.Server | None = None

    async def accept(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, self.instance.host, self.instance.port
        )

    async def refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.instance.requests += 1
        try:
            if self.behaviour.delay:
                await asyncio.sleep(self.behaviour.delay)
            writer.write(json.dumps(self.instance.says()).encode() + b"\n")
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


async def grpc_say(target: str, authority: str, timeout: float = 5.0) -> dict[str, str]:
    """Call a `GrpcUpstream` once, through whatever listens at the target.

    Raises:
        grpc.aio.AioRpcError: when the call fails.
    """
    options = (("grpc.default_authority", authority), ("grpc.enable_retries", 0))
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        answer = await channel.unary_unary(GRPC_METHOD)(b"", timeout=timeout)
    said: dict[str, str] = json.loads(answer)
    return said
