"""A process of a test: started, signalled, ended, with everything it printed kept in a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

# Has the kernel kill the process when the test run dies, however it dies.
_SETPRIV = shutil.which("setpriv")
_WITH_PARENT = (_SETPRIV, "--pdeathsig", "KILL", "--") if _SETPRIV else ()


class ManagedProcess:
    """One child process, restartable, whose output (stdout and stderr) goes to `log_path`."""

    def __init__(
        self,
        command: Sequence[str],
        log_path: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        uid: int | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        """`prefix` goes before the command (`ip netns exec NAME`).

        `uid` is the user it runs as, the own one when None.
        """
        self.command = [*prefix, *command]
        self.log_path = log_path
        self._env = {**os.environ, **env} if env is not None else None
        self._cwd = cwd
        self._uid = uid
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The id of the process itself: what goes before its command replaces itself by it."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def returncode(self) -> int | None:
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        assert not self.is_running, f"already running: {self.command[0]}"
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_WITH_PARENT,
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                cwd=self._cwd,
                user=self._uid,
            )

    def signal(self, number: int) -> None:
        """Send a signal; nothing when the process is gone already."""
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stop the process where it is (SIGSTOP); its sockets stay open and answer nothing."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    async def wait(self, timeout: float = 10.0) -> int:
        assert self._process is not None, "not started"
        async with asyncio.timeout(timeout):
            return await self._process.wait()

    async def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        if self.is_running:
            self.signal(signal.SIGKILL)
            await self.wait()

    async def stop(self, grace: float = 5.0) -> None:
        """End it with SIGTERM, and with SIGKILL after the grace (seconds)."""
        if not self.is_running:
            return
        self.thaw()
        self.signal(signal.SIGTERM)
        try:
            await self.wait(grace)
        except TimeoutError:
            await self.kill()

    def log(self) -> str:
        """All that it printed, over all its starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def explain(self, error: BaseException | None, lines: int = 30) -> None:
        """Add the last lines of its output to what a test failed with; nothing to add to None."""
        if error is not None and not isinstance(error, asyncio.CancelledError):
            error.add_note(self.tail(lines))

    def tail(self, lines: int = 30) -> str:
        """The last lines of its output under a heading, for failure messages."""
        return "\n".join(
            [f"--- {self.log_path} (last {lines} lines)", *self.log().splitlines()[-lines:]]
        )
