"""The fields of a betterproto2 message class, as encoder, decoder and renderer need them.

betterproto2 keeps this in dataclass metadata and in type hints, which it evaluates again for every
field. Here it is read once per class, in the order in which the class declares its fields (that is
also the order in which `bytes(message)` writes them), and every choice is made explicit.
"""

import dataclasses
import sys
import types
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from typing import Annotated, Union, get_args, get_origin, get_type_hints

import betterproto2

from translators.codec.wire import FIXED32, FIXED64, LENGTH, VARINT

WIRE_TYPES: Mapping[str, int] = {
    "bool": VARINT,
    "enum": VARINT,
    "int32": VARINT,
    "int64": VARINT,
    "uint32": VARINT,
    "uint64": VARINT,
    "sint32": VARINT,
    "sint64": VARINT,
    "fixed32": FIXED32,
    "sfixed32": FIXED32,
    "float": FIXED32,
    "fixed64": FIXED64,
    "sfixed64": FIXED64,
    "double": FIXED64,
    "string": LENGTH,
    "bytes": LENGTH,
    "message": LENGTH,
}
"""Protobuf type → wire type of one value of it."""

INTEGER_RANGES: Mapping[str, tuple[int, int]] = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "sint32": (-(1 << 31), (1 << 31) - 1),
    "sfixed32": (-(1 << 31), (1 << 31) - 1),
    "enum": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "sint64": (-(1 << 63), (1 << 63) - 1),
    "sfixed64": (-(1 << 63), (1 << 63) - 1),
    "uint32": (0, (1 << 32) - 1),
    "fixed32": (0, (1 << 32) - 1),
    "uint64": (0, (1 << 64) - 1),
    "fixed64": (0, (1 << 64) - 1),
}
"""Protobuf integer type → smallest and largest value."""


@dataclasses.dataclass(frozen=True, slots=True)
class ValueType:
    """The type of one value: a field's, a list item's, a map key's or a map value's.

    Attributes:
        proto: Protobuf's word for it: `string`, `uint32`, `message`, …
        message: The message class, for `message`; for a wrapped value the well-known class on the
            wire.
        is_wrapped: Whether Python holds a plain value (int, timedelta, …) in place of `message`.
        enum: The enum class, for `enum`.
    """

    proto: str
    message: type[betterproto2.Message] | None = None
    is_wrapped: bool = False
    enum: type[IntEnum] | None = None

    @property
    def wire_type(self) -> int:
        """The wire type of one value."""
        return WIRE_TYPES[self.proto]


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One field of a message class.

    Attributes:
        name: Python attribute.
        number: Field number on the wire.
        value: Type of the value, of one item if repeated, of a map's values if a map.
        key: Type of a map's keys; `None` unless the field is a map.
        is_repeated: Whether Python holds a list.
        has_presence: Whether `None` means unset, so that a zero value is written.
        group: The oneof that the field belongs to, where it has company there; else `None`.
    """

    name: str
    number: int
    value: ValueType
    key: ValueType | None
    is_repeated: bool
    has_presence: bool
    group: str | None

    @property
    def is_packed(self) -> bool:
        """Whether all items travel in one length-delimited run."""
        return self.is_repeated and self.value.wire_type != LENGTH

    @property
    def proto_name(self) -> str:
        """The name in the .proto file: Python keywords carry an underscore only in Python."""
        return self.name.rstrip("_")


def _value_type(meta: betterproto2.FieldMetadata, hint: object) -> ValueType:
    if meta.unwrap is not None:
        return ValueType("message", message=meta.unwrap(), is_wrapped=True)
    if meta.proto_type == "message":
        if not (isinstance(hint, type) and issubclass(hint, betterproto2.Message)):
            raise TypeError(f"a message field is hinted as {hint!r}")
        return ValueType("message", message=hint)
    if meta.proto_type == "enum":
        if not (isinstance(hint, type) and issubclass(hint, IntEnum)):
            raise TypeError(f"an enum field is hinted as {hint!r}")
        return ValueType("enum", enum=hint)
    return ValueType(meta.proto_type)


def _bare(hint: object) -> object:
    """The type without `Annotated` and without `| None`."""
    while True:
        origin = get_origin(hint)
        if origin is Annotated:
            hint = get_args(hint)[0]
        elif origin is Union or origin is types.UnionType:
            hint = next(arg for arg in get_args(hint) if arg is not type(None))
        else:
            return hint


def _field(field: "dataclasses.Field[object]", hint: object, companions: int) -> Field:
    meta = betterproto2.FieldMetadata.get(field)
    hint = _bare(hint)
    key: ValueType | None = None
    if meta.map_meta is not None:
        key_meta, value_meta = meta.map_meta
        key_hint, value_hint = get_args(hint)
        key = _value_type(key_meta, _bare(key_hint))
        value = _value_type(value_meta, _bare(value_hint))
    elif meta.repeated:
        value = _value_type(meta, _bare(get_args(hint)[0]))
    else:
        value = _value_type(meta, hint)
    return Field(
        name=field.name,
        number=meta.number,
        value=value,
        key=key,
        is_repeated=bool(meta.repeated),
        has_presence=bool(meta.optional or meta.group) and not meta.repeated,
        group=meta.group if companions > 1 else None,
    )


@cache
def fields_of(cls: type) -> tuple[Field, ...]:
    """The fields of a message class, in the order of declaration.

    Raises:
        TypeError: `cls` is not a generated message class.
    """
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls!r} is not a generated message class")
    hints = get_type_hints(cls, vars(sys.modules[cls.__module__]), {})
    declared = dataclasses.fields(cls)
    groups = [betterproto2.FieldMetadata.get(field).group for field in declared]
    return tuple(
        _field(field, hints[field.name], groups.count(group))
        for field, group in zip(declared, groups, strict=True)
    )
