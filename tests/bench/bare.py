"""A gRPC server that only sends bytes.

What grpc.aio itself costs, as the measure for what is built on it.

It takes streams, reads and forgets what they send, and on a line `push HEX` on stdin sends each of
them those very bytes. It answers with a line when it has handed all of them over. The first line it
prints is its port.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc
import grpc.aio

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
    ("grpc.so_reuseport", 0),
]
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


class Bare:
    """The streams."""

    def __init__(self) -> None:
        self._contexts: dict[Context, None] = {}

    async def serve(self, _requests: AsyncIterator[bytes], context: Context) -> None:
        """Read until the client ends its stream."""
        self._contexts[context] = None
        read = context.read
        try:
            while await read() is not grpc.aio.EOF:
                pass
        finally:
            del self._contexts[context]

    async def push(self, message: bytes) -> None:
        """Send every stream the message."""
        await asyncio.gather(*[context.write(message) for context in self._contexts])


async def main() -> None:
    """Obeys until the end of the input."""
    bare = Bare()
    server = grpc.aio.server(options=_OPTIONS)
    handlers = {"DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(bare.serve)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    commands = asyncio.StreamReader(limit=1 << 24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := (await commands.readline()).decode().split():
        await bare.push(bytes.fromhex(line[1]))
        print("pushed", flush=True)
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(main())
