"""The applications behind the sidecars: `reviews` over HTTP, which asks `ratings` over gRPC.

All of them run in the demo's process.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
from aiohttp import web

from xds_server.demo.topology import RATINGS, Workload

_SERVICE, _METHOD = "demo.Ratings", "Get"
_RATINGS_SECONDS = 2.0


@dataclass(slots=True)
class RatingsCalls:
    """What the reviews saw of the ratings."""

    total: int = 0
    failures: list[str] = field(default_factory=list)


class Reviews:
    """One instance of `reviews`.

    Version 2 shows stars, for which it calls `ratings` through its own sidecar.

    `is_sick` makes every answer a 500. `requests` counts those that arrived.
    """

    def __init__(
        self, workload: Workload, port: int, egress_port: int, calls: RatingsCalls
    ) -> None:
        self.is_sick = False
        self.requests = 0
        self._workload = workload
        self._port = port
        self._egress = f"127.0.0.1:{egress_port}"
        self._calls = calls
        self._ratings: grpc.aio.UnaryUnaryMultiCallable | None = None
        self._headers = {
            "x-instance": workload.name,
            "x-version": workload.version,
            "x-zone": workload.locality.zone,
        }

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen while the block runs."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        options = (("grpc.default_authority", RATINGS), ("grpc.enable_retries", 0))
        async with grpc.aio.insecure_channel(self._egress, options=options) as channel:
            self._ratings = channel.unary_unary(f"/{_SERVICE}/{_METHOD}")
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", self._port).start()
                yield
            finally:
                await runner.cleanup()

    async def _answer(self, _request: web.Request) -> web.Response:
        self.requests += 1
        if self.is_sick:
            return web.Response(status=500, text="out of order\n", headers=self._headers)
        if self._workload.version == "v1":
            return web.Response(text="good\n", headers=self._headers)
        return web.Response(text=f"good, {await self._stars()}\n", headers=self._headers)

    async def _stars(self) -> str:
        if self._ratings is None:
            return "no stars yet"
        self._calls.total += 1
        try:
            answer: bytes = await self._ratings(b"", timeout=_RATINGS_SECONDS)
        except grpc.aio.AioRpcError as error:
            self._calls.failures.append(
                f"{self._workload.name}: {error.code().name} {error.details()}"
            )
            return "no stars"
        return answer.decode()


class Ratings:
    """One instance of `ratings`: four stars, always."""

    def __init__(self, workload: Workload, port: int) -> None:
        self._answer = f"4 stars from {workload.name}".encode()
        self._port = port

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen while the block runs."""
        server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        methods = {_METHOD: grpc.unary_unary_rpc_method_handler(self._get)}
        handler = grpc.method_handlers_generic_handler(_SERVICE, methods)
        server.add_generic_rpc_handlers((handler,))
        server.add_insecure_port(f"127.0.0.1:{self._port}")
        await server.start()
        try:
            yield
        finally:
            await server.stop(0)

    async def _get(self, _request: bytes, _context: grpc.aio.ServicerContext) -> bytes:
        return self._answer
