"""The admin API's server: health, metrics and the state of every proxy over HTTP.

`GET` only, no authentication: it listens on loopback unless told otherwise, and nothing it says is
secret.

* `/healthz`: 200 as long as the process answers.
* `/readyz`: 200 once the first full listing is published, 503 before.
* `/metrics`: Prometheus' text format.
* `/status`: a `MeshStatus` as JSON.
* `/problems`: the same without the proxies.
* `/wait?revision=N|latest&timeout=SECONDS`: a `WaitResult` as JSON, once every proxy has the
  revision or the time is up. Both are a 200: whoever asks reads `everywhere`. Without a timeout it
  waits 60 seconds; 600 is the most; 0 answers at once.

A request that cannot be understood gets a 400 with `{"error": …}`. On loopback only who asks for a
loopback name is answered, see `callers`; others get a 403.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from aiohttp import web

from xds_server.admin.callers import only_local, peer_logger
from xds_server.admin.documents import document
from xds_server.errors import ListenError
from xds_server.metrics import CONTENT_TYPE, Metrics
from xds_server.settings import join_address
from xds_server.status import StatusSource, writable

DEFAULT_WAIT_SECONDS = 60.0
MAX_WAIT_SECONDS = 600.0
_REVISION_DIGITS = 18

_INDEX = (
    "/healthz\n/readyz\n/metrics\n/status\n/problems\n/wait?revision=N|latest&timeout=SECONDS\n"
)


class AdminServer:
    """Serves the admin API on one address.

    `start` begins to listen and raises at once when it cannot; `run` does that if need be, then
    serves until it is cancelled.
    """

    def __init__(self, source: StatusSource, metrics: Metrics, address: str, port: int) -> None:
        self._source = source
        self._metrics = metrics
        self._address = address
        self._port = port
        self._runner: web.AppRunner | None = None
        self._bound = port

    @property
    def address(self) -> str:
        """`host:port` as it is listened on; with port 0 it is known after `start` only."""
        return join_address(self._address, self._bound)

    async def start(self) -> None:
        """Begins to listen.

        Raises:
            ListenError: The address is taken or cannot be used.
        """
        app = web.Application(middlewares=[only_local(self._address)])
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics_page),
                web.get("/status", self._status),
                web.get("/problems", self._problems),
                web.get("/wait", self._wait),
            ]
        )
        # A caller that hangs up ends its wait.
        runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=0.2,
            logger=peer_logger(),
        )
        await runner.setup()
        site = web.TCPSite(runner, self._address, self._port)
        try:
            await site.start()
        except OSError as cause:
            await runner.cleanup()
            raise ListenError.because(
                "the admin API", self.address, "--admin-port", cause
            ) from cause
        self._runner = runner
        self._bound = int(runner.addresses[0][1])

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            ListenError: The address is taken or cannot be used.
        """
        if self._runner is None:
            await self.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Stop listening and end the requests under way; harmless when it did not listen."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _index(self, _request: web.Request) -> web.Response:
        return web.Response(text=_INDEX)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        if self._source.is_ready():
            return web.Response(text="ready\n")
        return web.Response(status=503, text="not ready: the configuration is still being read\n")

    async def _metrics_page(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _status(self, _request: web.Request) -> web.Response:
        return _json(document(self._source.status()))

    async def _problems(self, _request: web.Request) -> web.Response:
        problems = document(replace(self._source.status(), proxies=()))
        del problems["proxies"]
        return _json(problems)

    async def _wait(self, request: web.Request) -> web.Response:
        try:
            revision = _revision(request.query.get("revision", "latest"))
            timeout = _timeout(request.query.get("timeout"))
        except ValueError as problem:
            return _json({"error": str(problem)}, status=400)
        return _json(document(await self._source.wait(revision, timeout)))


def _json(content: dict[str, object], status: int = 200) -> web.Response:
    return web.json_response(content, status=status, dumps=_dumps)


def _dumps(content: object) -> str:
    return writable(json.dumps(content, ensure_ascii=False)) + "\n"


def _revision(text: str) -> int | None:
    if text == "latest":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _REVISION_DIGITS:
        raise ValueError(f"revision {text[:40]!r}: expected a number or 'latest'")
    return int(text)


def _timeout(text: str | None) -> float:
    if text is None:
        return DEFAULT_WAIT_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        raise ValueError(f"timeout {text[:40]!r}: expected seconds, from 0 to {MAX_WAIT_SECONDS:g}")
    return seconds
