"""The gRPC server of the stream layer: delta and state of the world on one port, bytes in and bytes out.

In: connections of proxies, wakes from the cache. Out: whatever the streams' state machines say, at the speed at which
each proxy reads. A proxy costs one task that reads and one that writes; a wake is one bit, however many snapshots it stands for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

import grpc
import grpc.aio

from xds_server.ads.connection import Connection, Protocols
from xds_server.ads.seams import Cache, Wire
from xds_server.ads.silent_observer import SilentObserver
from xds_server.ads.stream import Observer, StreamLimits
from xds_server.ads.subscription import SubscriptionPool
from xds_server.clock import Clock
from xds_server.errors import ChanceryError

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_WAKES_AT_ONCE = 100
_PENDING_CALLS = 100_000
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What the server takes on, and how it treats those who do not answer.

    Attributes:
        stream: Limits of each stream.
        streams: Streams at a time; one more is refused.
        message_bytes: Size of one request; a stream that sends more is ended.
        keepalive: A connection that was silent for so long is asked for a sign of life.
        keepalive_timeout: One that did not answer for so long is closed.
        write_timeout: A client that takes so long to read one response is disconnected.
        connection_age: Connections are ended at about this age, so that proxies spread over replicas; None: never.
        drain: ``stop`` ends streams one by one over so long.
    """

    stream: StreamLimits = field(default_factory=StreamLimits)
    streams: int = 10_000
    message_bytes: int = 4 * 1024 * 1024
    keepalive: timedelta = timedelta(seconds=3)
    keepalive_timeout: timedelta = timedelta(seconds=5)
    write_timeout: timedelta = timedelta(seconds=30)
    connection_age: timedelta | None = None
    drain: timedelta = timedelta(seconds=2)

    def options(self) -> list[tuple[str, int]]:
        """The same as options of a gRPC server."""
        timeout = _milliseconds(self.keepalive_timeout)
        options = [
            ("grpc.keepalive_time_ms", _milliseconds(self.keepalive)),
            ("grpc.keepalive_timeout_ms", timeout),
            # Without this one a frozen peer is noticed after a minute, whatever the two above say.
            ("grpc.http2.ping_timeout_ms", timeout),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
            # Proxies send keepalives of their own, as often as their bootstraps say.
            ("grpc.http2.max_ping_strikes", 0),
            ("grpc.max_receive_message_length", self.message_bytes),
            ("grpc.max_send_message_length", -1),
            # gRPC sheds calls of a reconnect storm from 1,000 on.
            ("grpc.server.max_pending_requests", _PENDING_CALLS),
            ("grpc.server.max_pending_requests_hard_limit", 2 * _PENDING_CALLS),
            # Two servers on one port would each get half of the proxies.
            ("grpc.so_reuseport", 0),
        ]
        if self.connection_age is not None:
            options += [
                ("grpc.max_connection_age_ms", _milliseconds(self.connection_age)),
                ("grpc.max_connection_age_grace_ms", 1000),
            ]
        return options


class AdsServer:
    """Serve a cache. ``listen`` and ``start``, then ``run`` for as long as it serves, then ``stop``."""

    def __init__(
        self,
        cache: Cache,
        clock: Clock,
        observer: Observer | None = None,
        limits: ServerLimits | None = None,
    ) -> None:
        """``observer`` None: nobody is told."""
        self._clock = clock
        self._limits = limits or ServerLimits()
        self._protocols = Protocols(
            cache,
            observer or SilentObserver(),
            SubscriptionPool(),
            clock,
            self._limits.stream,
            self._wake,
        )
        self._connections: dict[Connection, None] = {}
        self._woken: deque[Connection] = deque()
        self._is_stopping = False
        self._server = grpc.aio.server(options=self._limits.options())
        handlers = {
            "DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(self._delta),
            "StreamAggregatedResources": grpc.stream_stream_rpc_method_handler(self._sotw),
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, handlers),)
        )

    @property
    def streams(self) -> int:
        """How many streams there are now."""
        return len(self._connections)

    def listen(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Binds ``HOST:PORT`` or ``unix:PATH`` before the start; the port, which the system chooses when it is 0.

        Raises:
            ChanceryError: The address cannot be bound.
        """
        try:
            if credentials is not None:
                return int(self._server.add_secure_port(address, credentials))
            return int(self._server.add_insecure_port(address))
        except RuntimeError as error:
            raise ChanceryError(
                f"cannot listen on {address}: is another server running there? Choose another address or stop it"
            ) from error

    async def start(self) -> None:
        """Begins to serve."""
        await self._server.start()

    async def run(self) -> None:
        """Watches over deadlines until cancelled."""
        gate = self._limits.stream.gate_deadline.total_seconds()
        stall = self._limits.write_timeout.total_seconds()
        interval = min(1.0, gate / 4, stall / 4)
        while True:
            await asyncio.sleep(interval)
            now = self._clock.now()
            for connection in list(self._connections):
                connection.watch(now, stall)

    async def stop(self) -> None:
        """Takes no new streams and ends the present ones, spread over the drain period."""
        self._is_stopping = True
        period = self._limits.drain.total_seconds()
        connections = list(self._connections)
        start = self._clock.now()
        moments = sorted(self._clock.rng.uniform(0, period) for _ in connections)
        # Connections learn at once that this server goes, and open their next stream elsewhere.
        async with asyncio.TaskGroup() as group:
            group.create_task(self._server.stop(period + 1))
            for moment, connection in zip(moments, connections, strict=True):
                wait = start + moment - self._clock.now()
                if wait > 0 and connection in self._connections:
                    await asyncio.sleep(wait)
                connection.end(grpc.StatusCode.UNAVAILABLE, "the server is stopping; connect again")

    def _wake(self, connection: Connection) -> None:
        """Has a connection look at its snapshot soon; a thousand of them leave the loop air to breathe."""
        if not self._woken:
            asyncio.get_running_loop().call_soon(self._rouse)
        self._woken.append(connection)

    def _rouse(self) -> None:
        woken = self._woken
        for _ in range(min(_WAKES_AT_ONCE, len(woken))):
            woken.popleft().rouse()
        if woken:
            asyncio.get_running_loop().call_soon(self._rouse)

    async def _delta(self, _requests: AsyncIterator[bytes], context: Context) -> None:
        await self._serve(context, Wire.DELTA)

    async def _sotw(self, _requests: AsyncIterator[bytes], context: Context) -> None:
        await self._serve(context, Wire.SOTW)

    async def _serve(self, context: Context, wire: Wire) -> None:
        if self._is_stopping:
            await context.abort(
                grpc.StatusCode.UNAVAILABLE, "the server is stopping; connect again"
            )
        if len(self._connections) >= self._limits.streams:
            await self._refuse(
                context,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"this server takes {self._limits.streams} streams at a time and has them: raise --max-streams or add a replica",
            )
        connection = Connection(context, wire, self._protocols)
        self._connections[connection] = None
        try:
            await connection.run()
        finally:
            del self._connections[connection]
        if connection.failure is None:
            return
        if self._is_stopping:
            await context.abort(*connection.failure)
        await self._refuse(context, *connection.failure)

    async def _refuse(self, context: Context, code: grpc.StatusCode, message: str) -> None:
        self._protocols.observer.turned_away(context.peer(), code.name.lower(), message)
        await context.abort(code, message)


def _milliseconds(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))


@contextlib.asynccontextmanager
async def serving(server: AdsServer) -> AsyncIterator[AdsServer]:
    """A server that runs while the block does; for tests and for use as a library."""
    await server.start()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        try:
            yield server
        finally:
            running.cancel()
            await server.stop()
