"""Structured log lines: an event and its fields, written for people or as JSON.

A module has `_log = log.logger(__name__)` and says `_log.info("stream opened", node=node,
wire=wire)`. One line is written for each change of state and none for each message above debug.
Values are written with `str`, so a value that must not be seen says so itself.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TextIO

from xds_server.settings import LogFormat, LogLevel

_ROOT = "xds_server"
_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}
_PLAIN = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;/|_-+*@%#()[]<>~"
)


class Log:
    """Writes the events of one module."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, /, **fields: object) -> None:
        """Write what only somebody who looks for a fault wants."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """Write a change of state."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Write what somebody should look at some day."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, /, *, traceback: str = "", **fields: object) -> None:
        """Write what somebody should look at now.

        `traceback` is one as text, written below the line.
        """
        self._write(logging.ERROR, event, fields, traceback)

    def _write(
        self, level: int, event: str, fields: Mapping[str, object], traceback: str = ""
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, extra={"fields": fields, "traceback": traceback})


def logger(name: str) -> Log:
    """The log of a module, named by its `__name__`."""
    return Log(logging.getLogger(name))


def configure(level: LogLevel, style: LogFormat, stream: TextIO | None = None) -> None:
    """Have all lines written to `stream` (None: standard error), in place of what was before.

    Lines of libraries are written from warning upwards.
    """
    target = stream if stream is not None else sys.stderr
    handler = logging.StreamHandler(target)
    if style is LogFormat.JSON:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(TextFormatter(colour=target.isatty() and "NO_COLOR" not in os.environ))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_ROOT).setLevel(level.upper())


class TextFormatter(logging.Formatter):
    """`12:01:02.345 INFO    ads.stream: stream opened  node=web-0.default wire=delta`."""

    def __init__(self, *, colour: bool = False) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; a traceback follows on lines of its own."""
        moment = datetime.fromtimestamp(record.created, tz=UTC).astimezone()
        level = f"{record.levelname:<7}"
        if self._colour:
            level = f"\x1b[{_COLOURS.get(record.levelname, '0')}m{level}\x1b[0m"
        place = record.name.removeprefix(f"{_ROOT}.")
        line = f"{moment:%H:%M:%S}.{int(record.msecs):03} {level} {place}: {_one_line(record.getMessage())}"
        fields = " ".join(f"{key}={_quoted(str(value))}" for key, value in _fields(record).items())
        trace = "".join(f"\n{text}" for text in _tracebacks(self, record))
        return f"{line}  {fields}{trace}" if fields else f"{line}{trace}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line.

    Time (RFC 3339, UTC), level, logger, event, the fields, and traceback when there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        moment = datetime.fromtimestamp(record.created, tz=UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        for key, value in _fields(record).items():
            line.setdefault(key, value)
        for text in _tracebacks(self, record):
            line["traceback"] = text
        return json.dumps(line, default=str)


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, Mapping) else {}


def _tracebacks(formatter: logging.Formatter, record: logging.LogRecord) -> Iterator[str]:
    """What was raised, as text.

    Our own records carry it as such, those of libraries as an exception.
    """
    own = getattr(record, "traceback", "")
    if own:
        yield str(own).rstrip("\n")
    elif record.exc_info:
        yield formatter.formatException(record.exc_info)


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r")


def _quoted(text: str) -> str:
    """The text, in quotes when it is empty or could not be told from what follows.

    So no value can forge a line.
    """
    return text if text and _PLAIN.issuperset(text) else json.dumps(text, ensure_ascii=False)
