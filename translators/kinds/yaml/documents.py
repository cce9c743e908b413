"""YAML (and so JSON) text into plain values, fast: from libyaml's events, without nodes or marks.

Text in ordinary block style does not even need these (`translators.kinds.yaml.plain`).

Text flows in, dictionaries, lists and scalars flow out, one `Document` each. Rules: a mistake of
syntax spoils the text; a mistake that is one document's own (a key given twice, an unknown alias, a
tag) is a `Fault` of that document and the others are read. Aliases share the value they name; what
they would expand to is limited. Lines of values are not kept: they are found again, when somebody
asks, by `translators.kinds.yaml.lines`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from translators.kinds.yaml.plain import Lines, plain_documents
from translators.kinds.yaml.scalars import Scalar, plain, tagged

try:
    from yaml.cyaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml: the same events, some ten times slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]  # the same interface

MAX_DEPTH = 100
"""How deep mappings and lists may nest."""

MAX_ALIASED = 100_000
"""How many values the aliases of one document may stand for."""

MAX_FAULTS = 100
"""How many faults of one document are told; they are compared with each other."""

_MEMO_ENTRIES = 100_000
_MEMO_LENGTH = 64
_MERGE = "<<"
_SHOWN = 100
"""Characters of a text that a message repeats."""


@dataclass(slots=True)
class Memo:
    """What was read already; the same one for many reads saves time and shares their strings."""

    scalars: dict[str, Scalar] = field(default_factory=dict)
    lines: Lines = field(default_factory=Lines)


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake of one document that YAML's grammar alone does not see."""

    message: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text.

    `index` and `line` (of its first value) count from 1; `value` is None when it is empty.
    """

    value: object
    index: int
    line: int
    faults: tuple[Fault, ...] = ()


class YamlSyntaxError(Exception):
    """The text is not YAML; `line` counts from 1, 0 when not known."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def documents(text: str, memo: Memo | None = None) -> list[Document]:
    """Give the documents of a text in order, empty ones included.

    Raises:
        YamlSyntaxError: The text is not YAML.
    """
    memo = memo or Memo()
    for known in (memo.scalars, memo.lines.known):
        if len(known) > _MEMO_ENTRIES:
            known.clear()
    ordinary = plain_documents(text, memo.lines)
    if ordinary is not None:
        return [Document(value, i, line) for i, (value, line) in enumerate(ordinary, 1)]
    return _documents_of_events(text, memo.scalars)


def _documents_of_events(text: str, scalars: dict[str, Scalar]) -> list[Document]:
    try:
        return _read(_events(text), scalars)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(part for part in (error.context, error.problem) if part)
        lines = text.splitlines()
        # What is missing at the end is reported beyond the last line.
        line = min(mark.line + 1, len(lines)) if mark else 0
        if line and "::" in lines[line - 1]:
            message += "; put what begins or ends with a colon, such as an IPv6 address, in quotes"
        raise YamlSyntaxError(message, line) from error
    except yaml.YAMLError as error:
        raise YamlSyntaxError(str(error).partition("\n")[0], 0) from error


def _events(text: str) -> Callable[[], Event | None]:
    return _Loader(text).get_event


def _read(get: Callable[[], Event | None], memo: dict[str, Scalar]) -> list[Document]:
    read: list[Document] = []
    while type(event := get()) is not StreamEndEvent:
        if type(event) is not DocumentStartEvent:
            if type(event) is not StreamStartEvent:
                raise AssertionError(f"unexpected event {event!r}")
            continue
        builder = _Builder(get, memo)
        first = get()
        value = builder.value(first, 1)
        line = _line(first)
        read.append(Document(value, len(read) + 1, line, tuple(builder.faults)))
        get()
    return read


