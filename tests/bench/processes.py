"""The processes of a benchmark.

The server that is measured, the bare one beside it, and the simulated sidecars.

What a process costs is read from outside. All of them end with the block that started them, and
with this process.
"""

from __future__ import annotations

import ctypes
import json
import re
import resource
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
SERVE = (
    f"{shlex.quote(sys.executable)} -m xds_server.cli.main serve"
    " --config {config} --port 0 --admin-port 0"
)
"""The command that is measured; `{config}` stands for the directory."""

_SETPRIV = shutil.which("setpriv")
_WITH_PARENT = (_SETPRIV, "--pdeathsig", "KILL", "--") if _SETPRIV else ()
_ADS_PORT = re.compile(r"\bADS on [^ ]*?:(\d+)")
_LIBC = ctypes.CDLL(None)


class BenchError(Exception):
    """The benchmark cannot go on; the message says why."""


def allow_files() -> None:
    """Let this process and its children have as many connections as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Child:
    """A process that is talked to by lines; what it says otherwise goes to a file.

    Attributes:
        log: That file.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.log = log
        self._command = list(command)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*_WITH_PARENT, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                cwd=ROOT,
            )
        clock = ctypes.c_int()
        if _LIBC.clock_getcpuclockid(self._process.pid, ctypes.byref(clock)):
            raise BenchError(f"the CPU time of process {self._process.pid} cannot be read")
        self._clock = clock.value

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def cpu(self) -> float:
        """Seconds of CPU that all its threads have used, user and system, to the nanosecond."""
        return time.clock_gettime(self._clock)

    def memory(self) -> int:
        """Bytes of memory that are resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s*(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def ask(self, line: str) -> str:
        """The line that it answers to a line."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(line + "\n")
            stdin.flush()
        except BrokenPipeError:
            self._complain()
        return self.read()

    def read(self) -> str:
        """The next line that it prints."""
        stdout = self._process.stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            self._complain()
        return line

    def _complain(self) -> None:
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
        raise BenchError(f"{shlex.join(self._command)} ended:\n{tail}")


class Server(Child):
    """The server that is measured, ready to serve.

    Attributes:
        port: Where it serves ADS.
        ready_cpu: Seconds of CPU that it took to become ready.
        ready_wall: Seconds that passed until then.
    """

    def __init__(self, command: str, config: Path, log: Path) -> None:
        """`command` prints a line with `ADS on HOST:PORT` when it is ready.

        `{config}` in it is the directory.
        """
        began = time.monotonic()
        super().__init__(shlex.split(command.format(config=shlex.quote(str(config)))), log)
        self.port = self._await_ready()
        self.ready_wall = time.monotonic() - began
        self.ready_cpu = self.cpu()

    def _await_ready(self) -> int:
        while True:
            found = _ADS_PORT.search(self.read())
            if found is not None:
                return int(found[1])


class BareServer(Child):
    """The server that only sends bytes."""

    def __init__(self, log: Path) -> None:
        super().__init__([sys.executable, "-m", "tests.bench.bare"], log)
        self.port = int(self.read())

    def push(self, message: bytes) -> None:
        """Send all its streams a message."""
        self.ask(f"push {message.hex()}")


@dataclass(frozen=True, slots=True)
class Count:
    """What the sidecars of a group were sent since the mark.

    Attributes:
        messages: Responses.
        size_bytes: Their size.
        last: When the last of them was ACKed, on the scale of `time.monotonic`.
    """

    messages: int
    size_bytes: int
    last: float


class Load(Child):
    """The simulated sidecars, in groups by name."""

    def __init__(self, log: Path) -> None:
        super().__init__([sys.executable, "-m", "tests.bench.load"], log)

    def connect(self, group: str, port: int, count: int) -> None:
        """Add so many sidecars of the server at a port to a group."""
        self._order(f"connect {group} {port} {count}")

    def mark(self, group: str) -> None:
        """Forget what was counted of a group."""
        self._order(f"mark {group}")

    def wait(self, group: str, short: str, count: int, seconds: float = 60) -> None:
        """Wait until so many sidecars have ACKed a response of a type.

        Raises:
            BenchError: They have not by then.
        """
        answer = self._order(f"wait {group} {short} {count} {seconds}")
        have = int(answer["have"][short])
        if have < count:
            raise BenchError(
                f"{count - have} of {count} sidecars ({group}) got no {short} within {seconds:g} s"
            )

    def quiet(self, group: str, seconds: float, limit: float = 60) -> Count:
        """Wait until a group was sent nothing for so long; what it was sent since the mark."""
        answer = self._order(f"quiet {group} {seconds} {limit}")
        return Count(int(answer["messages"]), int(answer["bytes"]), float(answer["last"]))

    def bodies(self, group: str) -> list[bytes]:
        """What the group's first sidecar was sent since the mark, without nonces."""
        found = json.loads(self.ask(f"bodies {group}"))["bodies"]
        return [bytes.fromhex(body) for body in found]

    def _order(self, line: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.ask(line))
        if answer["failures"]:
            raise BenchError(
                f"{answer['failures']} sidecars lost their stream: {answer['failure']}"
            )
        return answer
