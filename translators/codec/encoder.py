"""Messages to bytes, by a straight-line function per message class, written when first needed.

`bytes(message)` of betterproto2 walks metadata, compares with defaults and validates anew for every
field of every message. Here the walk happens once per class: its result is Python source with one
block per field, compiled and kept. The bytes are those of `bytes(message)`, with three differences
that make them a function of the value alone: maps are written with sorted keys, negative fractional
durations are right, and a value that does not fit its field is an `EncodeError` that names the
field.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping

import betterproto2

from translators.codec import scalars
from translators.codec.errors import EncodeError
from translators.codec.faults import first_fault
from translators.codec.schema import Field, ValueType, fields_of
from translators.codec.wire import BYTES, LENGTH, delimited, prefixes, tag

Encoder = Callable[[betterproto2.Message], bytes]

_REFUSALS = (
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    LookupError,
    RecursionError,
    struct.error,
)
_INTEGERS = frozenset({"int32", "int64", "uint32", "uint64", "enum"})


def encode(message: betterproto2.Message) -> bytes:
    """The wire form of a message.

    Raises:
        EncodeError: A value does not fit the type of its field, or two members of a oneof are set.
    """
    try:
        return _encoder_of(type(message))(message)
    except _REFUSALS as error:
        where, field, reason = first_fault(message)
        raise EncodeError(where, field, reason or str(error)) from error


def _instance(value: object, cls: type[betterproto2.Message]) -> betterproto2.Message:
    """The value, which is of a subclass of its field's class at best."""
    if isinstance(value, cls):
        return value
    raise TypeError(f"expected {cls.__name__}, got {type(value).__name__}")


def _items(value: object) -> Iterable[object]:
    """The value of a repeated field, which is no list."""
    if isinstance(value, list | tuple):
        return value
    raise TypeError(f"expected a list, got {type(value).__name__}")


def _mapping(value: object) -> Mapping[object, object]:
    """The value of a map field, which is no dict."""
    if isinstance(value, Mapping):
        return value
    raise TypeError(f"expected a dict, got {type(value).__name__}")


