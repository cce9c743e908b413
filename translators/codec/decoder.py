"""Bytes to messages, by a function per message class that is written when first needed.

The counterpart of the encoder. Where betterproto2's `parse` departs from protobuf's rules, this
follows the rules: a message field that comes twice is merged, the last member of a oneof wins, a
number field may come packed or not, and bytes that are no message raise a `DecodeError` instead of
one of a dozen exceptions or nothing at all.

The caller names the fields that nobody will read; they are stepped over and keep their default.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from typing import TypeVar

import betterproto2

from translators.codec.encoder import encode
from translators.codec.errors import DecodeError
from translators.codec.packing import full_name
from translators.codec.scalars import UNWRAPPED
from translators.codec.schema import Field, ValueType, fields_of
from translators.codec.wire import (
    LENGTH,
    MalformedError,
    read_varint,
    skip_value,
)

M = TypeVar("M", bound=betterproto2.Message)

Skip = frozenset[str]
"""Fields that are not decoded, by full protobuf name: `envoy.config.core.v3.Node.extensions`."""

NOTHING: Skip = frozenset()
UNREAD: Skip = frozenset({"envoy.config.core.v3.Node.extensions"})
"""What no part of the control plane reads.

Envoy repeats 61 KB of extensions in every load report.
"""

_Decoder = Callable[[bytes, int, int], betterproto2.Message]
_Case = tuple[int, list[str]]

_FAULTS = (ValueError, OverflowError, IndexError, RecursionError, struct.error)
_FIXED = {
    "float": ("<f", 4),
    "fixed32": ("<I", 4),
    "sfixed32": ("<i", 4),
    "double": ("<d", 8),
    "fixed64": ("<Q", 8),
    "sfixed64": ("<q", 8),
}
_FROM_VARINT = {
    "bool": "v != 0",
    "uint64": "v",
    "uint32": "v & 0xFFFFFFFF",
    "int64": "(v ^ 0x8000000000000000) - 0x8000000000000000",
    "int32": "((v & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000",
    "enum": "((v & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000",
    "sint64": "v >> 1 ^ -(v & 1)",
    "sint32": "(v & 0xFFFFFFFF) >> 1 ^ -(v & 1)",
}
_ZEROS = {"string": "''", "bytes": "b''", "bool": "False", "float": "0.0", "double": "0.0"}
_LINEAR = 4


def decode(cls: type[M], data: bytes, *, skip: Skip = NOTHING) -> M:
    """The message of class `cls` in `data`.

    Args:
        cls: Message class to read.
        data: Its wire form.
        skip: Fields to leave at their default, wherever in the message they come.

    Raises:
        DecodeError: The bytes are no such message.
    """
    compiler = _COMPILERS.get(skip)
    if compiler is None:
        compiler = _COMPILERS[skip] = _Compiler(skip)
    try:
        message = compiler.compiled(cls)(data, 0, len(data))
    except _FAULTS as fault:
        raise DecodeError(cls.__name__, _reason(fault)) from fault
    if not isinstance(message, cls):
        raise TypeError(f"the decoder of {cls.__name__} made a {type(message).__name__}")
    return message


def _reason(fault: Exception) -> str:
    if isinstance(fault, IndexError | struct.error):
        return "it ends in the middle of a field"
    if isinstance(fault, RecursionError):
        return "messages are nested too deeply"
    return str(fault)


def _merged(decoder: _Decoder, message: betterproto2.Message, body: bytes) -> betterproto2.Message:
    """A message field that came before, and the same field again: protobuf merges them."""
    whole = encode(message) + body
    return decoder(whole, 0, len(whole))


class _Compiler:
    """Writes and holds the decoders for one set of skipped fields."""

    def __init__(self, skip: Skip) -> None:
        self._skip = skip
        self._by_class: dict[type[betterproto2.Message], _Decoder] = {}
        self._numbers: dict[type, int] = {}
        self._globals: dict[str, object] = {
            "new": object.__new__,
            "read_varint": read_varint,
            "skip_value": skip_value,
            "merged": _merged,
            "Malformed": MalformedError,
            **{
                f"u_{proto}": struct.Struct(form).unpack_from for proto, (form, _) in _FIXED.items()
            },
            **{f"w_{name}": function for name, function in UNWRAPPED.items()},
        }

    def compiled(self, cls: type[betterproto2.Message]) -> _Decoder:
        """The decoder of a class, compiled on first use."""
        decoder = self._by_class.get(cls)
        if decoder is None:
            name = self._name(cls)
            source = "\n".join(self._source(name, cls))
            made: dict[str, _Decoder] = {}
            code = compile(source, f"<decoder of {cls.__name__}>", "exec")
            exec(code, self._globals, made)  # noqa: S102 - written above from class metadata only
            decoder = self._by_class[cls] = made[name]
            self._globals.update(made)
        return decoder

    def _name(self, cls: type[betterproto2.Message]) -> str:
        """The global name of a class's decoder, which may be called once this returns."""
        number = self._numbers.get(cls)
        if number is None:
            number = self._numbers[cls] = len(self._numbers)

            def stub(data: bytes, at: int, end: int) -> betterproto2.Message:
                return self.compiled(cls)(data, at, end)

            self._globals[f"c{number}"] = cls
            self._globals[f"d{number}"] = stub
        return f"d{number}"

    def _enum(self, cls: type[IntEnum]) -> str:
        """The global name of a function from number to member.

        With a 0 appended, of the zero member.
        """
        number = self._numbers.get(cls)
        if number is None:
            number = self._numbers[cls] = len(self._numbers)
            members = {member.value: member for member in cls}

            def member(value: int) -> IntEnum:
                known = members.get(value)
                return cls(value) if known is None else known

            self._globals[f"n{number}"] = member
            self._globals[f"n{number}_zero"] = cls(0)
        return f"n{number}"

    def _source(self, name: str, cls: type[betterproto2.Message]) -> Iterator[str]:
        fields = fields_of(cls)
        for field in fields:
            if field.key is not None:
                yield from self._entry_source(f"{name}_{field.number}", field, field.key)
        yield from self._loop(name, fields, full_name(cls))
        yield f" m = new(c{name[1:]})"
        yield " m.__dict__ = f"
        yield " return m"

    def _entry_source(self, name: str, field: Field, key: ValueType) -> Iterator[str]:
        """A function that returns key and value of one map entry."""
        entry = (
            Field("key", 1, key, None, False, False, None),
            Field("value", 2, field.value, None, False, field.value.message is not None, None),
        )
        yield from self._loop(name, entry, "")
        yield " v = f['value']"
        if field.value.message is not None and field.value.is_wrapped:
            yield f" if v is None: v = w_{field.value.message.__name__}(b'')"
        elif field.value.message is not None:
            yield f" if v is None: v = {self._name(field.value.message)}(b'', 0, 0)"
        yield " return f['key'], v"

    def _loop(self, name: str, fields: tuple[Field, ...], owner: str) -> Iterator[str]:
        """The function's head: reads all fields into the dict `f`."""
        defaults = "".join(f"{field.name!r}: {self._default(field)}, " for field in fields)
        cases: list[_Case] = []
        for field in fields:
            if f"{owner}.{field.name}" in self._skip:
                cases.extend(_skipped(field))
            else:
                cases.extend(self._cases(name, field, fields))
        yield f"def {name}(data, at, end):"
        yield f" f = {{{defaults}'_unknown_fields': b''}}"
        if any(field.value.is_wrapped for field in fields):
            yield " bodies = {}"
        yield " while at < end:"
        yield "  begin = at"
        yield "  key = data[at]"
        yield "  at += 1"
        yield "  if key > 127: key, at = read_varint(data, begin)"
        yield from _indent(_tree(sorted(cases)), 2)
        yield " if at != end: raise Malformed('the last field is cut off')"

    def _default(self, field: Field) -> str:
        if field.key is not None:
            return "{}"
        if field.is_repeated:
            return "[]"
        if field.has_presence:
            return "None"
        if field.value.enum is not None:
            return f"{self._enum(field.value.enum)}_zero"
        return _ZEROS.get(field.value.proto, "0")

    def _cases(self, name: str, field: Field, fields: tuple[Field, ...]) -> Iterator[_Case]:
        """Wire key → lines that read the value; a repeated number has two, packed and not."""
        value, target = field.value, f"f[{field.name!r}]"
        wire_type = LENGTH if field.key is not None else value.wire_type
        key = field.number << 3 | wire_type
        if field.key is not None:
            lines = [*_BODY, f"k, v = {name}_{field.number}(data, at, stop)", "at = stop"]
            yield key, [*lines, f"{target}[k] = v"]
        elif field.is_repeated:
            read = [*self._read(field), f"{target}.append(v)"]
            yield key, read
            if field.is_packed:
                run = [*_BODY, "end, outer = stop, end", "while at < end:", *_indent(read)]
                run += ["if at != end: raise Malformed('a packed field is cut off')", "end = outer"]
                yield field.number << 3 | LENGTH, run
        else:
            rivals = [
                f"f[{rival.name!r}]"
                for rival in fields
                if field.group is not None and rival.group == field.group and rival is not field
            ]
            clear = [" = ".join([*rivals, "None"])] if rivals else []
            yield key, [*self._read(field), *clear, f"{target} = v"]

    def _read(self, field: Field) -> list[str]:
        """Lines that read one value at `at` into `v` and step behind it."""
        value = field.value
        if value.message is not None and value.is_wrapped:
            unwrap = f"v = w_{value.message.__name__}(b)"
            merge = f"if f[{field.name!r}] is not None: b = bodies[{field.number}] + b"
            keep = [] if field.is_repeated else [merge, f"bodies[{field.number}] = b"]
            return [*_BODY, "b = data[at:stop]", *keep, unwrap, "at = stop"]
        if value.message is not None:
            decoder = self._name(value.message)
            if field.is_repeated:
                return [*_BODY, f"v = {decoder}(data, at, stop)", "at = stop"]
            return [
                *_BODY,
                f"v = f[{field.name!r}]",
                f"if v is None: v = {decoder}(data, at, stop)",
                f"else: v = merged({decoder}, v, data[at:stop])",
                "at = stop",
            ]
        if value.proto == "string":
            return [*_BODY, "v = data[at:stop].decode()", "at = stop"]
        if value.proto == "bytes":
            return [*_BODY, "v = data[at:stop]", "at = stop"]
        if value.proto in _FIXED:
            return [f"v = u_{value.proto}(data, at)[0]", f"at += {_FIXED[value.proto][1]}"]
        number = _FROM_VARINT[value.proto]
        if value.enum is not None:
            number = f"{self._enum(value.enum)}({number})"
        return [*_NUMBER, f"v = {number}"] if number != "v" else _NUMBER


