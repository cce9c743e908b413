"""Google's protobuf runtime for the Envoy classes.

Descriptors are built from the classes' own field metadata.

All classes go into one file under made-up names; the well-known types are the runtime's own.
"""

import betterproto2
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.message import Message

from translators.codec.packing import full_name
from translators.codec.schema import ValueType, fields_of

_WELL_KNOWN = (any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
_WELL_KNOWN_NAMES = {
    message.full_name
    for module in _WELL_KNOWN
    for message in module.DESCRIPTOR.message_types_by_name.values()
}
_Proto = descriptor_pb2.FieldDescriptorProto


class Runtime:
    """The runtime's message classes for some betterproto2 classes and all that they contain."""

    def __init__(self, *roots: type[betterproto2.Message]) -> None:
        self._file = descriptor_pb2.FileDescriptorProto(
            name="envoy.proto", package="envoy_under_test", syntax="proto3"
        )
        self._names: dict[type, str] = {}
        pool = descriptor_pool.DescriptorPool()
        for module in _WELL_KNOWN:
            pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
            self._file.dependency.append(module.DESCRIPTOR.name)
        names = {root: self._message(root) for root in roots}
        pool.Add(self._file)
        self._classes = {
            root: message_factory.GetMessageClass(pool.FindMessageTypeByName(name[1:]))
            for root, name in names.items()
        }

    def parse(self, cls: type[betterproto2.Message], data: bytes) -> Message:
        """What Google's runtime makes of the bytes."""
        return self._classes[cls].FromString(data)

    def _message(self, cls: type[betterproto2.Message]) -> str:
        if full_name(cls) in _WELL_KNOWN_NAMES:
            return f".{full_name(cls)}"
        if cls in self._names:
            return self._names[cls]
        name = f"M{len(self._names)}_{cls.__name__}"
        self._names[cls] = f".envoy_under_test.{name}"
        descriptor = descriptor_pb2.DescriptorProto(name=name)
        groups: dict[str, int] = {}
        for field in fields_of(cls):
            made = descriptor.field.add(
                name=field.name, number=field.number, label=_Proto.LABEL_OPTIONAL
            )
            if field.key is not None:
                entry = descriptor.nested_type.add(
                    name="".join(part.title() for part in field.name.split("_")) + "Entry"
                )
                entry.options.map_entry = True
                for number, part, value in ((1, "key", field.key), (2, "value", field.value)):
                    inner = entry.field.add(name=part, number=number, label=_Proto.LABEL_OPTIONAL)
                    self._type(inner, value)
                made.label = _Proto.LABEL_REPEATED
                made.type = _Proto.TYPE_MESSAGE
                made.type_name = f"{self._names[cls]}.{entry.name}"
                continue
            self._type(made, field.value)
            if field.is_repeated:
                made.label = _Proto.LABEL_REPEATED
            elif field.has_presence and field.value.message is None and field.group is None:
                made.oneof_index = groups.setdefault(f"only_{field.name}", len(groups))
            elif field.group is not None:
                made.oneof_index = groups.setdefault(field.group, len(groups))
        for group in groups:
            descriptor.oneof_decl.add(name=group)
        self._file.message_type.append(descriptor)
        return self._names[cls]

    def _type(self, made: descriptor_pb2.FieldDescriptorProto, value: ValueType) -> None:
        made.type = getattr(_Proto, f"TYPE_{value.proto.upper()}")
        if value.message is not None:
            made.type_name = self._message(value.message)
        elif value.enum is not None:
            made.type_name = self._enum(value.enum)

    def _enum(self, cls: type) -> str:
        if cls not in self._names:
            name = f"E{len(self._names)}_{cls.__name__}"
            self._names[cls] = f".envoy_under_test.{name}.Values"
            values = descriptor_pb2.EnumDescriptorProto(name="Values")
            for member in cls:
                values.value.add(name=member.name, number=member.value)
            self._file.message_type.add(name=name).enum_type.append(values)
        return self._names[cls]
