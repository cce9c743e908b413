"""Envoy messages to bytes and back.

Compiled encoders and decoders, Any packing, discovery envelopes, rendering.
"""

from translators.codec.building import new
from translators.codec.decoder import UNREAD, decode
from translators.codec.discovery import (
    DeltaRequest,
    RequestError,
    SotwRequest,
    delta_resource,
    delta_response_body,
    entry_body,
    parse_delta_request,
    parse_discovery_request,
    sotw_resource,
    sotw_response_body,
    with_nonce,
)
from translators.codec.encoder import encode
from translators.codec.errors import CodecError, DecodeError, EncodeError
from translators.codec.fields import field_number, length_tag, number_tag
from translators.codec.node import Json, RawNode, parse_node
from translators.codec.packing import any_bytes, message_class, pack, type_url
from translators.codec.render import (
    Plain,
    dump_yaml,
    render_resource,
    render_yaml,
    resource_to_plain,
    to_plain,
)

__all__ = [
    "UNREAD",
    "CodecError",
    "DecodeError",
    "DeltaRequest",
    "EncodeError",
    "Json",
    "Plain",
    "RawNode",
    "RequestError",
    "SotwRequest",
    "any_bytes",
    "decode",
    "delta_resource",
    "delta_response_body",
    "dump_yaml",
    "encode",
    "entry_body",
    "field_number",
    "length_tag",
    "message_class",
    "new",
    "number_tag",
    "pack",
    "parse_delta_request",
    "parse_discovery_request",
    "parse_node",
    "render_resource",
    "render_yaml",
    "resource_to_plain",
    "sotw_resource",
    "sotw_response_body",
    "to_plain",
    "type_url",
    "with_nonce",
]
