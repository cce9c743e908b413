"""What the system says has changed in a directory.

Paths flow out, as the system names them. When the system refuses to watch, or stumbles over what
lies in the directory, all is looked through again and again instead; no event ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from watchfiles import Change, awatch

from xds_server import log
from xds_server.sources.directory import Directory, Identity

_log = log.logger(__name__)

STEP_MS: Final = 10
"""How often the watcher looks for events, and how long a save must be over.

One change is noticed after 10 to 20 ms; each look costs the processor some 40 µs.
"""

LOOK_AGAIN: Final = 1.0
"""Seconds between two looks at whether the directory itself was replaced."""

RESCAN: Final = 30.0
"""Seconds between two looks through all files.

Events may be lost, and network file systems never send any.
"""

PAUSE: Final = 0.02
"""Seconds before watching begins again after an event that cannot be told."""

_EVENTS: Final = 200
"""Events noted before other tasks get a turn."""

_REASONS: Final = 16
"""So many reasons for not watching are logged."""


class Watch:
    """Watches one directory.

    Args:
        directory: What is watched.
        absolute: Its path, as the events name it.
        ceiling: Seconds after which events that never pause are told anyway.
        notice: Is told of each path.
        notice_all: Is told that anything may have changed.
    """

    def __init__(
        self,
        directory: Directory,
        absolute: str,
        ceiling: float,
        notice: Callable[[str], None],
        notice_all: Callable[[], None],
    ) -> None:
        self._directory = directory
        self._absolute = absolute
        self._ceiling = ceiling
        self._notice = notice
        self._notice_all = notice_all
        self._told: set[str] = set()

    async def run(self) -> None:
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
                await self._refused(str(error))
            except ExceptionGroup as group:
                mendable, rest = group.split((OSError, RuntimeError))
                if mendable is None or rest is not None:
                    raise
                await self._refused(str(mendable.exceptions[0]))
            self._notice_all()

    async def _refused(self, reason: str) -> None:
        """Do without the system's events for a moment."""
        if self._directory.identity() is None:
            return
        if reason not in self._told and len(self._told) < _REASONS:
            self._told.add(reason)
            _log.warning(
                "directory looked through, not watched",
                directory=self._directory.root,
                reason=reason,
                advice="raise fs.inotify.max_user_watches and max_user_instances if it is a limit",
            )
        # It cannot name a file that is not UTF-8, which anybody may touch again and again.
        await asyncio.sleep(PAUSE if "decode" in reason else LOOK_AGAIN)

    async def _events(self, watched: Identity) -> None:
        """Note events until the directory is not the watched one any more."""
        loop = asyncio.get_running_loop()
        looked = loop.time()
        events = _changes(self._absolute, self._ceiling)
        try:
            async for changes in events:
                for number, (_, path) in enumerate(changes, start=1):
                    self._notice(path)
                    if number % _EVENTS == 0:
                        await asyncio.sleep(0)
                if self._directory.identity() != watched:
                    return
                if loop.time() - looked >= RESCAN:
                    looked = loop.time()
                    self._notice_all()
        finally:
            await events.aclose()


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
