"""Protobuf's scalar and well-known types: one Python value to its bytes, checked.

Each function returns the value's encoding without tag and length. `TypeError`, `ValueError`,
`OverflowError` and `struct.error` say that the value does not fit; the encoder adds message and
field.
"""

import datetime
import operator
import struct
from collections.abc import Callable, Mapping

from translators.codec.schema import INTEGER_RANGES
from translators.codec.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    read_varint,
    scan,
    signed_varint,
    varint,
)

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
MAX_DURATION_SECONDS = 315_576_000_000
"""The longest span that `google.protobuf.Duration` allows, to either side."""


def _ranged(proto: str, encode: Callable[[int], bytes]) -> Callable[[int], bytes]:
    low, high = INTEGER_RANGES[proto]

    def checked(value: int) -> bytes:
        number = operator.index(value)
        if not low <= number <= high:
            raise ValueError(f"{number} is outside {low}..{high}")
        return encode(number)

    return checked


def _zigzag(value: int) -> bytes:
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def boolean(value: bool) -> bytes:
    """A bool; other truthy values are refused, so that a forgotten comparison shows."""
    if value is True:
        return b"\x01"
    if value is False:
        return b"\x00"
    raise TypeError(f"expected a bool, got {type(value).__name__} {value!r}")


def text(value: str) -> bytes:
    """A string."""
    if not isinstance(value, str):
        raise TypeError(f"expected a str, got {type(value).__name__} {value!r}")
    return value.encode()


def raw(value: bytes) -> bytes:
    """A bytes value."""
    if not isinstance(value, bytes | bytearray):
        raise TypeError(f"expected bytes, got {type(value).__name__} {value!r}")
    return bytes(value)


def duration(value: datetime.timedelta) -> bytes:
    """A `google.protobuf.Duration`, seconds and nanos of one sign.

    betterproto2 gives a negative span with a fraction nanos of the wrong sign (-1.5 s goes out as
    -0.5 s); all other spans have the same bytes here as there.
    """
    if not isinstance(value, datetime.timedelta):
        raise TypeError(f"expected a timedelta, got {type(value).__name__} {value!r}")
    microseconds = value // _MICROSECOND
    if microseconds >= 0:
        seconds, fraction = divmod(microseconds, 1_000_000)
    else:
        seconds, fraction = (-part for part in divmod(-microseconds, 1_000_000))
    if not -MAX_DURATION_SECONDS <= seconds <= MAX_DURATION_SECONDS:
        raise ValueError(f"{value} is longer than 10,000 years, which a Duration cannot hold")
    return seconds_and_nanos(seconds, fraction * 1000)


def timestamp(value: datetime.datetime) -> bytes:
    """A `google.protobuf.Timestamp`."""
    if not isinstance(value, datetime.datetime):
        raise TypeError(f"expected a datetime, got {type(value).__name__} {value!r}")
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    seconds, fraction = divmod((value - _EPOCH) // _MICROSECOND, 1_000_000)
    return seconds_and_nanos(seconds, fraction * 1000)


def seconds_and_nanos(seconds: int, nanos: int) -> bytes:
    """The body that Duration and Timestamp share: seconds = 1, nanos = 2."""
    body = b"\x08" + signed_varint(seconds) if seconds else b""
    return body + b"\x10" + signed_varint(nanos) if nanos else body


SCALARS: Mapping[str, Callable[..., bytes]] = {
    "bool": boolean,
    "string": text,
    "bytes": raw,
    "int32": _ranged("int32", signed_varint),
    "int64": _ranged("int64", signed_varint),
    "enum": _ranged("enum", signed_varint),
    "uint32": _ranged("uint32", varint),
    "uint64": _ranged("uint64", varint),
    "sint32": _ranged("sint32", _zigzag),
    "sint64": _ranged("sint64", _zigzag),
    "fixed32": struct.Struct("<I").pack,
    "fixed64": struct.Struct("<Q").pack,
    "sfixed32": struct.Struct("<i").pack,
    "sfixed64": struct.Struct("<q").pack,
    "float": struct.Struct("<f").pack,
    "double": struct.Struct("<d").pack,
}
"""Protobuf scalar type → its checked encoding, without tag; strings and bytes without length."""


def _varint_body(body: bytes) -> int:
    """Field 1 of a wrapper around a varint; 0 if it is not there."""
    value = 0
    for number, wire_type, start, _ in scan(body):
        if number == 1 and wire_type == VARINT:
            value = read_varint(body, start)[0]
    return value


def _fixed_body(form: str, wanted: int) -> Callable[[bytes], float]:
    unpack = struct.Struct(form).unpack_from

    def unwrapped(body: bytes) -> float:
        value = 0.0
        for number, wire_type, start, _ in scan(body):
            if number == 1 and wire_type == wanted:
                (value,) = unpack(body, start)
        return value

    return unwrapped


def _length_body(body: bytes) -> bytes:
    value = b""
    for number, wire_type, start, stop in scan(body):
        if number == 1 and wire_type == LENGTH:
            value = body[start:stop]
    return value


def _signed(value: int, bits: int) -> int:
    sign = 1 << bits - 1
    return ((value & (1 << bits) - 1) ^ sign) - sign


def _seconds_and_nanos(body: bytes) -> tuple[int, int]:
    seconds = nanos = 0
    for number, wire_type, start, _ in scan(body):
        if wire_type == VARINT and number == 1:
            seconds = _signed(read_varint(body, start)[0], 64)
        elif wire_type == VARINT and number == 2:
            nanos = _signed(read_varint(body, start)[0], 32)
    return seconds, nanos


def _timedelta(body: bytes) -> datetime.timedelta:
    """The span to the nearest microsecond, which is all that a `timedelta` holds."""
    seconds, nanos = _seconds_and_nanos(body)
    return datetime.timedelta(seconds=seconds, microseconds=nanos / 1000)


def _datetime(body: bytes) -> datetime.datetime:
    """The microsecond that the moment lies in."""
    seconds, nanos = _seconds_and_nanos(body)
    return _EPOCH + datetime.timedelta(seconds=seconds, microseconds=nanos // 1000)


UNWRAPPED: Mapping[str, Callable[[bytes], object]] = {
    "BoolValue": lambda body: _varint_body(body) != 0,
    "Int32Value": lambda body: _signed(_varint_body(body), 32),
    "Int64Value": lambda body: _signed(_varint_body(body), 64),
    "UInt32Value": lambda body: _varint_body(body) & 0xFFFFFFFF,
    "UInt64Value": _varint_body,
    "FloatValue": _fixed_body("<f", FIXED32),
    "DoubleValue": _fixed_body("<d", FIXED64),
    "StringValue": lambda body: _length_body(body).decode(),
    "BytesValue": _length_body,
    "Duration": _timedelta,
    "Timestamp": _datetime,
}
"""Well-known message → its body to the plain value that Python holds."""
