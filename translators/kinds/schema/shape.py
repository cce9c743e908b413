"""Shapes: what a value of a document must look like, and how it becomes a typed value.

A kind describes each of its fields once, by name, in a table of `Field`; `record` compiles the
table into a function. Rules:

* a field of the API that is not translated yet is listed with `unsupported` and reported where it
  is used;
* a field without meaning for a proxy's configuration is listed with `ignored` and the reason;
* any other field is an error, with the known name that it resembles;
* null means not given, as in Kubernetes;
* all problems of a document are collected; a value with an error becomes `INVALID`, and nothing is
  built of it.
"""

from __future__ import annotations

import difflib
import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from translators.kinds.field_path import Path
from translators.kinds.schema.context import INVALID, Context, Invalid

T = TypeVar("T")
U = TypeVar("U")
T_co = TypeVar("T_co", covariant=True)

Parser = Callable[[object, Path, Context], T | Invalid]
"""(value, where it stands, context) → the typed value, or `INVALID` after an error was noted."""


class Use(enum.Enum):
    """What becomes of a field."""

    READ = "read"
    UNSUPPORTED = "not supported yet"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record, built by `optional`, `required`, `spread`, `unsupported` or `ignored`.

    Attributes:
        use: What becomes of it.
        attribute: The argument that receives the value; empty when the value is itself a
            dictionary of arguments (`spread`).
        shape: What the value must look like; None when it is not read.
        is_required: Whether it must be given.
        note: What it is for, why it has no effect, or what to use in its place.
        harmless: Values of an unsupported field that ask for nothing.
    """

    use: Use
    attribute: str = ""
    shape: Shape[object] | None = None
    is_required: bool = False
    note: str = ""
    harmless: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape(Generic[T_co]):
    """What a value must look like: its parser and, for records and what holds them, the fields."""

    parse: Parser[T_co]
    fields: Mapping[str, Field] = field(default_factory=lambda: MappingProxyType({}))


def describe(value: object) -> str:
    """Give a value of a document as a message names it, shortened."""
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
    """Give `"; did you mean X?"` for the known word nearest to this one, "" when none is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[near[0]]}?" if near else ""


def checked(shape: Shape[T], check: Callable[[T, Path, Context], None]) -> Shape[T]:
    """Give the shape with a check of the built value, which notes what is wrong with it.

    It is not called for an invalid value. An error that it notes spoils all that the value is part
    of.
    """
    inner = shape.parse

    def parse(value: object, path: Path, context: Context) -> T | Invalid:
        built = inner(value, path, context)
        if built is not INVALID:
            check(built, path, context)
        return built

    return Shape(parse, shape.fields)


def converted(shape: Shape[T], convert: Callable[[T, Path, Context], U | Invalid]) -> Shape[U]:
    """Give the shape with another value made of the built one; not called for an invalid one."""
    inner = shape.parse

    def parse(value: object, path: Path, context: Context) -> U | Invalid:
        built = inner(value, path, context)
        return INVALID if built is INVALID else convert(built, path, context)

    return Shape(parse, shape.fields)


def list_of(item: Shape[T], *, at_least: int = 0) -> Shape[tuple[T, ...]]:
    """A list of values of one shape, as a tuple in the order written."""
    parse_item = item.parse

    def parse(value: object, path: Path, context: Context) -> tuple[T, ...] | Invalid:
        if type(value) is not list:
            return context.error(path, f"must be a list, not {describe(value)}{_as_list(value)}")
        if len(value) < at_least:
            entries = "entry" if at_least == 1 else "entries"
            return context.error(path, f"needs at least {at_least} {entries}")
        findings = context.findings
        before = findings.errors
        built = [
            entry
            for i, given in enumerate(value)
            if (entry := parse_item(given, (path, i), context)) is not INVALID
        ]
        return tuple(built) if findings.errors == before else INVALID

    return Shape(parse, item.fields)


def _as_list(value: object) -> str:
    return f"; write [{value}]" if isinstance(value, str | int) else ""


