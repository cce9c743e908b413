"""Shapes: what a value of a document must look like, and how it becomes a typed value.

A kind describes each of its fields once, by name, in a table of `Field`; `record` compiles the table into a function. Rules:

* a field of the API that is not translated yet is listed with `unsupported` and reported where it is used;
* a field without meaning for a proxy's configuration is listed with `ignored` and the reason;
* any other field is an error, with the known name that it resembles;
* null means not given, as in Kubernetes;
* all problems of a document are collected; a value with an error becomes `INVALID`, and nothing is built of it.
"""

from __future__ import annotations

import difflib
import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.findings import Findings

Parser = Callable[[object, Path, Findings], object]
"""(value, where it stands, findings) → the typed value, or `INVALID` after an error was found."""


class _Invalid(enum.Enum):
    """The type of `INVALID`."""

    INVALID = "invalid"


INVALID: Final = _Invalid.INVALID
"""Stands for a value that could not be parsed; the findings say why."""


class Use(enum.Enum):
    """What becomes of a field."""

    READ = "read"
    UNSUPPORTED = "not supported yet"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value must look like: its parser and, for records and what holds them, the fields inside."""

    parse: Parser
    fields: Mapping[str, Field] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record, built by `optional`, `required`, `unsupported` or `ignored`.

    ``attribute`` is the argument that receives the value; "" spreads the value, a dictionary of arguments. ``harmless`` are
    values of an unsupported field that ask for nothing.
    """

    use: Use
    attribute: str = ""
    shape: Shape | None = None
    is_required: bool = False
    note: str = ""
    harmless: tuple[object, ...] = ()


def optional(attribute: str, shape: Shape) -> Field:
    """A field that may be left out; the record's default holds then."""
    return Field(Use.READ, attribute, shape)


def required(attribute: str, shape: Shape, note: str = "") -> Field:
    """A field that must be given; ``note`` says what it is for, in the message when it is missing."""
    return Field(Use.READ, attribute, shape, is_required=True, note=note)


def spread(shape: Shape) -> Field:
    """A field whose own fields (a record built with `dict`) are arguments of the record around it."""
    return Field(Use.READ, "", shape)


def unsupported(note: str = "", harmless: tuple[object, ...] = ()) -> Field:
    """A field of the API that has no effect yet; ``note`` says what to use in its place."""
    return Field(Use.UNSUPPORTED, note=note, harmless=harmless)


def ignored(note: str) -> Field:
    """A field of the API that rightly has no effect on a proxy's configuration; ``note`` says why."""
    return Field(Use.IGNORED, note=note)