class _Builder:
    """One document's value, built from events; the recursion follows the document's nesting."""

    __slots__ = ("_aliased", "_anchors", "_get", "_memo", "_sizes", "faults")

    def __init__(self, get: Callable[[], Event | None], memo: dict[str, Scalar]) -> None:
        self._get = get
        self._memo = memo
        self._anchors: dict[str, object] = {}
        self._sizes: dict[int, int] = {}
        self._aliased = 0
        self.faults: list[Fault] = []

    def value(self, event: Event | None, depth: int) -> object:
        """Give the value that begins with this event."""
        built: object
        if type(event) is ScalarEvent:
            built = self._scalar(event)
        elif type(event) is MappingStartEvent:
            built = self._mapping(event, depth)
        elif type(event) is SequenceStartEvent:
            built = self._sequence(event, depth)
        else:
            return self._alias(event)
        if event.anchor is not None:
            self._sizes[id(built)] = self._size(built)
            self._anchors[event.anchor] = built
        return built

    def _scalar(self, event: ScalarEvent) -> Scalar:
        text: str = event.value
        if event.implicit[0]:
            memo = self._memo
            if text in memo:
                return memo[text]
            try:
                value = plain(text)
            except ValueError as error:
                self._fault(str(error), event)
                return None
            if len(text) <= _MEMO_LENGTH:
                memo[text] = sys.intern(text) if value is text else value
            return value
        if event.tag is None or event.implicit[1]:
            return text
        try:
            return tagged(event.tag, text)
        except ValueError as error:
            self._fault(str(error), event)
            return None

    def _mapping(self, start: MappingStartEvent, depth: int) -> dict[str, object]:
        self._enter(start, depth)
        built: dict[str, object] = {}
        merges: list[tuple[object, Event | None]] = []
        get, memo, scalar = self._get, self._memo, ScalarEvent
        while type(event := get()) is not MappingEndEvent:
            key = self._key(event, depth)
            item = get()
            if key == _MERGE and type(event) is scalar and event.implicit[0]:
                merges.append((self.value(item, depth + 1), item))
                continue
            if key in built:
                self._fault(f"the key {key[:_SHOWN]!r} is given twice; keep one", event)
            if type(item) is scalar and item.implicit[0] and item.anchor is None:
                text = item.value
                built[key] = memo[text] if text in memo else self._scalar(item)
            else:
                built[key] = self.value(item, depth + 1)
        for merged, at in merges:
            self._merge(built, merged, at)
        return built

    def _key(self, event: Event | None, depth: int) -> str:
        if type(event) is not ScalarEvent:
            key = self.value(event, depth + 1)
            if isinstance(key, str):
                return key
            self._fault("a key must be text, not a list or a mapping", event)
            return ""
        text: str = event.value
        if event.anchor is not None:
            self._anchors[event.anchor] = text
        if event.implicit[0]:
            value = self._scalar(event)
            if type(value) is str:
                return value
            if value is None or isinstance(value, bool):
                shown = text[:_SHOWN] or "(nothing)"
                self._fault(f"the key {shown} is not text in YAML; put it in quotes", event)
        return sys.intern(text)

    def _sequence(self, start: SequenceStartEvent, depth: int) -> list[object]:
        self._enter(start, depth)
        built: list[object] = []
        get = self._get
        while type(event := get()) is not SequenceEndEvent:
            built.append(self.value(event, depth + 1))
        return built

    def _enter(self, event: MappingStartEvent | SequenceStartEvent, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise YamlSyntaxError(f"nested deeper than {MAX_DEPTH} levels", _line(event))
        tag = event.tag
        if tag is not None and not event.implicit and tag != _own_tag(event):
            shown = str(tag)[:_SHOWN]
            self._fault(f"the tag {shown} is not supported; write the value without a tag", event)

    def _alias(self, event: Event | None) -> object:
        if type(event) is not AliasEvent:
            raise AssertionError(f"unexpected event {event!r}")
        name = event.anchor or ""
        if name not in self._anchors:
            self._fault(f"the alias *{name[:_SHOWN]} names no anchor &{name} before it", event)
            return None
        value = self._anchors[name]
        self._aliased += self._size(value)
        if self._aliased > MAX_ALIASED:
            self._fault(f"the aliases stand for more than {MAX_ALIASED} values", event)
            return None
        return value

    def _size(self, value: object) -> int:
        known = self._sizes.get(id(value))
        if known is not None:
            return known
        if isinstance(value, dict):
            return 1 + sum(map(self._size, value.values()))
        if isinstance(value, list):
            return 1 + sum(map(self._size, value))
        return 1

    def _merge(self, built: dict[str, object], merged: object, at: Event | None) -> None:
        for part in merged if isinstance(merged, list) else (merged,):
            if not isinstance(part, dict):
                self._fault("<< takes a mapping, or a list of mappings", at)
                return
            for key, item in part.items():
                built.setdefault(key, item)

    def _fault(self, message: str, event: Event | None) -> None:
        if len(self.faults) >= MAX_FAULTS:
            return
        line = _line(event)
        if not any(fault.message == message for fault in self.faults):
            self.faults.append(Fault(message, line))


def _line(event: Event | None) -> int:
    """Give the event's first line, from 1; 0 when not known."""
    mark = event.start_mark if event is not None else None
    return mark.line + 1 if mark is not None else 0


def _own_tag(event: Event) -> str:
    kind = "map" if type(event) is MappingStartEvent else "seq"
    return f"tag:yaml.org,2002:{kind}"
