"""Who saves a file reads beside the server what became of it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from tests.support.documents.kind_documents import workload_entry as entry
from xds_server import log
from xds_server.settings import LogFormat, LogLevel
from xds_server.sources.problem_log import MAX_LINES, ProblemLog
from xds_server.sources.texts import Texts

WRONG = entry("a").replace("address", "adress")


class Terminal:
    """A server's log as a person reads it, and texts that are saved."""

    def __init__(self, style: LogFormat) -> None:
        self._stream = io.StringIO()
        log.configure(LogLevel.INFO, style, self._stream)
        self._texts = Texts()
        self._log = ProblemLog()

    def save(self, **contents: str) -> list[str]:
        """The lines that are written because of this."""
        self._stream.seek(0)
        self._stream.truncate()
        named = {f"{name}.yaml": content for name, content in contents.items()}
        batch = self._texts.commit(self._texts.draft(named))
        if batch is not None:
            self._log.tell(batch.problems)
        return self._stream.getvalue().splitlines()


@pytest.fixture(autouse=True)
def _log_is_put_back() -> Iterator[None]:
    handlers = logging.getLogger().handlers[:]
    level = logging.getLogger().level
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def test_a_refused_document_is_one_line_with_file_line_field_and_message() -> None:
    lines = Terminal(LogFormat.TEXT).save(a=entry("a") + "  colour: red\n")
    (line,) = lines
    assert "document refused" in line
    assert "place=a.yaml:7" in line
    assert 'object="WorkloadEntry default/a"' in line
    assert "field=spec.colour" in line
    assert 'problem="unknown field"' in line


def test_for_machines_it_is_an_object_with_the_same_fields() -> None:
    (line,) = Terminal(LogFormat.JSON).save(a=entry("a") + "  colour: red\n")
    said = json.loads(line)
    assert said["event"] == "document refused"
    assert (said["place"], said["field"]) == ("a.yaml:7", "spec.colour")


def test_only_what_is_new_is_told_and_what_is_mended() -> None:
    terminal = Terminal(LogFormat.TEXT)
    assert terminal.save(a=WRONG)
    assert terminal.save(a="# moved by a line\n" + WRONG) == []
    (line,) = terminal.save(a=WRONG, b=entry("b") + "  colour: red\n")
    assert "place=b.yaml:7" in line
    (line,) = terminal.save(a=entry("a"))
    assert "problems mended" in line
    assert "file=a.yaml" in line
    assert "left=0" in line
    assert terminal.save(a=entry("a", "10.0.0.2")) == []


def test_a_warning_is_no_refusal() -> None:
    (line,) = Terminal(LogFormat.TEXT).save(a="apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n")
    assert "document has a problem" in line
    assert 'severity="not supported yet"' in line


def test_the_lines_of_one_save_are_bounded() -> None:
    terminal = Terminal(LogFormat.TEXT)
    many = {f"f{i}": entry(f"e{i}") + "  colour: red\n" for i in range(50)}
    lines = terminal.save(**many)
    assert len(lines) == MAX_LINES + 1
    assert "more=30" in lines[-1]
    assert len(terminal.save(**dict.fromkeys(many, ""))) == MAX_LINES + 1
