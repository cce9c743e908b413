"""The source that reads a directory of YAML and JSON files and follows what is saved there.

A change is noticed within some milliseconds and read at once when it is one file; several files
that are saved together wait for quiet, with a ceiling, and become one batch. Only changed files are
read. Rules for what editors and tools do:

* a file that is replaced, moved away and back, or written in place is one change; nothing is taken
  away before it was missing twice, a moment apart;
* what may be half a save has to last before it is believed, see `losses`;
* a mounted ConfigMap (links that are swapped at once) is looked through as a whole;
* when the whole directory is gone, everything stays as it was until it is back.

Files are read and parsed on another thread, and a large change is published in several batches, so
the event loop never stands still. A few small files that are saved while much is read go ahead of
it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from translators.kinds.yaml.documents import Memo
from translators.model.origin import FilePlace, Problem, Severity
from translators.object_key import ObjectKey
from xds_server import log, memory
from xds_server.metrics import Metrics
from xds_server.sources.batch import Batch
from xds_server.sources.directory import Directory, Limits
from xds_server.sources.losses import Losses
from xds_server.sources.parts import (
    AHEAD_BYTES,
    AHEAD_FILES,
    FLOOD_FILES,
    beside_a_flood,
    parts_of,
    size_of,
)
from xds_server.sources.source import Publish
from xds_server.sources.texts import Content, Draft, Parsed, Text, Texts, shown
from xds_server.sources.watch import Watch

_log = log.logger(__name__)
T = TypeVar("T")

QUIET: Final = 0.02
CEILING: Final = 0.2

SETTLE: Final = 0.05
"""Seconds for which something must stay missing to be taken away.

