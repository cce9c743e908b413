"""Field numbers by name, for messages that are joined from bytes by hand.

A hand-written encoder takes its numbers from here when it is imported, so that none is typed a
second time. Type hints are not looked at: that would cost what `schema` costs.
"""

from __future__ import annotations

import dataclasses

import betterproto2

from translators.codec.wire import LENGTH, VARINT, tag


def field_number(cls: type, name: str) -> int:
    """Give the number of a field of a message class.

    Raises:
        TypeError: `cls` is not a generated message class, or has no such field.
    """
    if dataclasses.is_dataclass(cls):
        for field in dataclasses.fields(cls):
            if field.name == name:
                return betterproto2.FieldMetadata.get(field).number
    raise TypeError(f"{cls.__name__} has no field {name}")


def length_tag(cls: type, name: str) -> bytes:
    """Give the tag of a field that is a message, a text or bytes: what follows is its length."""
    return tag(field_number(cls, name), LENGTH)


def number_tag(cls: type, name: str) -> bytes:
    """Give the tag of a field that is a number, a Boolean or an enum: what follows is a varint."""
    return tag(field_number(cls, name), VARINT)
