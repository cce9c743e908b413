"""The source that reads a directory of YAML and JSON files and follows what is saved there.

A change is noticed within some milliseconds and read at once when it is one file; several files
that are saved together wait for quiet, with a ceiling, and become one batch. Only changed files are
read. Rules for what editors and tools do:

* a file that is replaced, moved away and back, or written in place is one change; nothing is taken
  away before it was missing twice, a moment apart;
* a mounted ConfigMap (links that are swapped at once) is looked through as a whole;
* when the whole directory is gone, everything stays as it was until it is back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from watchfiles import Change, awatch

from translators.model.origin import FilePlace, Problem, Severity
from translators.object_key import ObjectKey
from xds_server.sources.batch import Batch
from xds_server.sources.directory import ConfigDirectoryError, Directory
from xds_server.sources.source import Publish
from xds_server.sources.texts import Content, Draft, Texts

STEP_MS: Final = 10
"""How often the watcher looks for events, and how long a save must be over.

One change is noticed after 10 to 20 ms; each look costs the processor some 40 µs.
"""

QUIET: Final = 0.02
CEILING: Final = 0.2

SETTLE: Final = 0.05
"""Seconds for which something must stay missing to be taken away.

Editors move files aside while they save.
"""

LOOK_AGAIN: Final = 1.0
"""Seconds between two looks at whether the directory itself was replaced."""

RESCAN: Final = 30.0
"""Seconds between two looks through all files.

