"""Field numbers for encoders that are written by hand."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.core.v3 import SocketAddress
from envoy_data_plane.envoy.config.listener.v3 import Listener

from tests.support.messages.every_type import EveryType
from translators.codec import encode, field_number, length_tag, number_tag
from translators.codec.schema import fields_of


def test_numbers_are_those_of_the_class() -> None:
    for cls in (Listener, SocketAddress, EveryType):
        for field in fields_of(cls):
            assert field_number(cls, field.name) == field.number


def test_a_tag_is_what_the_encoder_writes() -> None:
    assert length_tag(Listener, "name") + b"\x01x" == encode(Listener(name="x"))
    written = encode(SocketAddress(port_value=7))
    assert number_tag(SocketAddress, "port_value") + b"\x07" == written


def test_a_name_that_is_none_is_told() -> None:
    with pytest.raises(TypeError, match="Listener has no field port"):
        field_number(Listener, "port")
    with pytest.raises(TypeError, match="int has no field port"):
        field_number(int, "port")
