"""The decoder's promises on bytes that no well-behaved encoder writes."""

import datetime

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, OutlierDetection
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    HealthStatus,
    Locality,
    Node,
    Pipe,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import LbEndpoint
from envoy_data_plane.envoy.config.route.v3 import RetryPolicy
from envoy_data_plane.envoy.service.discovery.v3 import DiscoveryRequest
from envoy_data_plane.google.protobuf import ListValue, Struct, Value

from tests.support.messages.every_type import EveryType
from translators.codec import UNREAD, DecodeError, decode, encode
from translators.codec.wire import delimited, varint


def node_with_extensions() -> bytes:
    node = Node(id="n", locality=Locality(zone="z"))
    return encode(node) + delimited(9, delimited(1, b"envoy.filters.http.router")) * 516


def test_skipped_fields_keep_their_default_and_the_rest_is_read() -> None:
    request = delimited(2, node_with_extensions()) + b"\x22\x01t"
    assert decode(DiscoveryRequest, request, skip=UNREAD) == DiscoveryRequest(
        node=Node(id="n", locality=Locality(zone="z")), type_url="t"
    )
    node = decode(DiscoveryRequest, request).node
    assert node is not None
    assert len(node.extensions) == 516


def test_a_field_of_another_wire_type_is_unknown() -> None:
    message = decode(Node, b"\x08\x05\x12\x01c")
    assert message == Node(cluster="c")
    assert encode(message) == b"\x12\x01c\x08\x05"


def test_unknown_groups_are_kept_whole() -> None:
    group = b"\xa3\x06\x08\x01\xab\x06\xac\x06\xa4\x06"
    assert encode(decode(Node, group + b"\x0a\x01n")) == b"\x0a\x01n" + group


def test_the_last_member_of_a_oneof_wins() -> None:
    data = encode(Address(pipe=Pipe(path="/p"))) + encode(
        Address(socket_address=SocketAddress(address="a"))
    )
    assert decode(Address, data) == Address(socket_address=SocketAddress(address="a"))


def test_message_fields_that_come_twice_are_merged() -> None:
    data = encode(Node(locality=Locality(region="r"))) + encode(Node(locality=Locality(zone="z")))
    assert decode(Node, data) == Node(locality=Locality(region="r", zone="z"))


def test_wrappers_and_durations_that_come_twice_are_merged() -> None:
    data = b"\x22\x02\x08\x05" + b"\x22\x06\x10\x80\xca\xb5\xee\x01"
    assert decode(Cluster, data).connect_timeout == datetime.timedelta(seconds=5.5)
    assert decode(OutlierDetection, b"\x0a\x02\x08\x05\x0a\x00").consecutive_5xx == 5


def test_a_wrapper_that_left_its_oneof_is_not_merged_with() -> None:
    span = b"\xda\x01\x02\x08\x05"
    other = b"\xa8\x01\x01"
    assert decode(EveryType, span + other + b"\xda\x01\x00").chosen_span == datetime.timedelta(0)
    assert decode(EveryType, span + b"\xda\x01\x00").chosen_span == datetime.timedelta(seconds=5)
    assert decode(EveryType, span + other) == EveryType(chosen_bool=True)


def test_numbers_are_read_packed_and_unpacked() -> None:
    unpacked = b"\x38\xf4\x03\x38\xf7\x03"
    packed = b"\x3a\x04\xf4\x03\xf7\x03"
    assert decode(RetryPolicy, unpacked + packed).retriable_status_codes == [500, 503, 500, 503]


def test_enum_numbers_that_are_not_known_survive() -> None:
    message = decode(LbEndpoint, b"\x10\x63")
    assert isinstance(message.health_status, HealthStatus)
    assert int(message.health_status) == 99
    assert encode(message) == b"\x10\x63"


def test_a_map_entry_without_key_or_value_has_their_zeros() -> None:
    assert decode(Struct, b"\x0a\x00") == Struct(fields={"": Value()})


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",
        b"\x0a\x05ab",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0a\x02\xff\xff",
        b"\x22\x03\x0a\x05a",
        b"\x22\x02\x0a\x01a",
        b"\x80" * 11,
        b"\x00\x00",
        b"\x0f",
        b"\x0c",
        b"\x0b\x0b\x0c",
        b"\x09\x01\x02",
        b"\x1a\x0a\x0a\x08\x12\x06\x1a\x05ab",
    ],
)
def test_malformed_bytes_raise_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError, match="cannot decode Node: "):
        decode(Node, data)


def test_spans_that_python_cannot_hold_raise_decode_error() -> None:
    with pytest.raises(DecodeError, match="Cluster"):
        decode(Cluster, b"\x22\x0a\x08" + varint((1 << 63) - 1))


def test_bottomless_nesting_raises_decode_error() -> None:
    body = b""
    for _ in range(20_000):
        body = (
            b"\x32"
            + varint(len(body) + 1 + len(varint(len(body))))
            + b"\x0a"
            + varint(len(body))
            + body
        )
    with pytest.raises(DecodeError, match="nested too deeply"):
        decode(Value, body)
    assert decode(ListValue, b"\x0a\x00") == ListValue(values=[Value()])
