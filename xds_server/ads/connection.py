"""One stream's asyncio edge.

A task that reads requests and one that writes responses, around one state machine.

Only one response is ever in the hands of the transport; while a slow client reads it, newer states
replace one another unseen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import grpc.aio

from translators.codec.discovery import parse_delta_request, parse_discovery_request
from translators.codec.errors import DecodeError
from translators.codec.node import RawNode, parse_node
from xds_server.ads.delta import DELTA
from xds_server.ads.limits import StreamLimits
from xds_server.ads.seams import Cache, Wire
from xds_server.ads.sotw import SOTW
from xds_server.ads.stream import Observer, Stream
from xds_server.ads.subscription import SubscriptionPool
from xds_server.clock import Clock
from xds_server.errors import (
    LimitExceededError,
    MalformedRequestError,
    PeerError,
)

_REASON_LENGTH = 2000
_LONG_SECONDS = 0.05
_TURNS_OF_OTHERS = 4
_LONGEST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Protocols:
    """What all connections of a server share. `wake` has a connection look at its snapshot soon."""

    cache: Cache
    observer: Observer
    pool: SubscriptionPool
    clock: Clock
    limits: StreamLimits
    wake: Callable[[Connection], None]


class Connection:
    """One stream of one proxy.

    Attributes:
        failure: With what the stream is to be ended; None: as the client wishes.
    """

    __slots__ = (
        "__weakref__", "_context", "_has_news", "_idle", "_is_closing", "_is_woken", "_protocols", "_reader", "_stream", "_task", "_wire",
        "_writing_since", "failure",
    )  # fmt: skip

    def __init__(
        self, context: grpc.aio.ServicerContext[bytes, bytes], wire: Wire, protocols: Protocols
    ) -> None:
        self.failure: tuple[grpc.StatusCode, str] | None = None
        self._context = context
        self._wire = wire
        self._protocols = protocols
        self._stream: Stream | None = None
        self._reader: asyncio.Task[None] | None = None
        self._idle: asyncio.Future[bytes | None] | None = None
        self._task: asyncio.Task[object] | None = None
        self._has_news = False
        self._is_closing = False
        self._is_woken = False
        self._writing_since: float | None = None

    async def run(self) -> None:
        """Serve the stream until either side ends it."""
        self._task = asyncio.current_task()
        try:
            stream = self._open(await self._context.read())
            if stream is not None:
                await self._serve(stream)
        except PeerError as error:
            self._fail(error)
        finally:
            self._task = None

    def end(self, code: grpc.StatusCode, message: str) -> None:
        """End the stream with a status, behind the response that is being written."""
        if self.failure is None:
            self.failure = (code, message)
        if self._reader is not None:
            self._reader.cancel()

    def rouse(self) -> None:
        """Look at the snapshot now, or let the writer do so once it is free.

        A stream without news costs no switch of tasks.
        """
        self._is_woken = False
        if self._idle is None or self._stream is None:
            self._has_news = True
            return
        try:
            self._stream.on_snapshot_change()
            response = self._stream.take()
        except PeerError as error:
            self._fail(error)
            if self._reader is not None:
                self._reader.cancel()
        else:
            if response is not None:
                self._resume(response)

    def watch(self, now: float, stall: float) -> None:
        """Look after deadlines; `stall` is how many seconds one response may take to be read."""
        stream = self._stream
        if self._writing_since is not None and now - self._writing_since > stall:
            self._drop(f"a response was not read for {stall:g} s; the client is too slow or stuck")
        elif stream is not None and not stream.is_settled:
            deadline = stream.deadline()
            if deadline is not None and now >= deadline:
                stream.on_deadline()
                self._resume(None)

    def _open(self, first: bytes) -> Stream | None:
        """The stream that a first request opens; None when there is none.

        A frame that waits must not hold the request: Envoy's is 61 KB.
        """
        if first is grpc.aio.EOF:
            return None
        protocols = self._protocols
        node = _node(first, self._wire)
        watch = protocols.cache.watch(node, self._wire)
        stream = self._stream = Stream(
            DELTA if self._wire is Wire.DELTA else SOTW,
            node,
            watch,
            protocols.observer,
            protocols.pool,
            protocols.clock.now,
            protocols.limits,
        )
        protocols.observer.connected(stream)
        try:
            stream.on_bytes(first)
        except PeerError:
            self._close(stream)
            raise
        return stream

    async def _serve(self, stream: Stream) -> None:
        try:
            stream.watch.subscribe(self._on_wake)
            # The world may have moved on since the first request was taken in.
            self._has_news = True
            async with asyncio.TaskGroup() as group:
                self._reader = group.create_task(self._read(stream))
                group.create_task(self._write(stream))
        finally:
            self._reader = None
            self._close(stream)

    def _close(self, stream: Stream) -> None:
        stream.watch.cancel()
        self._protocols.observer.disconnected(stream)

    async def _read(self, stream: Stream) -> None:
        read = self._context.read
        on_bytes = stream.on_bytes
        now = self._protocols.clock.now
        end_of_stream = grpc.aio.EOF
        try:
            while (data := await read()) is not end_of_stream:
                began = now()
                on_bytes(data)
                if self._idle is not None and (response := stream.take()) is not None:
                    self._resume(response)
                if (took := now() - began) > _LONG_SECONDS:
                    # Who has much to say is heard seldom, so that the others are as well.
                    await asyncio.sleep(min(_TURNS_OF_OTHERS * took, _LONGEST_PAUSE_SECONDS))
        except PeerError as error:
            self._fail(error)
        finally:
            # A write that has begun cannot be taken back, so the writer is told and not cancelled.
            self._is_closing = True
            self._resume(None)

    async def _write(self, stream: Stream) -> None:
        try:
            await self._write_all(stream)
        except PeerError as error:
            self._fail(error)
        finally:
            if self._reader is not None:
                self._reader.cancel()

    async def _write_all(self, stream: Stream) -> None:
        write = self._context.write
        now = self._protocols.clock.now
        create_future = asyncio.get_running_loop().create_future
        while not self._is_closing:
            if self._has_news:
                self._has_news = False
                stream.on_snapshot_change()
            response = stream.take()
            if response is None:
                self._idle = create_future()
                response = await self._idle
                if response is None:
                    continue
            self._writing_since = now()
            await write(response)
            self._writing_since = None

    def _on_wake(self) -> None:
        if not self._is_woken:
            self._is_woken = True
            self._protocols.wake(self)

    def _resume(self, response: bytes | None) -> None:
        idle = self._idle
        if idle is not None:
            self._idle = None
            if not idle.done():
                idle.set_result(response)

    def _fail(self, error: PeerError) -> None:
        is_limit = isinstance(error, LimitExceededError)
        code = grpc.StatusCode.RESOURCE_EXHAUSTED if is_limit else grpc.StatusCode.INVALID_ARGUMENT
        if self.failure is None:
            # It travels in a header, which has its limits too.
            self.failure = (code, str(error)[:_REASON_LENGTH])

    def _drop(self, reason: str) -> None:
        """End the stream without a status.

        It would only queue up behind the response that is not read.
        """
        if self._task is not None and self._stream is not None:
            self._protocols.observer.warned(self._stream, reason)
            self._task.cancel()
            self._task = None


def _node(data: bytes, wire: Wire) -> RawNode:
    """Who a stream's first request says it comes from."""
    try:
        parse = parse_delta_request if wire is Wire.DELTA else parse_discovery_request
        node = parse(data).node
        if node is None:
            raise MalformedRequestError("the first request of a stream has no node: set node.id")
        return parse_node(node)
    except DecodeError as error:
        raise MalformedRequestError(str(error)) from error
