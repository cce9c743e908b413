"""The composition root: the only file that knows all parts and joins them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from translators.codec.node import RawNode
from translators.database import Database
from translators.world import INDEXES
from xds_server import log, memory
from xds_server.admin.server import AdminServer
from xds_server.ads.node import proxy_node
from xds_server.ads.seams import Watch, Wire
from xds_server.ads.service import AdsServer, ServerLimits
from xds_server.ads.stream import StreamLimits
from xds_server.clock import Clock, SystemClock
from xds_server.ledger import Ledger
from xds_server.metrics import Metrics
from xds_server.publisher import Publisher
from xds_server.quarantine import Quarantine
from xds_server.settings import Settings, join_address
from xds_server.sources.batch import Batch
from xds_server.sources.files import FileSource

_log = log.logger(__name__)

TICK_SECONDS = 1.0
PROGRESS_FILES = 500


class ControlPlane:
    """All parts of one server, joined.

    Attributes:
        publisher: From inputs to snapshots.
        ledger: What is where.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.metrics = Metrics()
        self._clock = clock
        self._settings = settings
        self._joins = 0
        self._database = Database(INDEXES)
        self.publisher = Publisher(self._database)
        self.ledger = Ledger(self.publisher, self.metrics, clock)
        self.source = FileSource(
            settings.config,
            self._take,
            quiet=settings.quiet.total_seconds(),
            ceiling=settings.quiet_ceiling.total_seconds(),
        )
        self.quarantine = Quarantine(self.publisher, self.source, self.ledger, clock.now)
        self.ledger.quarantine = self.quarantine
        self.publisher.observer = self.ledger
        self.ads = AdsServer(self, clock, self.ledger, _limits(settings))
        self.admin = AdminServer(
            self.ledger, self.metrics, settings.admin_address, settings.admin_port
        )

    def watch(self, node: RawNode, wire: Wire) -> Watch:
        """Takes a proxy in.

        Raises:
            NodeRefusedError: The node cannot be understood.
        """
        self._joins += 1
        with memory.bulk():
            return self.publisher.join(proxy_node(node), inline=wire is Wire.SOTW)

    async def run(self, announce: Callable[[str], None]) -> None:
        """Serves until SIGTERM or SIGINT, then lets the proxies go gradually.

        Raises:
            ChanceryError: An address is taken or cannot be used.
            ConfigDirectoryError: The directory cannot be read.
        """
        ports = self._listen()
        await self.admin.start()
        with memory.bulk():
            self.source.load(self._progress)
        memory.freeze()
        await self.ads.start()
        announce(
            f"ready: revision {self.publisher.revision}, ADS on {', '.join(ports)}, admin on {self.admin.address}"
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        async with asyncio.TaskGroup() as tasks:
            parts = [
                tasks.create_task(self.source.run()),
                tasks.create_task(self.ads.run()),
                tasks.create_task(self.admin.run()),
                tasks.create_task(self._tick()),
            ]
            await stop.wait()
            _log.info("stopping", streams=self.ads.streams)
            await self.ads.stop()
            for part in parts:
                part.cancel()

    def _listen(self) -> list[str]:
        settings = self._settings
        port = self.ads.listen(join_address(settings.address, settings.port))
        places = [join_address(settings.address, port)]
        if settings.socket is not None:
            self.ads.listen(f"unix:{settings.socket}")
            places.append(f"unix:{settings.socket}")
        return places

    def _take(self, batch: Batch) -> None:
        """One revision of the source."""
        if self.quarantine.commit(batch.set, batch.removed):
            self.ledger.committed()
            _log.info(
                "revision published",
                revision=self.publisher.revision,
                set=_some(batch.set),
                removed=_some(batch.removed),
            )
        self.ledger.listed(batch.problems)

    def _progress(self, done: int, total: int) -> None:
        if done % PROGRESS_FILES == 0 and done < total:
            _log.info("reading", files=done, of=total)

    async def _tick(self) -> None:
        """Looks after what time alone brings about."""
        joins = trimmed = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.quarantine.tick()
            if self._joins == joins != trimmed:
                trimmed = joins
                memory.give_back()
            joins = self._joins
            self.metrics.query_runs = self._database.statistics.runs


async def run(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serves with these settings until told to stop; ``announce`` gets the line that says it is ready and where."""
    memory.map_large_blocks()
    await ControlPlane(settings, SystemClock()).run(announce)


def _limits(settings: Settings) -> ServerLimits:
    return ServerLimits(
        stream=StreamLimits(
            gate_deadline=settings.gate_deadline, pending_bytes=settings.max_pending_bytes
        ),
        streams=settings.max_streams,
        message_bytes=settings.max_message_bytes,
        keepalive=settings.keepalive,
        keepalive_timeout=settings.keepalive_timeout,
        drain=settings.drain,
    )


def _some(keys: object) -> str:
    names = sorted("/".join(key) for key in keys) if isinstance(keys, (dict, frozenset)) else []
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
