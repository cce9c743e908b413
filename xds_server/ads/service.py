"""The ADS service: delta and state of the world, bytes in and bytes out.

In: calls of proxies, wakes from the cache. Out: whatever the streams' state machines say, at the
speed at which each proxy reads. A proxy costs one task that reads and one that writes; a wake is
one bit, however many snapshots it stands for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

import grpc
import grpc.aio

from translators.codec.discovery import forget_requests
from translators.codec.node import forget_nodes
from xds_server.ads.connection import Connection, Protocols
from xds_server.ads.limits import StreamLimits
from xds_server.ads.seams import Cache, Wire
from xds_server.ads.silent_observer import SilentObserver
from xds_server.ads.stream import Observer
from xds_server.ads.subscription import SubscriptionPool
from xds_server.clock import Clock
from xds_server.settings import DEFAULTS

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_WAKES_AT_ONCE = 100
FORGET_SECONDS = 30.0
"""For so long it is kept what clients said, for others that say the same."""
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


@dataclass(frozen=True, slots=True)
class AdsLimits:
    """What the service takes on, and how it treats those who do not read.

    Attributes:
        stream: Limits of each stream.
        streams: Streams at a time; one more is turned away.
        write_timeout: A client that takes so long to read one response is disconnected.
    """

    stream: StreamLimits = field(default_factory=StreamLimits)
    streams: int = DEFAULTS.max_streams
    write_timeout: timedelta = timedelta(seconds=30)


class AdsService:
    """Serves a cache to the streams of proxies."""

    name = SERVICE

    def __init__(
        self,
        cache: Cache,
        clock: Clock,
        observer: Observer | None = None,
        limits: AdsLimits | None = None,
    ) -> None:
        """`observer` None: nobody is told."""
        self._clock = clock
        self._limits = limits or AdsLimits()
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

    def methods(self) -> Mapping[str, grpc.RpcMethodHandler]:
        """Method name → how it is called."""
        return {
            "DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(self._delta),
            "StreamAggregatedResources": grpc.stream_stream_rpc_method_handler(self._sotw),
        }

    @property
    def streams(self) -> int:
        """How many streams there are now."""
        return len(self._connections)

    async def run(self) -> None:
        """Watch over deadlines until cancelled."""
        gate = self._limits.stream.gate_deadline.total_seconds()
        stall = self._limits.write_timeout.total_seconds()
        interval = min(1.0, gate / 4, stall / 4)
        forget_at = self._clock.now() + FORGET_SECONDS
        while True:
            await asyncio.sleep(interval)
            now = self._clock.now()
            if now >= forget_at:
                forget_at = now + FORGET_SECONDS
                self.forget()
            for connection in list(self._connections):
                connection.watch(now, stall)

    def forget(self) -> None:
        """Forget what requests said, as far as no stream needs it.

        It is kept for others that say the same at about that time.
        """
        self._protocols.pool.forget()
        forget_requests()
        forget_nodes()

    async def drain(self, period: timedelta) -> None:
        """Take no new streams and end the present ones, spread over this time."""
        self._is_stopping = True
        connections = list(self._connections)
        start = self._clock.now()
        last = period.total_seconds()
        moments = sorted(self._clock.rng.uniform(0, last) for _ in connections)
        for moment, connection in zip(moments, connections, strict=True):
            wait = start + moment - self._clock.now()
            if wait > 0 and connection in self._connections:
                await asyncio.sleep(wait)
            connection.end(grpc.StatusCode.UNAVAILABLE, "the server is stopping; connect again")

    def _wake(self, connection: Connection) -> None:
        """Have a connection look at its snapshot soon.

        A thousand of them leave the loop air to breathe.
        """
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
