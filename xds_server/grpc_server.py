"""The gRPC server.

Addresses, credentials, keepalive and a gentle end, for any number of services on one port.

In: services, each a set of methods over bytes. What they do with their calls is their own affair;
they are told when to end them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import grpc
import grpc.aio

from xds_server.errors import ChanceryError
from xds_server.settings import DEFAULTS

_PENDING_CALLS = 100_000


class GrpcService(Protocol):
    """Some methods under one name, bytes in and bytes out.

    Attributes:
        name: The service's full name, such as
        `envoy.service.discovery.v3.AggregatedDiscoveryService`.
    """

    @property
    def name(self) -> str:
        """The service's full name."""

    def methods(self) -> Mapping[str, grpc.RpcMethodHandler]:
        """Method name → how it is called."""

    async def run(self) -> None:
        """Look after what time brings about, until cancelled."""

    async def drain(self, period: timedelta) -> None:
        """Take no new calls and end the present ones, spread over this time."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How the server treats connections.

    Attributes:
        message_bytes: Size of one request; a call that sends more is ended.
        keepalive: A connection that was silent for so long is asked for a sign of life.
        keepalive_timeout: One that did not answer for so long is closed.
        connection_age: Connections are ended at about this age, so that they spread over replicas;
            None: never.
        drain: `stop` ends calls one by one over so long.
    """

    message_bytes: int = DEFAULTS.max_message_bytes
    keepalive: timedelta = DEFAULTS.keepalive
    keepalive_timeout: timedelta = DEFAULTS.keepalive_timeout
    connection_age: timedelta | None = None
    drain: timedelta = DEFAULTS.drain

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


class GrpcServer:
    """Serves some services.

    `listen` and `start`, then `run` for as long as it serves, then `stop`.
    """

    def __init__(self, services: Sequence[GrpcService], limits: ServerLimits | None = None) -> None:
        self._services = tuple(services)
        self._limits = limits or ServerLimits()
        self._server = grpc.aio.server(options=self._limits.options())
        self._server.add_generic_rpc_handlers(
            tuple(
                grpc.method_handlers_generic_handler(service.name, dict(service.methods()))
                for service in self._services
            )
        )

    def listen(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Bind `HOST:PORT` or `unix:PATH` before the start.

        The port, which the system chooses when it is 0.

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
        """Begin to serve."""
        await self._server.start()

    async def run(self) -> None:
        """Let the services look after their calls, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for service in self._services:
                tasks.create_task(service.run())

    async def stop(self) -> None:
        """Take no new calls and end the present ones, spread over the drain period."""
        period = self._limits.drain
        # Connections learn at once that this server goes, and open their next call elsewhere.
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._server.stop(period.total_seconds() + 1))
            for service in self._services:
                tasks.create_task(service.drain(period))


@contextlib.asynccontextmanager
async def serving(server: GrpcServer) -> AsyncIterator[GrpcServer]:
    """A server that runs while the block does; for tests and for use as a library."""
    await server.start()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server.run())
        try:
            yield server
        finally:
            running.cancel()
            await server.stop()


def _milliseconds(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))
