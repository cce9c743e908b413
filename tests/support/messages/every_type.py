"""A message class with a field of every protobuf type, also those that no Envoy message has."""

# ruff: noqa: RUF009 - `field` of betterproto2 makes a dataclass field

import datetime
from dataclasses import dataclass

import betterproto2
from betterproto2 import field, map_meta
from envoy_data_plane.google.protobuf import (
    BytesValue,
    Duration,
    FloatValue,
    Int32Value,
    Int64Value,
    StringValue,
    Timestamp,
    UInt64Value,
)
from envoy_data_plane.message_pool import default_message_pool


class Color(betterproto2.Enum):
    """An enum with a negative member."""

    NONE = 0
    RED = 1
    INFRA = -1


@dataclass(eq=False, repr=False)
class EveryType(betterproto2.Message):
    """Every type, singular, in a oneof, repeated and in maps.

    Numbers are not in order of declaration.
    """

    a_bool: "bool" = field(1, "bool")
    an_int32: "int" = field(2, "int32")
    an_int64: "int" = field(3, "int64")
    a_uint32: "int" = field(4, "uint32")
    a_uint64: "int" = field(5, "uint64")
    a_sint32: "int" = field(6, "sint32")
    a_sint64: "int" = field(7, "sint64")
    a_fixed32: "int" = field(8, "fixed32")
    a_fixed64: "int" = field(9, "fixed64")
    an_sfixed32: "int" = field(10, "sfixed32")
    an_sfixed64: "int" = field(11, "sfixed64")
    a_float: "float" = field(12, "float")
    a_double: "float" = field(13, "double")
    a_string: "str" = field(14, "string")
    some_bytes: "bytes" = field(15, "bytes")
    a_color: "Color" = field(2047, "enum", default_factory=lambda: Color(0))
    a_message: "EveryType | None" = field(16, "message", optional=True)

    chosen_bool: "bool | None" = field(21, "bool", optional=True, group="chosen")
    chosen_sint64: "int | None" = field(22, "sint64", optional=True, group="chosen")
    chosen_double: "float | None" = field(23, "double", optional=True, group="chosen")
    chosen_bytes: "bytes | None" = field(24, "bytes", optional=True, group="chosen")
    chosen_color: "Color | None" = field(25, "enum", optional=True, group="chosen")
    chosen_message: "EveryType | None" = field(26, "message", optional=True, group="chosen")
    chosen_span: "datetime.timedelta | None" = field(
        27, "message", unwrap=lambda: Duration, optional=True, group="chosen"
    )

    bools: "list[bool]" = field(31, "bool", repeated=True)
    int64s: "list[int]" = field(32, "int64", repeated=True)
    sint32s: "list[int]" = field(33, "sint32", repeated=True)
    fixed64s: "list[int]" = field(34, "fixed64", repeated=True)
    floats: "list[float]" = field(35, "float", repeated=True)
    colors: "list[Color]" = field(36, "enum", repeated=True)
    blobs: "list[bytes]" = field(37, "bytes", repeated=True)
    spans: "list[datetime.timedelta]" = field(38, "message", unwrap=lambda: Duration, repeated=True)
    weights: "list[int]" = field(39, "message", unwrap=lambda: UInt64Value, repeated=True)

    by_bool: "dict[bool, str]" = field(41, "map", map_meta=map_meta("bool", "string"))
    by_int32: "dict[int, Color]" = field(42, "map", map_meta=map_meta("int32", "enum"))
    by_uint64: "dict[int, float]" = field(43, "map", map_meta=map_meta("uint64", "double"))
    by_sint32: "dict[int, int]" = field(44, "map", map_meta=map_meta("sint32", "sfixed64"))
    by_string: "dict[str, EveryType]" = field(45, "map", map_meta=map_meta("string", "message"))

    wrapped_int32: "int | None" = field(51, "message", unwrap=lambda: Int32Value, optional=True)
    wrapped_int64: "int | None" = field(52, "message", unwrap=lambda: Int64Value, optional=True)
    wrapped_float: "float | None" = field(53, "message", unwrap=lambda: FloatValue, optional=True)
    wrapped_string: "str | None" = field(54, "message", unwrap=lambda: StringValue, optional=True)
    wrapped_bytes: "bytes | None" = field(55, "message", unwrap=lambda: BytesValue, optional=True)
    a_moment: "datetime.datetime | None" = field(
        56, "message", unwrap=lambda: Timestamp, optional=True
    )
    lonely: "int | None" = field(57, "uint32", optional=True, group="_lonely")


default_message_pool.register_message("chancery.test", "EveryType", EveryType)