def integer(low: int, high: int) -> Shape[int]:
    """A whole number of a range, both ends included."""

    def parse(value: object, path: Path, context: Context) -> int | Invalid:
        if type(value) is int and low <= value <= high:
            return value
        return context.error(
            path, f"must be a whole number from {low} to {high}, not {describe(value)}"
        )

    return Shape(parse)


def _boolean(value: object, path: Path, context: Context) -> bool | Invalid:
    if type(value) is bool:
        return value
    return context.error(path, f"must be true or false, not {describe(value)}")


def _text(value: object, path: Path, context: Context) -> str | Invalid:
    if type(value) is str and (value.isascii() or _is_unicode(value)):
        return value
    return _not_text(value, path, context)


def _is_unicode(text: str) -> bool:
    """Whether no half of a surrogate pair stands alone, which no message can carry."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _not_text(value: object, path: Path, context: Context) -> Invalid:
    if type(value) is str:
        return context.error(path, "has half of a surrogate pair, which is no character")
    hint = ""
    if isinstance(value, bool):
        hint = "; put it in quotes"  # how it was written is not known: y, yes, on and true are one
    elif isinstance(value, int | float):
        hint = f'; put it in quotes: "{value}"'
    return context.error(path, f"must be text, not {describe(value)}{hint}")


BOOLEAN: Final = Shape(_boolean)
TEXT: Final = Shape(_text)


def text_as(convert: Callable[[str, Path, Context], T | Invalid]) -> Shape[T]:
    """Text that has a meaning of its own: what `convert` makes of it."""

    def parse(value: object, path: Path, context: Context) -> T | Invalid:
        if type(value) is str and (value.isascii() or _is_unicode(value)):
            return convert(value, path, context)
        return _not_text(value, path, context)

    return Shape(parse)


def text_where(accepts: Callable[[str], bool], what: str) -> Shape[str]:
    """Text that the predicate accepts; `what` completes "must be ..."."""

    def parse(value: object, path: Path, context: Context) -> str | Invalid:
        if type(value) is not str or not (value.isascii() or _is_unicode(value)):
            return _not_text(value, path, context)
        if accepts(value):
            return value
        return context.error(path, f"must be {what}, not {describe(value)}")

    return Shape(parse)


def text_spelled(normal: Callable[[str], str | None], what: str) -> Shape[str]:
    """Text that can be spelled in several ways, in the one that `normal` gives; None refuses it."""

    def convert(text: str, path: Path, context: Context) -> str | Invalid:
        spelled = normal(text)
        if spelled is None:
            return context.error(path, f"must be {what}, not {describe(text)}")
        return spelled

    return text_as(convert)


def choice(options: Mapping[str, T]) -> Shape[T]:
    """One word of a closed set, each with what it means."""

    def parse(value: object, path: Path, context: Context) -> T | Invalid:
        if type(value) is str and value in options:
            return options[value]
        hint = did_you_mean(value, options) if isinstance(value, str) else ""
        return context.error(
            path, f"must be one of {', '.join(options)}, not {describe(value)}{hint}"
        )

    return Shape(parse)


def word_of(*words: str) -> Shape[str]:
    """One word of a closed set, as it is written."""
    return choice({word: word for word in words})


def map_of(item: Shape[T], *, name: Shape[str] = TEXT) -> Shape[tuple[tuple[str, T], ...]]:
    """A mapping from free names to values of one shape, as (name, value) pairs sorted by name.

    Args:
        item: The values' shape.
        name: The names' shape.
    """
    parse_item, parse_name = item.parse, name.parse

    def parse(value: object, path: Path, context: Context) -> tuple[tuple[str, T], ...] | Invalid:
        if type(value) is not dict:
            return context.error(
                path, f"must be a mapping of names to values, not {describe(value)}"
            )
        findings = context.findings
        before = findings.errors
        built: list[tuple[str, T]] = []
        for key, given in value.items():
            at = (path, key)
            word, entry = parse_name(key, at, context), parse_item(given, at, context)
            if word is not INVALID and entry is not INVALID:
                built.append((word, entry))
        return tuple(sorted(built, key=itemgetter(0))) if findings.errors == before else INVALID

    return Shape(parse, item.fields)
