"""Which value of a message does not fit its field.

The compiled encoders run without a check that could slow them down and simply fail; this walk over
the same message then finds the place and the words for it.
"""

import enum
from collections.abc import Iterator

import betterproto2

from translators.codec.scalars import SCALARS, duration, timestamp
from translators.codec.schema import Field, ValueType, fields_of

_MAX_DEPTH = 100


Fault = tuple[str, str, str]


def first_fault(message: object) -> Fault:
    """Message class, field and reason of the first value that cannot be encoded.

    The field is empty when the message itself is at fault; the reason is empty when nothing was
    found.
    """
    for fault in _faults(message, 0):
        return fault
    return type(message).__name__, "", ""


def _faults(message: object, depth: int) -> Iterator[Fault]:
    name = type(message).__name__
    if not isinstance(message, betterproto2.Message):
        yield name, "", "it is not a betterproto2 message"
        return
    if depth > _MAX_DEPTH:
        yield name, "", f"messages are nested more than {_MAX_DEPTH} deep"
        return
    chosen: dict[str, str] = {}
    for field in fields_of(type(message)):
        value: object = getattr(message, field.name)
        if value is None and field.has_presence:
            continue
        if field.group is not None:
            if field.group in chosen:
                reason = f"oneof {field.group} also has {chosen[field.group]} set; choose one"
                yield name, field.name, reason
            chosen[field.group] = field.name
        for item, item_type in _values(field, value):
            yield from _item_faults(name, field.name, item, item_type, depth)


def _item_faults(
    name: str, field: str, item: object, item_type: ValueType, depth: int
) -> Iterator[Fault]:
    if isinstance(item, _Misfit):
        yield name, field, item.reason
    elif item_type.message is None or item_type.is_wrapped:
        if reason := _misfit(item, item_type):
            yield name, field, reason
    elif isinstance(item, item_type.message):
        yield from _faults(item, depth + 1)
    else:
        yield name, field, f"expected {item_type.message.__name__}, got {type(item).__name__}"


class _Misfit:
    """Stands where a list or a dict should be."""

    def __init__(self, wanted: str, got: object) -> None:
        self.reason = f"expected a {wanted}, got {type(got).__name__} {got!r}"


def _values(field: Field, value: object) -> Iterator[tuple[object, ValueType]]:
    if field.key is not None:
        if not isinstance(value, dict):
            yield _Misfit("dict", value), field.value
            return
        for key, entry in value.items():
            yield key, field.key
            yield entry, field.value
    elif field.is_repeated:
        if not isinstance(value, list | tuple):
            yield _Misfit("list", value), field.value
            return
        yield from ((item, field.value) for item in value)
    else:
        yield value, field.value


def _misfit(value: object, value_type: ValueType) -> str:
    """Why a scalar or wrapped value does not fit; empty when it does."""
    wrapper = value_type.message
    try:
        if wrapper is None:
            SCALARS[value_type.proto](value)
        elif wrapper.__name__ == "Duration":
            SCALARS["bytes"](duration(value))  # type: ignore[arg-type]  # the check is the point
        elif wrapper.__name__ == "Timestamp":
            SCALARS["bytes"](timestamp(value))  # type: ignore[arg-type]  # the check is the point
        else:
            SCALARS[fields_of(wrapper)[0].value.proto](value)
    except Exception as error:
        expected = value_type.proto if wrapper is None else wrapper.__name__
        shown = value.name if isinstance(value, enum.Enum) else repr(value)
        return f"{shown} is not a valid {expected} ({error})"
    return ""