class _Compiler:
    """Writes and holds the encoders.

    All generated functions share one namespace, in which a class's encoder is first a stub that
    replaces itself; so classes may contain each other, and only what is really encoded is ever
    compiled.
    """

    def __init__(self) -> None:
        self.by_class: dict[type[betterproto2.Message], Encoder] = {}
        self._numbers: dict[type[betterproto2.Message], int] = {}
        self._globals: dict[str, object] = {
            "B": BYTES,
            "delimited": delimited,
            "instance": _instance,
            "items": _items,
            "mapping": _mapping,
            "duration": scalars.duration,
            "timestamp": scalars.timestamp,
            **{f"s_{proto}": function for proto, function in scalars.SCALARS.items()},
        }

    def compiled(self, cls: type[betterproto2.Message]) -> Encoder:
        """The encoder of a class, compiled on first use.

        Raises:
            TypeError: `cls` is not a generated message class.
        """
        encoder = self.by_class.get(cls)
        if encoder is None:
            name = self._name(cls)
            source = "\n".join(self._source(name, fields_of(cls)))
            made: dict[str, Encoder] = {}
            code = compile(source, f"<encoder of {cls.__name__}>", "exec")
            exec(code, self._globals, made)  # noqa: S102 - written above from class metadata only
            encoder = self.by_class[cls] = made[name]
            self._globals[name] = encoder
        return encoder

    def _name(self, cls: type[betterproto2.Message]) -> str:
        """The global name of a class's encoder, which may be called once this returns."""
        number = self._numbers.get(cls)
        if number is None:
            number = self._numbers[cls] = len(self._numbers)
            self._globals[f"c{number}"] = cls

            def stub(message: betterproto2.Message) -> bytes:
                return self.compiled(cls)(message)

            self._globals[f"e{number}"] = stub
        return f"e{number}"

    def _prefixes(self, number: int, wire_type: int) -> str:
        name = f"t{number}_{wire_type}"
        self._globals[name] = prefixes(number, wire_type)
        return name

    def _source(self, name: str, fields: tuple[Field, ...]) -> Iterator[str]:
        yield f"def {name}(m):"
        yield " out = []"
        groups = {field.group for field in fields if field.group is not None}
        names = {group: f"g{index}" for index, group in enumerate(sorted(groups))}
        yield from (f" {flag} = None" for flag in names.values())
        for field in fields:
            yield f" v = m.{field.name}"
            if field.key is not None:
                yield from _indent(self._map(field, field.key))
            elif field.is_repeated:
                yield from _indent(self._repeated(field))
            elif field.has_presence:
                yield " if v is not None:"
                if field.group is not None:
                    flag = names[field.group]
                    yield f"  if {flag}: raise ValueError({_conflict(field)!r} % {flag})"
                    yield f"  {flag} = {field.name!r}"
                yield from _indent(self._item(field.number, field.value), 2)
            else:
                yield from _indent(self._plain(field))
        yield " v = m._unknown_fields"
        yield " if v: out.append(v)"
        yield " return b''.join(out)"

    def _plain(self, field: Field) -> Iterator[str]:
        """A singular field without presence: its zero value is not written."""
        proto = field.value.proto
        if proto == "bool":
            yield f"if v is True: out.append({tag(field.number, 0) + BYTES[1]!r})"
            yield "elif v is not False: s_bool(v)"
            return
        zero = {"string": "''", "bytes": "b''"}.get(proto, "0")
        yield f"if v != {zero}:"
        yield from _indent(self._item(field.number, field.value))

    def _repeated(self, field: Field) -> Iterator[str]:
        yield "if v.__class__ is not list: v = items(v)"
        if field.is_packed:
            yield "if v:"
            yield f" b = b''.join([s_{field.value.proto}(x) for x in v])"
            yield from _indent(self._body(field.number))
        else:
            yield "for v in v:"
            yield from _indent(self._item(field.number, field.value))

    def _map(self, field: Field, key: ValueType) -> Iterator[str]:
        yield "if v.__class__ is not dict: v = mapping(v)"
        yield "if v:"
        yield " whole = out"
        yield " entries = v"
        yield " for k in sorted(entries):"
        yield "  out = []"
        yield "  v = k"
        yield from _indent(self._item(1, key), 2)
        yield "  v = entries[k]"
        yield from _indent(self._item(2, field.value), 2)
        yield "  b = b''.join(out)"
        yield "  out = whole"
        yield from _indent(self._body(field.number), 2)

    def _item(self, number: int, value: ValueType) -> Iterator[str]:
        """Append the value `v` with its tag to `out`, zero or not."""
        if value.message is not None and not value.is_wrapped:
            encoder = self._name(value.message)
            yield f"if v.__class__ is not c{encoder[1:]}: v = instance(v, c{encoder[1:]})"
            yield f"b = {encoder}(v)"
            yield from self._body(number)
        elif value.message is not None:
            yield from self._wrapped(number, value.message)
        elif value.proto == "string":
            yield "b = v.encode()"
            yield from self._body(number)
        elif value.proto == "bytes":
            yield "b = s_bytes(v)"
            yield from self._body(number)
        elif value.proto in _INTEGERS:
            t = self._prefixes(number, value.wire_type)
            yield f"if 0 <= v < 128: out.append({t}[v])"
            yield f"elif 128 <= v < 16384: out.append({t}[v & 127 | 128] + B[v >> 7])"
            yield f"else: out.append({tag(number, value.wire_type)!r} + s_{value.proto}(v))"
        else:
            yield f"out.append({tag(number, value.wire_type)!r} + s_{value.proto}(v))"

    def _wrapped(self, number: int, message: type[betterproto2.Message]) -> Iterator[str]:
        """Append a wrapper message, a Duration or a Timestamp around the plain value `v`."""
        if message.__name__ in {"Duration", "Timestamp"}:
            yield f"b = {message.__name__.lower()}(v)"
            yield f"out.append({self._prefixes(number, LENGTH)}[len(b)] + b)"
            return
        (inner,) = fields_of(message)
        key, proto = tag(inner.number, inner.value.wire_type), inner.value.proto
        if proto == "bool":
            yield f"if v is True: out.append({delimited(number, key + BYTES[1])!r})"
            yield f"elif v is False: out.append({delimited(number, b'')!r})"
            yield "else: s_bool(v)"
        elif inner.value.wire_type == LENGTH:
            yield f"b = s_{proto}(v)"
            yield f"b = delimited({inner.number}, b) if b else b"
            yield from self._body(number)
        else:
            yield f"b = s_{proto}(v)"
            yield f"b = {key!r} + b if v else b''"
            yield f"out.append({self._prefixes(number, LENGTH)}[len(b)] + b)"

    def _body(self, number: int) -> Iterator[str]:
        """Append the body `b` with tag and length to `out`."""
        t = self._prefixes(number, LENGTH)
        yield "n = len(b)"
        yield f"if n < 128: out.append({t}[n] + b)"
        yield f"elif n < 16384: out.append({t}[n & 127 | 128] + B[n >> 7] + b)"
        yield f"else: out.append(delimited({number}, b))"


def _conflict(field: Field) -> str:
    return f"oneof {field.group} has both %s and {field.name} set"


def _indent(lines: Iterable[str], by: int = 1) -> Iterator[str]:
    return (" " * by + line for line in lines)


_COMPILER = _Compiler()


def _encoder_of(cls: type[betterproto2.Message]) -> Encoder:
    return _COMPILER.by_class.get(cls) or _COMPILER.compiled(cls)