Editors move files aside while they save.
"""

LOOKS: Final = 20
"""So often it is looked at again while more is found."""

REMOVAL_DELAY: Final = timedelta(seconds=3)
"""For so long a loss that may be half a save has to last."""

BATCH: Final = 200
"""Objects that are published before other tasks get a turn; as many may change at once."""

_FLOOD: Final = 3
"""After so many times of quiet without any, a few files need not wait for the others."""

_SWITCH_SECONDS: Final = 0.001
"""While much is parsed, the loop waits no longer for its turn than this."""

Progress = Callable[[int, int], None]
"""(files read, files in all)."""


class FileSource:
    """Follows one directory and publishes what differs.

    Args:
        directory: the directory; every configuration file below it is read.
        publish: receives each batch, on the event loop (from `load`: on the caller's thread).
        quiet: seconds without another event after which several files count as saved.
        ceiling: seconds after which events that never pause are read anyway.
        removal_delay: for so long a loss that may be half a save has to last.
        limits: what is read of the directory.
        metrics: counts the bugs of ours that files uncover.
        progress: is told how far the first reading is, on another thread.
    """

    def __init__(
        self,
        directory: Path,
        publish: Publish,
        *,
        quiet: float = QUIET,
        ceiling: float = CEILING,
        removal_delay: timedelta = REMOVAL_DELAY,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._directory = Directory(directory, limits)
        self._publish = publish
        self._quiet = quiet
        self._ceiling = ceiling
        self._metrics = metrics or Metrics()
        self._progress = progress
        self._has_synced = False
        self._texts = Texts()
        self._losses = Losses(self._texts, removal_delay.total_seconds())
        self._ahead_memo = Memo()
        self._absolute = os.path.abspath(directory)  # noqa: PTH100 - resolve() would follow links
        self._pending: set[str] = set()
        self._overtaken: set[str] = set()
        self._look_through = False
        self._noticed = asyncio.Event()
        self._watch = Watch(
            self._directory, self._absolute, ceiling, self._notice, self._notice_all
        )

    @property
    def has_synced(self) -> bool:
        """Whether everything that there is has been published once."""
        return self._has_synced

    async def sync(self) -> None:
        """Read everything for the first time and publish it; see `load`."""
        self._loaded(await asyncio.to_thread(_read_all, *self._everything()))

    def load(self) -> Batch:
        """Read everything for the first time, publish it and return it; the batch may be empty.

        Raises:
            ConfigDirectoryError: there is no such directory, or it cannot be read.
        """
        return self._loaded(_read_all(*self._everything()))

    def _everything(self) -> tuple[Directory, Texts, Progress | None]:
        return self._directory, self._texts, self._progress

    def _loaded(self, draft: Draft) -> Batch:
        batch = self._texts.commit(draft, tuple(_troubles(self._directory))) or Batch()
        self._report(draft)
        self._has_synced = True
        self._publish(batch)
        return batch

    async def run(self) -> None:
        """Follows the directory until cancelled. Changes since `load` are noticed at once.

        When the system refuses to watch the directory, all is looked through every second.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch.run())
            tasks.create_task(self._follow())

    def locate(self, key: ObjectKey, path: str = "") -> FilePlace | None:
        """The place of an object's field, or of what is nearest around it.

        None for an unknown object.
        """
        return self._texts.locate(key, path)

    def find_values(self, key: ObjectKey) -> Iterator[tuple[str, str]]:
        """(field path, text as written) of every scalar of an object."""
        return self._texts.find_values(key)

    def _notice(self, path: str) -> None:
        """Note an event.

        What it is about decides between reading one file and looking through all.
        """
        below = os.path.relpath(path, self._absolute)
        named = os.path.join(self._directory.root, below)  # noqa: PTH118 - the text is the file's name
        if self._directory.counts(named):
            self._pending.add(named)
            self._noticed.set()
        elif below == "." or self._is_directory(named):
            self._notice_all()

    def _is_directory(self, path: str) -> bool:
        """Whether a path is, or was, a directory with configuration, or a ConfigMap's link."""
        if self._directory.is_hidden(path):
            return os.path.basename(path).startswith("..")  # noqa: PTH119 - a ConfigMap below the root
        return Path(path).is_dir() or self._directory.knows(path)

    def _notice_all(self) -> None:
        self._look_through = True
        self._noticed.set()

    async def _follow(self) -> None:
        """Read what was noticed, and publish it."""
        while True:
            await self._gather()
            self._overtaken.clear()
            paths, self._pending = self._pending, set()
            look_through, self._look_through = self._look_through, False
            self._noticed.clear()
            reading = asyncio.to_thread(self._read, paths, look_through=look_through)
            await self._take_in(await self._meanwhile(reading, paths))
            if self._pending or self._look_through:
                self._noticed.set()

    async def _take_in(self, contents: Mapping[str, Content]) -> None:
        """Parse and publish what was read; what takes something away after a look at it again."""
        parts = await asyncio.to_thread(parts_of, contents)
        losing: dict[str, Text | None] = {}
        busy = set(contents)
        with _gentle(sum(map(size_of, contents.values())) > AHEAD_BYTES):
            for part in parts:
                parsed = await self._parsed(part, busy)
                if len(parts) == 1:
                    losing = dict(parsed)  # what was saved together is taken in together
                    break
                draft = self._texts.propose(parsed)
                losing |= {s: t for s, t in parsed.items() if self._texts.loses(draft, s)}
                busy.difference_update(part)
                busy.update(losing)
                calm = {s: t for s, t in parsed.items() if s not in losing}
                taken = self._commit(part.keys() - losing.keys(), self._texts.propose(calm))
                await self._meanwhile(taken, busy)
            read: Collection[str] = contents if len(parts) == 1 else losing
            draft = self._texts.propose(losing)
            if draft.lost:
                draft, read = await self._look_again(read)
            await self._meanwhile(self._commit(read, draft), read)

    async def _look_again(self, read: Collection[str]) -> tuple[Draft, Collection[str]]:
        """Look again at what takes something away, until two looks find the same files.

        A file that is being renamed may be under a name of which no event has told yet, so all
        files are looked through. What was found is returned, too.
        """
        for _ in range(LOOKS):
            await self._meanwhile(asyncio.sleep(SETTLE), read)
            looking = asyncio.to_thread(self._read_and_look, set(read))
            found = await self._meanwhile(looking, read)
            draft = self._texts.propose(await self._parsed(found, read))
            is_still = found.keys() <= set(read)
            read = {*read, *found}
            if is_still or not draft.lost:
                break
        return draft, read

    async def _parsed(self, contents: Mapping[str, Content], busy: Collection[str]) -> Parsed:
        """Parse texts, but for those of which newer ones went ahead."""
        parsing = asyncio.to_thread(self._texts.parse, contents)
        parsed = await self._meanwhile(parsing, busy)
        return {source: text for source, text in parsed.items() if source not in self._overtaken}

    async def _gather(self) -> None:
        """Wait for an event; when it is not about one file alone, also until no more follow.

        What is not believed yet is read again when it is due.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(self._losses.due):
                await self._noticed.wait()
        except TimeoutError:
            self._pending |= self._losses.sources
            return
        ceiling = loop.time() + self._ceiling
        flooded = loop.time() + _FLOOD * self._quiet
        while self._look_through or len(self._pending) > 1:
            self._noticed.clear()
            is_flood = self._look_through or len(self._pending) > FLOOD_FILES
            if is_flood and loop.time() > flooded:
                await self._go_ahead(())
            try:
                async with asyncio.timeout_at(min(loop.time() + self._quiet, ceiling)):
                    await self._noticed.wait()
            except TimeoutError:
                return

    async def _meanwhile(self, work: Coroutine[object, object, T], busy: Collection[str]) -> T:
        """Wait for work.

        A few small files that are saved meanwhile, and are not among the busy ones, go ahead of it.
        """
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work)
            while not task.done():
                noticed = tasks.create_task(self._noticed.wait())
                await asyncio.wait((task, noticed), return_when=asyncio.FIRST_COMPLETED)
                if noticed.done():
                    self._noticed.clear()
                    await self._go_ahead(busy)
                else:
                    noticed.cancel()
        return task.result()

    async def _go_ahead(self, busy: Collection[str]) -> None:
        """Take in what is pending, if it is little and takes nothing away."""
        paths = self._pending.difference(busy)
        if len(paths) > AHEAD_FILES:
            paths = beside_a_flood(paths)
        if not 0 < len(paths) <= AHEAD_FILES:
            return
        self._pending -= paths
        parsed = await asyncio.to_thread(self._parse_little, paths)
        draft = self._texts.propose(parsed or {})
        if parsed is None or draft.lost:
            self._pending |= paths  # its turn comes
            return
        self._overtaken |= paths
        await self._commit(paths, draft)

    def _parse_little(self, paths: set[str]) -> Parsed | None:
        """Read and parse a few files; None when they are large."""
        if sum(map(self._directory.size, paths)) > AHEAD_BYTES:
            return None
        contents = self._read(paths, look_through=False)
        if not contents.keys() <= paths:
            return None
        return self._texts.parse(contents, self._ahead_memo)

    def _read(self, paths: set[str], *, look_through: bool) -> Mapping[str, Content]:
        if self._directory.identity() is None:
            return {}
        return self._directory.read_changes(paths, look_through=look_through)

    def _read_and_look(self, paths: set[str]) -> Mapping[str, Content]:
        """Read files, and all others that look different from when they were last read."""
        found = self._read(paths, look_through=False)
        return {**found, **self._read(set(), look_through=True)}

    async def _commit(self, read: Collection[str], draft: Draft) -> None:
        """Publish what is believed of a draft; other tasks get their turn between its batches."""
        draft = self._losses.review(draft, read, asyncio.get_running_loop().time())
        extra = (*_troubles(self._directory), *self._losses.problems())
        self._report(draft)
        for batch in self._texts.steps(draft, extra, BATCH):
            self._publish(batch)
            await asyncio.sleep(0)

    def _report(self, draft: Draft) -> None:
        """Log and count the bugs of ours that texts have uncovered."""
        for source, text in draft.texts.items():
            for failure in text.failures if text is not None else ():
                self._metrics.reading_failures += 1
                _log.error("reading failed", file=shown(source), traceback=failure)


@contextlib.contextmanager
def _gentle(is_much: bool) -> Iterator[None]:
    """Let the loop have its turn soon while much is parsed on another thread.

    A collection of garbage holds all threads up, and what parsing makes is in no cycles.
    """
    if not is_much:
        yield
        return
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with memory.bulk():
            yield
    finally:
        sys.setswitchinterval(before)


def _read_all(directory: Directory, texts: Texts, progress: Progress | None) -> Draft:
    directory.check()
    paths = directory.files()
    parsed: dict[str, Text | None] = {}
    for done, path in enumerate(paths, start=1):
        parsed |= texts.parse({path: directory.read(path)})
        if progress is not None:
            progress(done, len(paths))
    return texts.propose(parsed)


def _troubles(directory: Directory) -> Iterator[Problem]:
    """What is wrong with the directory as a whole."""
    if directory.identity() is None:
        message = "the configuration directory is gone; all that was read from it is kept until it is back"
        yield Problem(Severity.ERROR, message, origin=FilePlace(shown(os.fspath(directory.root))))
    for path, reason in directory.troubles.items():
        yield Problem(Severity.ERROR, reason, origin=FilePlace(shown(path)))


def read_directory(directory: Path, limits: Limits | None = None) -> Batch:
    """Everything that a directory says, read once: for commands without a server.

    Raises:
        ConfigDirectoryError: there is no such directory, or it cannot be read.
    """
    files, texts = Directory(directory, limits), Texts()
    draft = _read_all(files, texts, None)
    return texts.commit(draft, tuple(_troubles(files))) or Batch()
