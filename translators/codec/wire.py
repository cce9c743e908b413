"""Protobuf's wire format: varints, tags, length-delimited runs and a scanner over them.

Source: https://protobuf.dev/programming-guides/encoding/. Everything here works on `bytes` and
knows no message class. Readers take a position and return the next one; they raise `IndexError` or
`MalformedError` on bytes that end too early, which the callers turn into a `DecodeError` that names
the message.
"""

from collections.abc import Iterator
from functools import cache

VARINT = 0
FIXED64 = 1
LENGTH = 2
START_GROUP = 3
END_GROUP = 4
FIXED32 = 5

BYTES: tuple[bytes, ...] = tuple(bytes((value,)) for value in range(256))
"""Number below 256 → that one byte."""

MAX_FIELD_NUMBER = (1 << 29) - 1
_MAX_GROUP_DEPTH = 100


class MalformedError(ValueError):
    """Bytes break the wire format."""


def varint(value: int) -> bytes:
    """The encoding of an unsigned number, `0 <= value < 2**64`."""
    if value < 128:
        return BYTES[value]
    if value < 16384:
        return BYTES[value & 127 | 128] + BYTES[value >> 7]
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed_varint(value: int) -> bytes:
    """The encoding of an int32, int64 or enum: negative numbers take ten bytes."""
    return varint(value if value >= 0 else value + (1 << 64))


def tag(number: int, wire_type: int) -> bytes:
    """The key that starts a field on the wire."""
    return varint(number << 3 | wire_type)


@cache
def prefixes(number: int, wire_type: int) -> tuple[bytes, ...]:
    """Number below 256 → the field's tag followed by that byte.

    A number below 128 is written as one lookup, one below 16384 as a lookup with the high bit set
    and one more byte.
    """
    key = tag(number, wire_type)
    return tuple(key + byte for byte in BYTES)


def delimited(number: int, body: bytes) -> bytes:
    """A length-delimited field: tag, length, body."""
    size = len(body)
    if number < 16 and size < 128:
        return BYTES[number << 3 | LENGTH] + BYTES[size] + body
    return varint(number << 3 | LENGTH) + varint(size) + body


def string(number: int, text: str) -> bytes:
    """A string field; nothing at all for the empty string, as proto3 wants it."""
    return delimited(number, text.encode()) if text else b""


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The unsigned number at a position, cut to 64 bits, and the position behind it."""
    byte = data[at]
    if byte < 128:
        return byte, at + 1
    value = byte & 127
    for shift in (7, 14, 21, 28, 35, 42, 49, 56, 63):
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at + 1
    raise MalformedError("a number is longer than ten bytes")


def read_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Start and end of the length-delimited body whose length stands at a position."""
    length, at = read_varint(data, at)
    stop = at + length
    if stop > end:
        raise MalformedError(f"a field of {length} bytes has only {max(end - at, 0)} left")
    return at, stop


def skip_value(data: bytes, at: int, end: int, key: int) -> int:
    """The position behind the value of a field whose tag was just read.

    Raises:
        MalformedError: The tag is not one, or the value runs past `end`.
    """
    wire_type = key & 7
    if not 0 < key >> 3 <= MAX_FIELD_NUMBER:
        raise MalformedError(f"{key >> 3} is not a field number")
    if wire_type == LENGTH:
        return read_length(data, at, end)[1]
    if wire_type == VARINT:
        at = read_varint(data, at)[1]
    elif wire_type == FIXED64:
        at += 8
    elif wire_type == FIXED32:
        at += 4
    elif wire_type == START_GROUP:
        at = _skip_group(data, at, end, key >> 3)
    else:
        raise MalformedError(f"{wire_type} is not a wire type")
    if at > end:
        raise MalformedError("the last field is cut off")
    return at


def _skip_group(data: bytes, at: int, end: int, number: int) -> int:
    opened = [number]
    while opened:
        key, at = read_varint(data, at)
        if key & 7 == START_GROUP:
            opened.append(key >> 3)
            if len(opened) > _MAX_GROUP_DEPTH:
                raise MalformedError("groups are nested too deeply")
        elif key & 7 == END_GROUP:
            if opened.pop() != key >> 3:
                raise MalformedError("a group is closed that was not opened")
        else:
            at = skip_value(data, at, end, key)
    return at


def scan(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """The top-level fields of a message, in order.

    Field number, wire type, start and end of the value.

    For a length-delimited field, start and end are those of the body; its length is not part of it.

    Raises:
        MalformedError: The bytes are not a message.
        IndexError: They end in the middle of a number.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = read_varint(data, at)
        if key & 7 == LENGTH and key > 7:
            start, stop = read_length(data, at, end)
        else:
            start, stop = at, skip_value(data, at, end, key)
        yield key >> 3, key & 7, start, stop
        at = stop
