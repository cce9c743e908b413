"""Records: mappings whose fields become the arguments of what builds their value.

In: a builder and a table of fields. Out: a `Shape`. A table that its builder does not fit is a
mistake of ours, and is told when the table is made, before any document comes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from translators.kinds.field_path import Path
from translators.kinds.schema.context import INVALID, Context, Invalid
from translators.kinds.schema.shape import Field, Parser, Shape, Use, describe, did_you_mean

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


def optional(attribute: str, shape: Shape[object]) -> Field:
    """A field that may be left out; the record's default holds then."""
    return Field(Use.READ, attribute, shape)


def required(attribute: str, shape: Shape[object], note: str = "") -> Field:
    """A field that must be given; `note` says what it is for, in the message when it is missing."""
    return Field(Use.READ, attribute, shape, is_required=True, note=note)


def spread(fields: Mapping[str, Field], *, is_open: bool = False) -> Field:
    """A mapping whose own fields are arguments of the record around it."""
    return Field(Use.READ, "", record(_arguments, fields, is_open=is_open))


def unsupported(note: str = "", harmless: tuple[object, ...] = ()) -> Field:
    """A field of the API that has no effect yet; `note` says what to use in its place."""
    return Field(Use.UNSUPPORTED, note=note, harmless=harmless)


def ignored(note: str) -> Field:
    """A field of the API that rightly has no effect on a proxy's configuration; `note` says why."""
    return Field(Use.IGNORED, note=note)


@dataclass(frozen=True, slots=True)
class Check(Generic[T_contra]):
    """A check of what fields of one record say together.

    Attributes:
        note: Notes what is wrong with the value; an error spoils all that the value is part of.
        reads: The fields that it looks at. It is run unless one of these has an error; others that
            have one are left out of the value that it is given.
    """

    note: Callable[[T_contra, Path, Context], None]
    reads: tuple[str, ...]


def _arguments(**arguments: object) -> dict[str, object]:
    return arguments


def record(
    build: Callable[..., T],
    fields: Mapping[str, Field],
    *,
    exclusive: tuple[tuple[str, ...], ...] = (),
    checks: tuple[Check[T], ...] = (),
    is_open: bool = False,
) -> Shape[T]:
    """A mapping with these fields, given to `build` as keyword arguments.

    Args:
        build: Takes the arguments of all fields that are given; its result is the value.
        fields: The fields by their names in the document.
        exclusive: Groups of fields of which at most one may be given.
        checks: What is looked at across fields, also when others have errors.
        is_open: Accept other fields in silence (for kinds of which only a corner is read).

    Raises:
        TypeError: A field's attribute is no parameter of `build`, or is another's too; or a
            parameter without a default has no field that must be given; or a check reads a field
            that there is not.
    """
    _fit(build, fields)
    _fit_checks(checks, fields)
    readers = _readers(fields)
    other = _other_field(fields, is_open=is_open)
    complete = _completeness(fields, exclusive)
    whole = _whole(build, checks)
    partial = _partial(build, fields, checks)

    def parse(value: object, path: Path, context: Context) -> T | Invalid:
        if type(value) is not dict:
            return context.error(path, f"must be a mapping of fields, not {describe(value)}")
        findings = context.findings
        before = findings.errors
        arguments: dict[str, object] = {}
        for name, item in value.items():
            reader = readers.get(name)
            if reader is None:
                other(name, item, path, context)
            elif item is not None:
                attribute, parse_item = reader
                built = parse_item(item, (path, name), context)
                if attribute:
                    arguments[attribute] = built
                elif isinstance(built, dict):
                    arguments.update(built)
        if complete is not None:
            complete(value, path, context)
        if findings.errors > before:
            partial(value, arguments, path, context)
            return INVALID
        return whole(arguments, path, context)

    return Shape(parse, MappingProxyType(dict(fields)))


@dataclass(frozen=True, slots=True)
class Part:
    """Fields that stand among others of a record and make one argument of it.

    Attributes:
        attribute: The argument that receives the value.
        build: Takes the arguments of those of the fields that are given.
        fields: The fields by their names in the document.
    """

    attribute: str
    build: Callable[..., object]
    fields: Mapping[str, Field]


def record_with_part(build: Callable[..., T], part: Part, fields: Mapping[str, Field]) -> Shape[T]:
    """A mapping with the fields of a part and others; see `record`."""
    _fit(part.build, part.fields)
    _fit(build, fields, part.attribute)
    names = tuple(_attributes(part.fields.values()))

    def whole(**arguments: object) -> T:
        own = {name: arguments.pop(name) for name in names if name in arguments}
        return build(**{part.attribute: part.build(**own)}, **arguments)

    return record(whole, {**part.fields, **fields})