_NUMBER = ["v = data[at]", "at += 1", "if v > 127: v, at = read_varint(data, at - 1)"]
_BODY = [
    "stop = data[at]",
    "at += 1",
    "if stop > 127: stop, at = read_varint(data, at - 1)",
    "stop += at",
    "if stop > end: raise Malformed('a field is longer than the message that holds it')",
]
_UNKNOWN = ["at = skip_value(data, at, end, key)", "f['_unknown_fields'] += data[begin:at]"]


def _skipped(field: Field) -> Iterator[_Case]:
    keys = {field.number << 3 | LENGTH, field.number << 3 | field.value.wire_type}
    return ((key, ["at = skip_value(data, at, end, key)"]) for key in keys)


def _tree(cases: list[_Case]) -> Iterator[str]:
    """Chooses by key: a chain of comparisons where there are few, halves where there are many."""
    if len(cases) > _LINEAR:
        middle = len(cases) // 2
        yield f"if key < {cases[middle][0]}:"
        yield from _indent(_tree(cases[:middle]))
        yield "else:"
        yield from _indent(_tree(cases[middle:]))
        return
    word = "if"
    for key, lines in cases:
        yield f"{word} key == {key}:"
        yield from _indent(lines)
        word = "elif"
    if cases:
        yield "else:"
        yield from _indent(_UNKNOWN)
    else:
        yield from _UNKNOWN


def _indent(lines: Iterable[str], by: int = 1) -> Iterator[str]:
    return (" " * by + line for line in lines)


_COMPILERS: dict[Skip, _Compiler] = {}
