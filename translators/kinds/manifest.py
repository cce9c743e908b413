"""One text of configuration into its objects: every document parsed, every problem with its line.

Text flows in, a `Manifest` flows out; nothing of it depends on what was read before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from translators.kinds.field_path import Key, split
from translators.kinds.registry import expand, parse
from translators.kinds.yaml.documents import Document, Memo, YamlSyntaxError, documents
from translators.kinds.yaml.lines import Locator
from translators.model.config_object import ConfigObject
from translators.model.origin import FilePlace, Problem, Severity
from translators.object_key import ObjectKey


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

    `entries` are the accepted objects; `refused` the keys of documents with errors. `is_partial`:
    some document could not be told apart (or the text is not YAML at all), so an object that is
    missing here may yet be meant.
    """

    entries: dict[ObjectKey, Entry] = field(default_factory=dict)
    refused: frozenset[ObjectKey] = frozenset()
    problems: tuple[Problem, ...] = ()
    is_partial: bool = False


def read_manifest(text: str, source: str, memo: Memo | None = None) -> Manifest:
    """Give the objects and problems of a text.

    Args:
        text: YAML with any number of documents, or JSON.
        source: Where the text is from, as problems shall name it; a name in `.json` is read as
            JSON.
        memo: Scalars shared between many reads, see `documents`.
    """
    try:
        parts = _documents(text, source, memo)
    except YamlSyntaxError as error:
        origin = FilePlace(source, 1, error.line or 1)
        message = f"is not valid YAML: {error.message}; nothing of this file is used until it is"
        problem = Problem(Severity.ERROR, message, origin=origin, line=error.line)
        return Manifest(problems=(problem,), is_partial=True)
    reading = _Reading(text, source)
    for document in parts:
        reading.read(document)
    return Manifest(
        reading.entries,
        frozenset(reading.refused),
        tuple(reading.problems),
        reading.is_partial,
    )


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
                text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant
            )
        except (ValueError, RecursionError):
            return documents(text, memo)  # which says where the mistake is
        return [Document(value, 1, 1)]
    return documents(text, memo)


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
        self.entries: dict[ObjectKey, Entry] = {}
        self.refused: set[ObjectKey] = set()
        self.problems: list[Problem] = []
        self.is_partial = False

    def read(self, document: Document) -> None:
        """Take in all objects of a document."""
        for steps, value in expand(document.value):
            line = self._line(document.index, steps) if steps else document.line
            self._object(value, FilePlace(self._source, document.index, line), steps, document)
        if document.faults and document.value is None:
            self.is_partial = True
            self.problems.extend(self._faults(document, None))

    def _object(
        self, value: object, origin: FilePlace, steps: tuple[Key, ...], document: Document
    ) -> None:
        parsed = parse(value)
        self.problems.extend(
            replace(problem, origin=origin, line=self._line(document.index, steps, problem.path))
            for problem in parsed.problems
        )
        self.problems.extend(self._faults(document, parsed.key))
        key = parsed.key
        if key is None:
            self.is_partial = self.is_partial or not parsed.is_foreign
        elif key in self.entries or key in self.refused:
            self._twice(key, origin)
        elif parsed.object is None or document.faults:
            self.refused.add(key)
        else:
            self.entries[key] = Entry(parsed.object, origin, steps)

    def _faults(self, document: Document, key: ObjectKey | None) -> Iterator[Problem]:
        for fault in document.faults:
            origin = FilePlace(self._source, document.index, document.line)
            yield Problem(Severity.ERROR, fault.message, "", key, origin, fault.line)

    def _twice(self, key: ObjectKey, origin: FilePlace) -> None:
        first = self.entries.get(key)
        where = f"at {first.origin}" if first else "earlier in this file"
        name = f"{key.kind} {key.namespace}/{key.name}"
        message = f"{name} is defined {where} already, which is used; remove one"
        self.problems.append(Problem(Severity.ERROR, message, "", key, origin, origin.line))

    def _line(self, document: int, steps: tuple[Key, ...], path: str = "") -> int:
        if self._locator is None:
            self._locator = Locator(self._text)
        return self._locator.line(document, (*steps, *split(path)))
