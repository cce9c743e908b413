"""One text of configuration into its objects: every document parsed, every problem with its line.

Text flows in, a `Manifest` flows out; nothing of it depends on what was read before. Nothing that a
text says raises: what our own code did not expect becomes a problem at the document that asks for a
report, and a traceback for the log.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from translators.kinds.field_path import Key, split
from translators.kinds.registry import expand, parse
from translators.kinds.yaml.documents import Document, Memo, YamlSyntaxError, documents
from translators.kinds.yaml.lines import Locator
from translators.kinds.yaml.scalars import plain
from translators.model.config_object import ConfigObject
from translators.model.origin import FilePlace, Problem, Severity
from translators.object_key import ObjectKey

MAX_PROBLEMS: Final = 100
"""How many errors of one text are told, and how many problems if fewer are errors."""

MAX_MESSAGE: Final = 1000
"""Characters of a message."""

MAX_FAILURES: Final = 3
"""Tracebacks that are kept of one text."""

_FRAMES = 20
_REASON = 200
_ESCAPES = re.compile(
    r"""
    \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}  # a whole character
    | (?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})
    | \\.
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a text.

    `steps` lead to it inside its document; empty but for an item of a `kind: List`.
    """

    object: ConfigObject[object]
    origin: FilePlace
    steps: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one text says.

    Attributes:
        entries: The accepted objects.
        refused: The keys of documents with errors.
        problems: At most `MAX_PROBLEMS`, errors rather than others; the last ones count the rest.
        is_partial: Some document could not be told apart (or the text is not YAML at all), so an
            object that is missing here may yet be meant.
        failures: The tracebacks of bugs of ours that the text has uncovered.
    """

    entries: dict[ObjectKey, Entry] = field(default_factory=dict)
    refused: frozenset[ObjectKey] = frozenset()
    problems: tuple[Problem, ...] = ()
    is_partial: bool = False
    failures: tuple[str, ...] = ()


def read_manifest(text: str, source: str, memo: Memo | None = None) -> Manifest:
    """Give the objects and problems of a text.

    Args:
        text: YAML with any number of documents, or JSON.
        source: Where the text is from, as problems shall name it; a name in `.json` is read as
            JSON.
        memo: Scalars shared between many reads, see `documents`.
    """
    reading = _Reading(text, source)
    try:
        parts = _documents(text, source, memo)
    except YamlSyntaxError as error:
        message = f"is not valid YAML: {error.message}; nothing of this file is used until it is"
        reading.spoiled(message, error.line)
    except Exception as bug:
        reading.failed(bug, FilePlace(source))
    else:
        for document in parts:
            reading.read(document)
    return reading.manifest()


def read_document(text: str, place: FilePlace) -> object | None:
    """Give the document at a place of a text that was read before; None when there is none."""
    try:
        parts = _documents(text, place.source, None)
    except YamlSyntaxError:
        return None
    return next((part.value for part in parts if part.index == place.document), None)


def _documents(text: str, source: str, memo: Memo | None) -> list[Document]:
    if source.lower().endswith(".json"):
        try:
            value = json.loads(
                text,
                object_pairs_hook=_without_duplicates,
                parse_constant=_no_constant,
                parse_int=plain,
            )
        except (ValueError, RecursionError):
            return documents(text, memo)  # which says where the mistake is
        _refuse_surrogates(text)
        return [Document(value, 1, 1)]
    return documents(text, memo)


def _refuse_surrogates(text: str) -> None:
    """Refuse halves of characters, which JSON can write and nothing can be made of.

    Raises:
        YamlSyntaxError: There is one.
    """
    for escape in _ESCAPES.finditer(text):
        if escape.group("half"):
            line = text.count("\n", 0, escape.start()) + 1
            raise YamlSyntaxError(
                f"{escape.group()} is half of a character; write the whole character", line
            )


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("a key is given twice")
    return built


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


