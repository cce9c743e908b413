"""Messages as plain values and as YAML, for people: goldens, `explain`, diffs.

Fields have their names from the .proto files, in the order of declaration, and are left out where
protobuf would leave them out; maps are sorted. `Any` is shown as what it holds. The form is meant
to be read and compared, not to be fed back: bytes appear as text where they are text, 64-bit
numbers as numbers.
"""

import base64
import datetime
from collections.abc import Callable, Mapping
from enum import IntEnum

import betterproto2
import yaml
from envoy_data_plane.google.protobuf import (
    Any,
    BoolValue,
    BytesValue,
    DoubleValue,
    Duration,
    FloatValue,
    Int32Value,
    Int64Value,
    ListValue,
    StringValue,
    Struct,
    Timestamp,
    UInt32Value,
    UInt64Value,
    Value,
)

from translators.codec.decoder import decode
from translators.codec.encoder import encode
from translators.codec.errors import DecodeError
from translators.codec.packing import message_class
from translators.codec.scalars import UNWRAPPED
from translators.codec.schema import ValueType, fields_of

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""What JSON and YAML can say."""

_YAML_BREAKS = frozenset("\x85\u2028\u2029")
_YAML_BOOLEANS = frozenset("yYnN")
_MICROSECOND = datetime.timedelta(microseconds=1)
_WRAPPERS = (
    BoolValue,
    BytesValue,
    DoubleValue,
    Duration,
    FloatValue,
    Int32Value,
    Int64Value,
    StringValue,
    Timestamp,
    UInt32Value,
    UInt64Value,
)


def to_plain(message: betterproto2.Message) -> Plain:
    """The message as a dict from field name to plain value.

    Well-known types are what they stand for: a Struct is a dict, a ListValue a list, a Duration
    `1.5s`. Fields that the class does not know are under `@unknown`.
    """
    special = _SPECIAL.get(type(message))
    if special is not None:
        return special(message)
    if isinstance(message, _WRAPPERS):
        return _plain_scalar(UNWRAPPED[type(message).__name__](encode(message)))
    plain: dict[str, Plain] = {}
    for field in fields_of(type(message)):
        value: object = getattr(message, field.name)
        if value is None or (not field.has_presence and not value):
            continue
        if isinstance(value, dict):
            plain[field.proto_name] = {
                _map_key(key): _plain_value(value[key], field.value) for key in sorted(value)
            }
        elif isinstance(value, list):
            plain[field.proto_name] = [_plain_value(item, field.value) for item in value]
        else:
            plain[field.proto_name] = _plain_value(value, field.value)
    if message._unknown_fields:  # noqa: SLF001 - betterproto2 has no public name for them
        plain["@unknown"] = _base64(message._unknown_fields)  # noqa: SLF001
    return plain


def resource_to_plain(url: str, body: bytes) -> Plain:
    """An encoded resource as a plain value, with its type under `@type`.

    A type that is not known, or a body that is not of its type, is shown as its bytes.
    """
    return _plain_any(Any(type_url=url, value=body))


def render_yaml(message: betterproto2.Message) -> str:
    """The message as a YAML document, the same for equal messages."""
    return dump_yaml(to_plain(message))


def render_resource(url: str, body: bytes) -> str:
    """An encoded resource as a YAML document, with its type under `@type`."""
    return dump_yaml(resource_to_plain(url, body))


def dump_yaml(plain: Plain) -> str:
    """Plain values as a YAML document, in their own order."""
    return yaml.dump(
        plain,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=100,
    )


class _Dumper(yaml.SafeDumper):
    """Never abbreviates a value that comes twice, so that every part can be read by itself."""

    def ignore_aliases(self, _data: object) -> bool:
        return True

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        """A scalar.

        In quotes if it holds a line break that only YAML knows, which would be folded without, or
        is a letter that Kubernetes and Envoy take for a boolean, and PyYAML does not.
        """
        quotes = '"' if value in _YAML_BOOLEANS or _YAML_BREAKS.intersection(value) else style
        return super().represent_scalar(tag, value, quotes)


def _plain_value(value: object, value_type: ValueType) -> Plain:
    if isinstance(value, betterproto2.Message):
        return to_plain(value)
    if value_type.enum is not None and isinstance(value, int):
        return _enum_name(value_type.enum(value))
    return _plain_scalar(value)


def _plain_scalar(value: object) -> Plain:
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, datetime.timedelta):
        return duration_text(value)
    if isinstance(value, datetime.datetime):
        moment = value.astimezone(datetime.UTC).replace(tzinfo=None)
        return f"{moment.isoformat()}Z"
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} {value!r} is not a value that a message can hold")


def duration_text(span: datetime.timedelta) -> str:
    """A span as protobuf's JSON writes it: `1.5s`, `-0.25s`, `30s`."""
    microseconds = span // _MICROSECOND
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    sign = "-" if microseconds < 0 else ""
    digits = f".{fraction:06d}".rstrip("0") if fraction else ""
    return f"{sign}{seconds}{digits}s"


def _map_key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _enum_name(member: IntEnum) -> Plain:
    """The value's name in the .proto file; its number if it has none."""
    if not member.name:
        return int(member)
    renamed = member.proto_name if isinstance(member, betterproto2.Enum) else None
    return renamed or member.name


def _text(value: bytes) -> str:
    """Bytes as text where they are printable UTF-8, else as base64 that says so."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return _base64(value)
    return text if all(char.isprintable() or char in "\n\t" for char in text) else _base64(value)


def _base64(value: bytes) -> str:
    return f"base64:{base64.b64encode(value).decode()}"


def _plain_any(message: Any) -> Plain:
    kind: dict[str, Plain] = {"@type": message.type_url}
    if not message.type_url:
        return {"value": _base64(message.value)} if message.value else {}
    try:
        inner = to_plain(decode(message_class(message.type_url), message.value))
    except (TypeError, DecodeError):
        return {**kind, "value": _base64(message.value)}
    if isinstance(inner, dict) and message.type_url not in _VALUES:
        return {**kind, **inner}
    return {**kind, "value": inner}


def _plain_struct(message: Struct) -> Plain:
    return {name: to_plain(message.fields[name]) for name in sorted(message.fields)}


def _plain_list(message: ListValue) -> Plain:
    return [to_plain(value) for value in message.values]


def _plain_json(message: Value) -> Plain:
    if message.struct_value is not None:
        return _plain_struct(message.struct_value)
    if message.list_value is not None:
        return _plain_list(message.list_value)
    if message.number_value is not None:
        number = message.number_value
        return int(number) if number.is_integer() else number
    return message.string_value if message.string_value is not None else message.bool_value


_VALUES = frozenset(
    f"type.googleapis.com/google.protobuf.{name}" for name in ("Struct", "Value", "Any")
)
"""Types whose plain form has keys of its own, so that inside an Any it stands under `value`."""

_SPECIAL: Mapping[type[betterproto2.Message], Callable[..., Plain]] = {
    Any: _plain_any,
    Struct: _plain_struct,
    ListValue: _plain_list,
    Value: _plain_json,
}