def describe(value: object) -> str:
    """A value of a document as a message names it, shortened."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value if len(value) <= 60 else value[:57] + '...'!r}"
        case dict():
            return "a mapping"
        case _:
            return "a list"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"; did you mean X?"`` for the known word nearest to this one, "" when none is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[near[0]]}?" if near else ""


def record(
    build: Callable[..., object],
    fields: Mapping[str, Field],
    *,
    exclusive: tuple[tuple[str, ...], ...] = (),
    is_open: bool = False,
) -> Shape:
    """A mapping with these fields, given to ``build`` as keyword arguments.

    Args:
        build: receives the arguments of all fields that are given; its result is the value.
        fields: the fields by their names in the document.
        exclusive: groups of fields of which at most one may be given.
        is_open: accept other fields in silence (for kinds of which only a corner is read).
    """
    readers = {
        name: (entry.attribute, entry.shape.parse)
        for name, entry in fields.items()
        if entry.shape is not None
    }
    other = _other_field(fields, is_open=is_open)
    complete = _completeness(fields, exclusive)

    def parse(value: object, path: Path, findings: Findings) -> object:
        if type(value) is not dict:
            findings.error(path, f"must be a mapping of fields, not {describe(value)}")
            return INVALID
        before = findings.errors
        arguments: dict[str, object] = {}
        for name, item in value.items():
            reader = readers.get(name)
            if reader is None:
                other(name, item, path, findings)
            elif item is not None:
                attribute, parse_item = reader
                built = parse_item(item, (path, name), findings)
                if attribute:
                    arguments[attribute] = built
                elif isinstance(built, dict):
                    arguments.update(built)
        if complete is not None:
            complete(value, path, findings)
        return build(**arguments) if findings.errors == before else INVALID

    return Shape(parse, MappingProxyType(dict(fields)))


def _completeness(
    fields: Mapping[str, Field], exclusive: tuple[tuple[str, ...], ...]
) -> Callable[[Mapping[str, object], Path, Findings], None] | None:
    """The check that required fields are given and exclusive ones are not given together; None when there is none."""
    needed = [(name, entry.note) for name, entry in fields.items() if entry.is_required]
    if not needed and not exclusive:
        return None

    def complete(value: Mapping[str, object], path: Path, findings: Findings) -> None:
        for name, note in needed:
            if value.get(name) is None:
                findings.error((path, name), f"is required: {note}" if note else "is required")
        for group in exclusive:
            given = [name for name in group if value.get(name) is not None]
            if len(given) > 1:
                findings.error(
                    (path, given[1]), f"cannot be given together with {given[0]}; keep one of them"
                )

    return complete


def _other_field(
    fields: Mapping[str, Field], *, is_open: bool
) -> Callable[[str, object, Path, Findings], None]:
    """What happens to a field that has no reader."""

    def other(name: str, item: object, path: Path, findings: Findings) -> None:
        entry = fields.get(name)
        if entry is None:
            if is_open:
                return
            findings.error((path, name), f"unknown field{did_you_mean(name, fields)}")
        elif entry.use is Use.UNSUPPORTED and item is not None and item not in entry.harmless:
            note = f"; {entry.note}" if entry.note else ""
            findings.unsupported((path, name), f"not supported yet and without effect{note}")

    return other


def checked(shape: Shape, check: Callable[[object, Path, Findings], object]) -> Shape:
    """The shape with a check of the built value, which may replace it; not called for an invalid one."""
    inner = shape.parse

    def parse(value: object, path: Path, findings: Findings) -> object:
        built = inner(value, path, findings)
        return built if built is INVALID else check(built, path, findings)

    return Shape(parse, shape.fields)


def list_of(item: Shape, *, at_least: int = 0) -> Shape:
    """A list of values of one shape, as a tuple in the order written."""
    parse_item = item.parse

    def parse(value: object, path: Path, findings: Findings) -> object:
        if type(value) is not list:
            findings.error(path, f"must be a list, not {describe(value)}{_as_list(value)}")
            return INVALID
        if len(value) < at_least:
            findings.error(
                path, f"needs at least {at_least} {'entry' if at_least == 1 else 'entries'}"
            )
            return INVALID
        before = findings.errors
        built = tuple([parse_item(v, (path, i), findings) for i, v in enumerate(value)])
        return built if findings.errors == before else INVALID

    return Shape(parse, item.fields)


def _as_list(value: object) -> str:
    return f"; write [{value}]" if isinstance(value, str | int) else ""


def map_of(item: Shape, *, name: Shape | None = None) -> Shape:
    """A mapping from free names to values of one shape, as (name, value) pairs sorted by name; ``name`` is the names' shape."""
    parse_item = item.parse
    parse_name = name.parse if name else _anything

    def parse(value: object, path: Path, findings: Findings) -> object:
        if type(value) is not dict:
            findings.error(path, f"must be a mapping of names to values, not {describe(value)}")
            return INVALID
        before = findings.errors
        built = [
            (parse_name(key, (path, key), findings), parse_item(item, (path, key), findings))
            for key, item in value.items()
        ]
        return tuple(sorted(built, key=_by_name)) if findings.errors == before else INVALID

    return Shape(parse, item.fields)


def _by_name(pair: tuple[object, object]) -> str:
    return str(pair[0])


def choice(options: Mapping[str, object], *, refused: Mapping[str, str] | None = None) -> Shape:
    """One word of a closed set; ``refused`` are words of the API that cannot be used yet, with what to do."""
    not_yet = refused or {}

    def parse(value: object, path: Path, findings: Findings) -> object:
        if type(value) is str and value in options:
            return options[value]
        if type(value) is str and value in not_yet:
            findings.error(path, f"{value} is not supported yet; {not_yet[value]}")
            return INVALID
        hint = did_you_mean(value, options) if isinstance(value, str) else ""
        findings.error(path, f"must be one of {', '.join(options)}, not {describe(value)}{hint}")
        return INVALID

    return Shape(parse)


def integer(low: int, high: int) -> Shape:
    """A whole number of a range, both ends included."""

    def parse(value: object, path: Path, findings: Findings) -> object:
        if type(value) is int and low <= value <= high:
            return value
        findings.error(path, f"must be a whole number from {low} to {high}, not {describe(value)}")
        return INVALID

    return Shape(parse)


def _boolean(value: object, path: Path, findings: Findings) -> object:
    if type(value) is bool:
        return value
    findings.error(path, f"must be true or false, not {describe(value)}")
    return INVALID


def _text(value: object, path: Path, findings: Findings) -> object:
    if type(value) is str:
        return value
    hint = f'; put it in quotes: "{value}"' if isinstance(value, int | float) else ""
    findings.error(path, f"must be text, not {describe(value)}{hint}")
    return INVALID


def _anything(value: object, path: Path, findings: Findings) -> object:  # noqa: ARG001 a Parser
    return value


BOOLEAN: Final = Shape(_boolean)
TEXT: Final = Shape(_text)
ANYTHING: Final = Shape(_anything)


def walk(shape: Shape, prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every field that the shape knows, with its dotted path, depth first: for documentation and for tests."""
    for name, entry in shape.fields.items():
        path = f"{prefix}.{name}" if prefix else name
        yield path, entry
        if entry.shape is not None:
            yield from walk(entry.shape, path)