class _Reading:
    """The objects of one text, gathered document by document."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._locator: Locator | None = None
        self._entries: dict[ObjectKey, Entry] = {}
        self._refused: set[ObjectKey] = set()
        self._errors: list[Problem] = []
        self._others: list[Problem] = []
        self._more_errors = 0
        self._more_others = 0
        self._is_partial = False
        self._failures: list[str] = []

    def manifest(self) -> Manifest:
        """Give what was gathered."""
        others = self._others[: MAX_PROBLEMS - len(self._errors)]
        problems = [*self._errors, *others]
        more_others = self._more_others + len(self._others) - len(others)
        for more, severity in (
            (self._more_errors, Severity.ERROR),
            (more_others, Severity.WARNING),
        ):
            if more:
                noun = "error" if severity is Severity.ERROR else "warning"
                message = f"and {more} more {noun}{'' if more == 1 else 's'}"
                origin = FilePlace(self._source)
                problems.append(Problem(severity, message, origin=origin, count=more))
        return Manifest(
            self._entries,
            frozenset(self._refused),
            tuple(problems),
            self._is_partial,
            tuple(self._failures),
        )

    def spoiled(self, message: str, line: int) -> None:
        """Note that the text as a whole cannot be read."""
        self._is_partial = True
        origin = FilePlace(self._source, 1, line or 1)
        self._note(Problem(Severity.ERROR, message, origin=origin, line=line))

    def failed(self, bug: Exception, origin: FilePlace) -> None:
        """Note a bug of ours; what was read of the text before is kept."""
        self._is_partial = True
        if len(self._failures) < MAX_FAILURES:
            self._failures.append("".join(traceback.format_exception(bug, limit=-_FRAMES)))
        reason = f"{type(bug).__name__}: {bug}"[:_REASON]
        message = (
            f"cannot be read because of a bug in Chancery ({reason}); what was read of it before is"
            " kept; please report it with the document and the traceback in the server's log"
        )
        self._note(Problem(Severity.ERROR, message, origin=origin, line=origin.line))

    def read(self, document: Document) -> None:
        """Take in all objects of a document."""
        origin = FilePlace(self._source, document.index, document.line or 1)
        try:
            for steps, value in expand(document.value):
                line = self._line(document.index, steps) if steps else document.line
                origin = FilePlace(self._source, document.index, line)
                self._object(value, origin, steps, document)
        except Exception as bug:
            self.failed(bug, origin)
        if document.faults and document.value is None:
            self._is_partial = True
            self._note(*self._faults(document, None))

    def _object(
        self, value: object, origin: FilePlace, steps: tuple[Key, ...], document: Document
    ) -> None:
        parsed = parse(value)
        for problem in parsed.problems:
            if self._has_room(problem):
                line = self._line(document.index, steps, problem.path)
                self._note(replace(problem, origin=origin, line=line))
        self._note(*self._faults(document, parsed.key))
        key = parsed.key
        if key is None:
            self._is_partial = self._is_partial or not parsed.is_foreign
        elif key in self._entries or key in self._refused:
            self._twice(key, origin)
        elif parsed.object is None or document.faults:
            self._refused.add(key)
        else:
            self._entries[key] = Entry(parsed.object, origin, steps)

    def _note(self, *problems: Problem) -> None:
        for problem in problems:
            if self._has_room(problem):
                message = problem.message
                if len(message) > MAX_MESSAGE:
                    problem = replace(problem, message=f"{message[:MAX_MESSAGE]}…")  # noqa: PLW2901
                self._list_of(problem).append(problem)

    def _has_room(self, problem: Problem) -> bool:
        """Whether there is room for another problem of its severity; counts it when there is none.

        It is asked before a line is looked for, which costs much more.
        """
        if len(self._list_of(problem)) < MAX_PROBLEMS:
            return True
        if problem.severity is Severity.ERROR:
            self._more_errors += 1
        else:
            self._more_others += 1
        return False

    def _list_of(self, problem: Problem) -> list[Problem]:
        return self._errors if problem.severity is Severity.ERROR else self._others

    def _faults(self, document: Document, key: ObjectKey | None) -> Iterator[Problem]:
        for fault in document.faults:
            origin = FilePlace(self._source, document.index, document.line)
            yield Problem(Severity.ERROR, fault.message, "", key, origin, fault.line)

    def _twice(self, key: ObjectKey, origin: FilePlace) -> None:
        first = self._entries.get(key)
        where = f"at {first.origin}" if first else "earlier in this file"
        name = f"{key.kind} {key.namespace}/{key.name}"
        message = f"{name} is defined {where} already, which is used; remove one"
        self._note(Problem(Severity.ERROR, message, "", key, origin, origin.line))

    def _line(self, document: int, steps: tuple[Key, ...], path: str = "") -> int:
        if self._locator is None:
            self._locator = Locator(self._text)
        return self._locator.line(document, (*steps, *split(path)))