Events may be lost, and network file systems never send any.
"""

_SLICE: Final = 64 << 10
"""Characters parsed before other tasks get a turn."""

Progress = Callable[[int, int], None]
"""(files read, files in all)."""


class FileSource:
    """Follows one directory and publishes what differs.

    Args:
        directory: the directory; every configuration file below it is read.
        publish: receives each batch, on the event loop (from `load`: on the caller's thread).
        quiet: seconds without another event after which several files count as saved.
        ceiling: seconds after which events that never pause are read anyway.
        progress: is told how far the first reading is.
    """

    def __init__(
        self,
        directory: Path,
        publish: Publish,
        *,
        quiet: float = QUIET,
        ceiling: float = CEILING,
        progress: Progress | None = None,
    ) -> None:
        self._directory = Directory(directory)
        self._publish = publish
        self._quiet = quiet
        self._ceiling = ceiling
        self._progress = progress
        self._has_synced = False
        self._texts = Texts()
        self._absolute = os.path.abspath(directory)  # noqa: PTH100 - resolve() would follow links
        self._pending: set[str] = set()
        self._look_through = False
        self._noticed = asyncio.Event()

    @property
    def has_synced(self) -> bool:
        """Whether everything that there is has been published once."""
        return self._has_synced

    async def sync(self) -> None:
        """Read everything for the first time and publish it; see `load`."""
        self.load()

    def load(self) -> Batch:
        """Read everything for the first time, publish it and return it; the batch may be empty.

        Raises:
            ConfigDirectoryError: there is no such directory, or it cannot be read.
        """
        batch = _read_all(self._directory, self._texts, self._progress)
        self._has_synced = True
        self._publish(batch)
        return batch

    async def run(self) -> None:
        """Follows the directory until cancelled. Changes since `load` are noticed at once.

        Raises:
            ExceptionGroup: with a ConfigDirectoryError, when the system refuses to watch the
            directory.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._follow())

    def locate(self, key: ObjectKey, path: str = "") -> FilePlace | None:
        """The place of an object's field, or of what is nearest around it.

        None for an unknown object.
        """
        return self._texts.locate(key, path)

    def find_values(self, key: ObjectKey) -> Iterator[tuple[str, str]]:
        """(field path, text as written) of every scalar of an object."""
        return self._texts.find_values(key)

    async def _watch(self) -> None:
        """Note what the system says has changed; begins anew when the directory is replaced."""
        while True:
            watched = self._directory.identity()
            if watched is None:
                await asyncio.sleep(LOOK_AGAIN)
                continue
            # The watch is set up before this task waits for the first time, so what was changed
            # until then is found by looking through the files, and what is changed later by an
            # event.
            self._notice_all()
            try:
                await self._events(watched)
            except OSError as error:
                if self._directory.identity() == watched:
                    raise ConfigDirectoryError(
                        f"{self._directory.root} cannot be watched: {error}; raise fs.inotify.max_user_watches "
                        "and max_user_instances, or set WATCHFILES_FORCE_POLLING=true"
                    ) from error
            self._notice_all()

    async def _events(self, watched: tuple[int, int]) -> None:
        """Note events until the directory is not the watched one any more."""
        loop = asyncio.get_running_loop()
        looked = loop.time()
        events = _changes(self._absolute, self._ceiling)
        try:
            async for changes in events:
                for _, path in changes:
                    self._notice(path)
                if self._directory.identity() != watched:
                    return
                if loop.time() - looked >= RESCAN:
                    looked = loop.time()
                    self._notice_all()
        finally:
            await events.aclose()

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
        inside = os.path.join(path, "")  # noqa: PTH118 - with a separator at the end
        return Path(path).is_dir() or any(s.startswith(inside) for s in self._texts.sources())

    def _notice_all(self) -> None:
        self._look_through = True
        self._noticed.set()

    async def _follow(self) -> None:
        """Read what was noticed, and publish it."""
        while True:
            await self._gather()
            draft = await self._draft()
            if draft.lost:
                await asyncio.sleep(SETTLE)
                self._pending.update(draft.texts)
                draft = await self._draft()
            self._commit(draft)

    async def _gather(self) -> None:
        """Wait for an event; when it is not about one file alone, also until no more follow."""
        await self._noticed.wait()
        loop = asyncio.get_running_loop()
        ceiling = loop.time() + self._ceiling
        while self._look_through or len(self._pending) > 1:
            self._noticed.clear()
            try:
                async with asyncio.timeout_at(min(loop.time() + self._quiet, ceiling)):
                    await self._noticed.wait()
            except TimeoutError:
                return

    async def _draft(self) -> Draft:
        """Read and parse what is pending.

        Other tasks get their turn between the files of a large change.
        """
        paths, self._pending = self._pending, set()
        look_through, self._look_through = self._look_through, False
        self._noticed.clear()
        contents = await asyncio.to_thread(self._read, paths, look_through=look_through)
        drafts: list[Draft] = []
        size = 0
        for path in sorted(contents):
            content = contents[path]
            drafts.append(self._texts.draft({path: content}))
            size += len(content) if isinstance(content, str) else 0
            if size > _SLICE:
                size = 0
                await asyncio.sleep(0)
        return drafts[0] if len(drafts) == 1 else self._texts.join(drafts)

    def _read(self, paths: set[str], *, look_through: bool) -> Mapping[str, Content]:
        if self._directory.identity() is None:
            return {}
        if look_through:
            paths = paths | self._directory.changed()
        return {path: self._directory.read(path) for path in paths}

    def _commit(self, draft: Draft) -> None:
        extra: tuple[Problem, ...] = ()
        if self._directory.identity() is None:
            message = "the configuration directory is gone; all that was read from it is kept until it is back"
            origin = FilePlace(os.fspath(self._directory.root))
            extra = (Problem(Severity.ERROR, message, origin=origin),)
        batch = self._texts.commit(draft, extra)
        if batch is not None:
            self._publish(batch)


def _changes(directory: str, ceiling: float) -> AsyncGenerator[set[tuple[Change, str]], None]:
    """The system's events, in sets; an empty one every `LOOK_AGAIN` seconds without."""
    return awatch(
        directory,
        watch_filter=None,
        step=STEP_MS,
        debounce=int(ceiling * 1000),
        rust_timeout=int(LOOK_AGAIN * 1000),
        yield_on_timeout=True,
        recursive=True,
    )


def _read_all(directory: Directory, texts: Texts, progress: Progress | None) -> Batch:
    directory.check()
    paths = sorted(directory.files())
    drafts: list[Draft] = []
    for done, path in enumerate(paths, start=1):
        drafts.append(texts.draft({path: directory.read(path)}))
        if progress is not None:
            progress(done, len(paths))
    return texts.commit(texts.join(drafts)) or Batch()


def read_directory(directory: Path) -> Batch:
    """Everything that a directory says, read once: for commands without a server.

    Raises:
        ConfigDirectoryError: there is no such directory, or it cannot be read.
    """
    return _read_all(Directory(directory), Texts(), None)
