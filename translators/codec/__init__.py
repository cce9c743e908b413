"""Envoy messages to bytes and back: compiled encoders and decoders, Any packing, discovery envelopes, rendering."""

from translators.codec.encoder import encode
from translators.codec.errors import CodecError, DecodeError, EncodeError
from translators.codec.packing import any_bytes, pack, type_url

__all__ = [
    "CodecError",
    "DecodeError",
    "EncodeError",
    "any_bytes",
    "encode",
    "pack",
    "type_url",
]
