"""The control plane as its users run it.

`chancery serve` in a process of its own, asked through its admin API.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.support.processes.managed_process import ManagedProcess
from tests.support.processes.ports import free_port
from tests.support.processes.waiting import eventually
from xds_server.admin.client import AdminClient
from xds_server.bootstrap import SocketAddress
from xds_server.status import MeshStatus, WaitResult


class ControlPlane:
    """One `chancery serve --config DIR`.

    `async with` starts it, waits until it is ready, and ends it.

    Its ports stay the same when it is restarted. `address` is where ADS is served.
    """

    def __init__(
        self,
        config: Path,
        workdir: Path,
        *,
        args: Sequence[str] = (),
        module: str = "xds_server.cli.main",
    ) -> None:
        """`args` are further options of the command, `module` is what has it."""
        self.config = config
        self.port = free_port()
        self.admin_port = free_port()
        self.address = SocketAddress("127.0.0.1", self.port)
        workdir.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", module, "serve", "--config", str(config)]
        command += ["--port", str(self.port), "--admin-port", str(self.admin_port), *args]
        self.process = ManagedProcess(
            command, workdir / "chancery.log", cwd=Path(__file__).parents[3]
        )
        self._client = AdminClient("127.0.0.1", self.admin_port)

    async def __aenter__(self) -> Self:
        await self.start()
        await self.ready()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.process.stop()
        self.process.explain(error, 60)

    async def start(self) -> None:
        await self.process.start()

    async def ready(self, timeout: float = 30.0) -> Self:
        """Wait until the configuration was read and is served."""

        async def probe() -> bool:
            if not self.process.is_running:
                raise pytest.fail.Exception(
                    f"chancery serve ended by itself\n{self.process.tail(60)}"
                )
            return bool((await self.status()).revision)

        await eventually(
            probe, "chancery serve is ready", timeout=timeout, explain=self.process.tail
        )
        return self

    def memory_mib(self) -> float:
        """What it has resident, in MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / (1 << 20)

    async def kill(self) -> None:
        """End it with SIGKILL."""
        await self.process.kill()

    async def stop(self) -> None:
        """End it with SIGTERM, which gives it time to say good-bye."""
        await self.process.stop()

    async def restart(self) -> None:
        """Kills it when it runs, and starts it again on the same ports."""
        await self.process.kill()
        await self.start()
        await self.ready()

    async def status(self) -> MeshStatus:
        return await asyncio.to_thread(self._client.status)

    async def wait(self, revision: int | None = None, timeout: float = 15.0) -> WaitResult:
        """The answer of `/wait`.

        Whether every proxy has the revision (None: the newest that it knows).
        """
        return await asyncio.to_thread(self._client.wait, revision, timeout)

    async def wait_latest(self, timeout: float = 15.0) -> WaitResult:
        """Wait until every proxy has the newest revision.

        Raises:
            AssertionError: when some have not by then; the message says which and why.
        """
        result = await self.wait(None, timeout)
        assert result.everywhere, (
            f"revision {result.revision} is not everywhere: {result.lacking}\n{self.process.tail()}"
        )
        return result

    async def connected(self, *node_ids: str, timeout: float = 15.0) -> None:
        """Wait until all of these proxies are connected."""

        async def probe() -> bool:
            found = {proxy.id for proxy in (await self.status()).proxies}
            return found >= set(node_ids)

        await eventually(
            probe, f"{node_ids} are connected", timeout=timeout, explain=self.process.tail
        )

    async def revision_after(self, revision: int, timeout: float = 10.0) -> int:
        """The newest revision, once it is beyond the one given."""

        async def probe() -> int:
            newest = (await self.status()).revision
            return newest if newest > revision else 0

        return await eventually(
            probe, f"a revision after {revision}", timeout=timeout, explain=self.process.tail
        )

    async def save(self, files: dict[str, str | None], *, timeout: float = 15.0) -> WaitResult:
        """Save files below the directory (None removes one), and wait until that is everywhere.

        Each file is replaced at once, as careful editors do.
        """
        before = (await self.status()).revision
        for name, text in files.items():
            write(self.config / name, text)
        revision = await self.revision_after(before, timeout)
        result = await self.wait(revision, timeout)
        assert result.everywhere, (
            f"revision {revision} is not everywhere: {result.lacking}\n{self.process.tail()}"
        )
        return result


def write(path: Path, text: str | None) -> None:
    """Replace a file at once; None removes it."""
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(fd, "w") as file:
        file.write(text)
    Path(name).replace(path)
