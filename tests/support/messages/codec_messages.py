"""Hypothesis strategies for Envoy messages.

Any class, any field, values that the field's type allows.
"""

import datetime
import struct
from enum import IntEnum
from functools import cache

import betterproto2
from hypothesis import strategies as st
from pydantic.dataclasses import is_pydantic_dataclass, rebuild_dataclass

from translators.codec.schema import INTEGER_RANGES, Field, ValueType, fields_of

_MAX_DEPTH = 5
_FIELDS_AT_DEPTH = (6, 5, 4, 3, 2, 1)
_TEXT = st.one_of(
    st.sampled_from(["", "a", "outbound|80||reviews.default.svc.cluster.local", "é€😀", "x" * 200]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
_FLOAT32 = st.floats(width=32, allow_nan=False).filter(
    lambda value: value != 0 or _is_positive(value)
)
_FLOAT64 = st.floats(allow_nan=False).filter(lambda value: value != 0 or _is_positive(value))
_SPANS = st.one_of(
    st.timedeltas(datetime.timedelta(0), datetime.timedelta(days=4000)),
    st.integers(0, 100_000).map(lambda value: datetime.timedelta(milliseconds=value)),
    st.integers(-100_000, 100_000).map(lambda value: datetime.timedelta(seconds=value)),
)
_MOMENTS = st.datetimes(timezones=st.just(datetime.UTC))


def _is_positive(zero: float) -> bool:
    return struct.pack("<d", zero) == bytes(8)


def _integers(proto: str) -> st.SearchStrategy[int]:
    low, high = INTEGER_RANGES[proto]
    edges = [
        value for value in (0, 1, -1, 127, 128, 16383, 16384, low, high) if low <= value <= high
    ]
    return st.one_of(st.sampled_from(edges), st.integers(low, high))


_SCALARS: dict[str, st.SearchStrategy[object]] = {
    "bool": st.booleans(),
    "string": _TEXT,
    "bytes": st.binary(max_size=40),
    "float": _FLOAT32,
    "double": _FLOAT64,
    **{proto: _integers(proto) for proto in INTEGER_RANGES if proto != "enum"},
}


@cache
def checked(cls: type[betterproto2.Message]) -> type[betterproto2.Message]:
    """The class, with checks that do not depend on who made the first message of it.

    pydantic looks for the names in a class's annotations among those of the caller too: where
    another `Filter` is imported, a Cluster would take that one for its own.
    """
    if is_pydantic_dataclass(cls):
        rebuild_dataclass(cls, force=True, _types_namespace={})
    return cls


@st.composite
def _enums(draw: st.DrawFn, cls: type[IntEnum]) -> IntEnum:
    if draw(st.integers(0, 9)) == 0:
        return cls(draw(st.integers(1000, 2000)))
    return draw(st.sampled_from(list(cls)))


def _values(value: ValueType, depth: int) -> st.SearchStrategy[object]:
    if value.message is None:
        return _enums(value.enum) if value.enum is not None else _SCALARS[value.proto]
    if not value.is_wrapped:
        return messages(value.message, depth + 1)
    if value.message.__name__ == "Duration":
        return _SPANS
    if value.message.__name__ == "Timestamp":
        return _MOMENTS
    return _SCALARS[fields_of(value.message)[0].value.proto]


def _field(field: Field, depth: int) -> st.SearchStrategy[object]:
    if field.key is not None:
        entries = st.dictionaries(
            _values(field.key, depth), _values(field.value, depth), max_size=3
        )
        return entries.map(lambda value: dict(sorted(value.items())))
    if field.is_repeated:
        return st.lists(_values(field.value, depth), max_size=3)
    return _values(field.value, depth)


@st.composite
def messages(
    draw: st.DrawFn, cls: type[betterproto2.Message], depth: int = 0
) -> betterproto2.Message:
    """Messages of a class: a few fields each, at most one of each oneof, maps with sorted keys.

    Spans with a fraction are never negative, and there is no NaN and no -0.0: betterproto2 gets the
    first wrong, the second is unequal to itself, and on the third betterproto2 and protobuf differ.
    """
    fields = fields_of(cls)
    if not fields or depth > _MAX_DEPTH:
        return checked(cls)()
    chosen = draw(st.lists(st.sampled_from(fields), unique=True, max_size=_FIELDS_AT_DEPTH[depth]))
    values = {}
    groups = set()
    for field in chosen:
        if field.group is not None and field.group in groups:
            continue
        groups.add(field.group)
        values[field.name] = draw(_field(field, depth))
    return checked(cls)(**values)
