"""The demo's processes: none outlives it."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from xds_server.demo.errors import DemoError

_GRACE_SECONDS = 3.0
# The kernel ends a child when the demo itself was killed and could not. A session of its own keeps
# Ctrl-C from the child, so that the demo ends its processes in order.
_WITH_PARENT = ("--pdeathsig", "KILL", "--")


@dataclass(frozen=True, slots=True)
class _Child:
    name: str
    log: Path
    process: asyncio.subprocess.Process

    def send(self, number: signal.Signals) -> None:
        if self.process.returncode is None:
            try:
                self.process.send_signal(number)
            except ProcessLookupError:
                return


class Children:
    """Starts processes whose output goes to files; leaving the block ends them all."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[_Child] = []
        setpriv = shutil.which("setpriv")
        self._prefix = (setpriv, *_WITH_PARENT) if setpriv else ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children:
            child.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._all_ended()
        except TimeoutError:
            for child in self._children:
                child.send(signal.SIGKILL)
            await self._all_ended()

    async def start(self, name: str, command: Sequence[str]) -> None:
        """Start a process."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *self._prefix,
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._children.append(_Child(name, log, process))

    async def watch(self) -> None:
        """Run until cancelled.

        Raises:
            DemoError: A process ended by itself; the text has the end of its output.
        """
        while True:
            self.check()
            await asyncio.sleep(0.2)

    def check(self) -> None:
        """Do nothing while all processes run.

        Raises:
            DemoError: A process ended by itself; the text has the end of its output.
        """
        for child in self._children:
            if child.process.returncode is not None:
                raise DemoError(
                    f"{child.name} ended by itself with code {child.process.returncode}; the end of what it printed:\n"
                    + self.tail(child.name)
                )

    def tail(self, name: str, lines: int = 12) -> str:
        """The last lines that a process printed."""
        log = self._logs / f"{name}.log"
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (nothing)"

    async def _all_ended(self) -> None:
        for child in self._children:
            await child.process.wait()
