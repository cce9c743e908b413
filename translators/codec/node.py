"""The Node of a connecting client, read as bytes.

Envoy's Node is 61 KB, nearly all of it the list of compiled-in extensions, which nobody reads and
which is the same for every Envoy of one build: the run of them is recognised as a whole and stepped
over.

Source: envoy/config/core/v3/base.proto (field numbers), google/protobuf/struct.proto.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from translators.codec.errors import DecodeError
from translators.codec.memo import RunMemo
from translators.codec.wire import (
    FIXED64,
    LENGTH,
    VARINT,
    MalformedError,
    read_length,
    read_varint,
    scan,
    skip_value,
)

Json = None | bool | float | str | list["Json"] | dict[str, "Json"]
"""What a `google.protobuf.Value` holds; numbers are always floats."""

_double = struct.Struct("<d").unpack_from
_MAX_DEPTH = 100
LARGEST_NODE_BYTES = 64 * 1024
"""What a node may say without its extensions; Istio's sidecars say some kilobytes."""
_EXTENSIONS_KEY = 0x4A


def _nothing(_data: bytes, _entries: list[tuple[int, int]]) -> None:
    """Extensions are not decoded."""


_EXTENSION_RUNS = RunMemo(_nothing)


def forget_nodes() -> None:
    """Forget what was kept to step over the same extensions faster."""
    _EXTENSION_RUNS.forget()


@dataclass(frozen=True, slots=True)
class RawNode:
    """Who is connecting, in its own words; strings are empty where it said nothing.

    Attributes:
        id: Opaque node id.
        cluster: Local service cluster.
        region: Region of the locality.
        zone: Zone of the locality.
        sub_zone: Sub-zone of the locality.
        metadata: The metadata struct.
        user_agent_name: `envoy`, `gRPC Python`, …
        user_agent_version: `1.40.0`; from the structured build version where there is one.
        client_features: Names of features that the client declares.
    """

    id: str
    cluster: str
    region: str
    zone: str
    sub_zone: str
    metadata: Mapping[str, Json]
    user_agent_name: str
    user_agent_version: str
    client_features: tuple[str, ...]


def parse_node(data: bytes) -> RawNode:
    """The Node in `data`.

    Raises:
        DecodeError: The bytes are no such message.
    """
    texts: dict[int, str] = {}
    locality: dict[int, str] = {}
    metadata: dict[str, Json] = {}
    version = ""
    features: list[str] = []
    size_bytes = 0
    try:
        for number, start, stop in _read_fields(data):
            size_bytes += stop - start
            if size_bytes > LARGEST_NODE_BYTES:
                raise DecodeError(
                    "Node",
                    f"it is larger than {LARGEST_NODE_BYTES} bytes without its extensions:"
                    " shorten its metadata",
                )
            if number in {1, 2, 6, 7}:
                texts[number] = data[start:stop].decode()
            elif number == 3:
                metadata.update(_struct(data[start:stop], 0))
            elif number == 4:
                locality.update(_strings(data[start:stop]))
            elif number == 8:
                version = _build_version(data[start:stop])
            elif number == 10:
                features.append(data[start:stop].decode())
    except IndexError as wrong:
        raise DecodeError("Node", "it ends in the middle of a field") from wrong
    except (ValueError, struct.error) as wrong:
        raise DecodeError("Node", str(wrong)) from wrong
    return RawNode(
        id=texts.get(1, ""),
        cluster=texts.get(2, ""),
        region=locality.get(1, ""),
        zone=locality.get(2, ""),
        sub_zone=locality.get(3, ""),
        metadata=metadata,
        user_agent_name=texts.get(6, ""),
        user_agent_version=version or texts.get(7, ""),
        client_features=tuple(features),
    )


def _read_fields(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of the length-delimited fields that are not extensions."""
    at, end = 0, len(data)
    while at < end:
        if data[at] == _EXTENSIONS_KEY:
            at = _EXTENSION_RUNS.read(data, at)[1]
            continue
        key, at = read_varint(data, at)
        if key & 7 == LENGTH and key > 7:
            start, at = read_length(data, at, end)
            yield key >> 3, start, at
        else:
            at = skip_value(data, at, end, key)


def _strings(data: bytes) -> dict[int, str]:
    """Field number → string, of a message that has only strings."""
    return {
        number: data[start:stop].decode()
        for number, wire_type, start, stop in scan(data)
        if wire_type == LENGTH
    }


def _build_version(data: bytes) -> str:
    """`major.minor.patch` of a BuildVersion; empty if it has none."""
    for number, wire_type, start, stop in scan(data):
        if number == 1 and wire_type == LENGTH:
            body = data[start:stop]
            parts = {
                part: read_varint(body, at)[0] for part, kind, at, _ in scan(body) if kind == VARINT
            }
            return f"{parts.get(1, 0)}.{parts.get(2, 0)}.{parts.get(3, 0)}"
    return ""


def _struct(data: bytes, depth: int) -> dict[str, Json]:
    fields: dict[str, Json] = {}
    for number, wire_type, start, stop in scan(data):
        if number != 1 or wire_type != LENGTH:
            continue
        key, value = "", b""
        entry = data[start:stop]
        for part, kind, at, end in scan(entry):
            if kind != LENGTH:
                continue
            if part == 1:
                key = entry[at:end].decode()
            elif part == 2:
                value = entry[at:end]
        fields[key] = _value(value, depth + 1)
    return fields


def _value(data: bytes, depth: int) -> Json:
    if depth > _MAX_DEPTH:
        raise MalformedError(f"metadata is nested more than {_MAX_DEPTH} deep")
    value: Json = None
    for number, wire_type, start, stop in scan(data):
        if number == 3 and wire_type == LENGTH:
            value = data[start:stop].decode()
        elif number == 5 and wire_type == LENGTH:
            value = _struct(data[start:stop], depth)
        elif number == 6 and wire_type == LENGTH:
            body = data[start:stop]
            value = [
                _value(body[at:end], depth + 1)
                for part, kind, at, end in scan(body)
                if part == 1 and kind == LENGTH
            ]
        elif number == 2 and wire_type == FIXED64:
            value = _double(data, start)[0]
        elif number == 4 and wire_type == VARINT:
            value = read_varint(data, start)[0] != 0
        elif number == 1 and wire_type == VARINT:
            value = None
    return value
