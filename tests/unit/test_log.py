"""Log lines: an event and its fields, one line each, whatever the values are."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from xds_server import log
from xds_server.settings import LogFormat, LogLevel


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("xds_server")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:], root.level, ours.level = before


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_a_line_for_people_has_the_event_and_its_fields(stream: io.StringIO) -> None:
    log.configure(LogLevel.INFO, LogFormat.TEXT, stream)
    log.logger("xds_server.ads.stream").info("stream opened", node="web-0.default", streams=3)
    line = stream.getvalue()
    assert line.endswith(" INFO    ads.stream: stream opened  node=web-0.default streams=3\n")


def test_no_value_can_forge_a_line_or_a_field(stream: io.StringIO) -> None:
    log.configure(LogLevel.INFO, LogFormat.TEXT, stream)
    log.logger("xds_server.x").warning("nack", reason="a\nb c=d \x1b[31m", empty="")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith('reason="a\\nb c=d \\u001b[31m" empty=""\n')


def test_a_json_line_has_the_fields_beside_the_event(stream: io.StringIO) -> None:
    log.configure(LogLevel.INFO, LogFormat.JSON, stream)
    log.logger("xds_server.ads").info("stream opened", node="web", level="forged", streams=3)
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "xds_server.ads",
        "event": "stream opened",
        "node": "web",
        "streams": 3,
    }


@pytest.mark.parametrize("style", LogFormat)
def test_a_traceback_as_text_is_written_with_its_line(
    stream: io.StringIO, style: LogFormat
) -> None:
    log.configure(LogLevel.INFO, style, stream)
    trace = "Traceback (most recent call last):\n  File x, line 1\nKeyError: 'gone'\n"
    log.logger("xds_server.x").error("translation failed", traceback=trace)
    if style is LogFormat.JSON:
        assert json.loads(stream.getvalue())["traceback"] == trace.rstrip()
    else:
        assert stream.getvalue().endswith(f"translation failed\n{trace}")


@pytest.mark.parametrize("style", LogFormat)
def test_what_a_library_caught_is_written_with_its_traceback(
    stream: io.StringIO, style: LogFormat
) -> None:
    log.configure(LogLevel.INFO, style, stream)
    try:
        {}["gone"]
    except KeyError:
        logging.getLogger("library").exception("oops")
    assert "KeyError: 'gone'" in stream.getvalue()


def test_less_important_lines_are_not_written(stream: io.StringIO) -> None:
    log.configure(LogLevel.WARNING, LogFormat.TEXT, stream)
    log.logger("xds_server.x").info("quiet")
    logging.getLogger("library").info("quiet")
    assert stream.getvalue() == ""


def test_what_libraries_warn_of_is_written(stream: io.StringIO) -> None:
    log.configure(LogLevel.INFO, LogFormat.TEXT, stream)
    logging.getLogger("library").warning("%s is old", "it")
    assert stream.getvalue().endswith("WARNING library: it is old\n")


def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    log.configure(LogLevel.INFO, LogFormat.TEXT, stream)
    log.logger("xds_server.x").info("seen")
    assert "\x1b[32mINFO" in stream.getvalue()