def _fit(build: Callable[..., object], fields: Mapping[str, Field], *others: str) -> None:
    """Check that a builder takes the arguments of these fields, and of others, and needs no more.

    Raises:
        TypeError: It does not.
    """
    given = [*others, *_attributes(fields.values())]
    twice = {attribute for attribute in given if given.count(attribute) > 1}
    parameters = inspect.signature(build).parameters.values()
    takes = {
        parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD
    }
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        takes |= set(given)
    unmet = (
        _parameters_without_default(build)
        - {entry.attribute for entry in fields.values() if entry.is_required}
        - {*others}
    )
    if twice or unmet or not takes.issuperset(given):
        raise TypeError(
            f"the fields of {build!r} do not fit it: {sorted(set(given) - takes)} are unknown, "
            f"{sorted(twice)} are given twice, {sorted(unmet)} may be missing"
        )


def _parameters_without_default(build: Callable[..., object]) -> set[str]:
    return {
        parameter.name
        for parameter in inspect.signature(build).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    }


def _attributes(fields: Iterable[Field]) -> Iterator[str]:
    """The arguments that fields may give, those of spread ones included."""
    for entry in fields:
        if entry.attribute:
            yield entry.attribute
        elif entry.shape is not None:
            yield from _attributes(entry.shape.fields.values())


def _readers(fields: Mapping[str, Field]) -> dict[str, tuple[str, Parser[object]]]:
    """Name of a field that is read → the argument that receives its value, and its parser."""
    return {
        name: (entry.attribute, entry.shape.parse)
        for name, entry in fields.items()
        if entry.shape is not None
    }


def _fit_checks(checks: Iterable[Check[T]], fields: Mapping[str, Field]) -> None:
    unknown = {name for check in checks for name in check.reads}.difference(fields)
    if unknown:
        raise TypeError(f"checks read {sorted(unknown)}, which are no fields")


def _whole(
    build: Callable[..., T], checks: tuple[Check[T], ...]
) -> Callable[[Mapping[str, object], Path, Context], T]:
    """What makes the value of right arguments and runs the checks."""
    notes = tuple(check.note for check in checks)

    def whole(arguments: Mapping[str, object], path: Path, context: Context) -> T:
        value = build(**arguments)
        for note in notes:
            note(value, path, context)
        return value

    return whole


def _partial(
    build: Callable[..., T], fields: Mapping[str, Field], checks: tuple[Check[T], ...]
) -> Callable[[Mapping[str, object], Mapping[str, object], Path, Context], None]:
    """What runs the checks that errors elsewhere leave possible.

    It takes the mapping and the arguments made of it, of which some are invalid.
    """
    needed = _parameters_without_default(build)

    def is_invalid(name: str, arguments: Mapping[str, object]) -> bool:
        """Say whether a given field has an error; a spread one has when it gave no argument."""
        entry = fields.get(name)
        if entry is None or entry.shape is None:
            return False
        if entry.attribute:
            return arguments.get(entry.attribute) is INVALID
        return arguments.keys().isdisjoint(_attributes((entry,)))

    def look_across(
        value: Mapping[str, object], arguments: Mapping[str, object], path: Path, context: Context
    ) -> None:
        right = {name: built for name, built in arguments.items() if built is not INVALID}
        if not checks or not needed.issubset(right):
            return
        invalid = {
            name for name, item in value.items() if item is not None and is_invalid(name, arguments)
        }
        partial = build(**right)
        for check in checks:
            if invalid.isdisjoint(check.reads):
                check.note(partial, path, context)

    return look_across


def _completeness(
    fields: Mapping[str, Field], exclusive: tuple[tuple[str, ...], ...]
) -> Callable[[Mapping[str, object], Path, Context], None] | None:
    """The check that required fields are given and exclusive ones not together; None for none."""
    needed = [(name, entry.note) for name, entry in fields.items() if entry.is_required]
    if not needed and not exclusive:
        return None

    def complete(value: Mapping[str, object], path: Path, context: Context) -> None:
        for name, note in needed:
            if value.get(name) is None:
                context.error((path, name), f"is required: {note}" if note else "is required")
        for group in exclusive:
            given = [name for name in group if value.get(name) is not None]
            if len(given) > 1:
                context.error(
                    (path, given[1]), f"cannot be given together with {given[0]}; keep one of them"
                )

    return complete


def _other_field(
    fields: Mapping[str, Field], *, is_open: bool
) -> Callable[[str, object, Path, Context], None]:
    """What happens to a field that has no reader."""

    def other(name: str, item: object, path: Path, context: Context) -> None:
        entry = fields.get(name)
        if entry is None:
            if is_open:
                return
            context.error((path, name), f"unknown field{did_you_mean(name, fields)}")
        elif entry.use is Use.UNSUPPORTED and item is not None and item not in entry.harmless:
            note = f"; {entry.note}" if entry.note else ""
            context.unsupported((path, name), f"not supported yet and without effect{note}")

    return other


def walk(shape: Shape[object], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every field that the shape knows, with its dotted path, depth first: for docs and tests."""
    for name, entry in shape.fields.items():
        path = f"{prefix}.{name}" if prefix else name
        yield path, entry
        if entry.shape is not None:
            yield from walk(entry.shape, path)
