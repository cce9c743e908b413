"""The encoder's promises that generated messages do not reach."""

import datetime
from collections.abc import Callable

import pytest
from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, OutlierDetection
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    DataSource,
    Metadata,
    Node,
    RuntimeDouble,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.config.route.v3 import RouteMatch
from envoy_data_plane.google.protobuf import ListValue, Struct, Value
from google.protobuf import duration_pb2

from translators.codec import EncodeError, decode, encode


def duration_bytes(span: datetime.timedelta) -> bytes:
    return encode(Cluster(connect_timeout=span)).removeprefix(b"\x22")[1:]


@pytest.mark.parametrize(
    "microseconds", [-1_500_000, -500_000, -1, -2_000_001, 1, 999_999, 1_500_000, 10**15 + 1]
)
def test_durations_are_googles(microseconds: int) -> None:
    theirs = duration_pb2.Duration()
    theirs.FromMicroseconds(microseconds)
    span = datetime.timedelta(microseconds=microseconds)
    assert duration_bytes(span) == theirs.SerializeToString()


def test_durations_longer_than_protobuf_allows_are_refused() -> None:
    with pytest.raises(EncodeError, match=r"Cluster\.connect_timeout.*10,000 years"):
        encode(Cluster(connect_timeout=datetime.timedelta(seconds=315_576_000_001)))


def test_zero_wrappers_and_empty_messages_are_written() -> None:
    assert encode(OutlierDetection(consecutive_5xx=0)) == b"\x0a\x00"
    assert encode(Endpoint(address=Address())) == b"\x0a\x00"
    assert encode(RouteMatch(prefix="")) == b"\x0a\x00"


def test_maps_are_sorted_whatever_the_order_of_insertion() -> None:
    forward = Metadata(filter_metadata={"a": Struct(), "b": Struct(), "é": Struct()})
    backward = Metadata(filter_metadata={"é": Struct(), "b": Struct(), "a": Struct()})
    assert encode(forward) == encode(backward) == bytes(forward)


def test_unknown_fields_survive_a_round_trip() -> None:
    data = encode(Node(id="a")) + b"\xa2\x06\x03abc\x98\x06\x07"
    assert encode(decode(Node, data)) == data


@pytest.mark.parametrize("size", [0, 127, 128, 16383, 16384, 70_000])
def test_lengths_of_every_width_are_written(size: int) -> None:
    message = DataSource(inline_bytes=bytes(size))
    assert encode(message) == bytes(message)
    listing = ListValue(values=[Value(string_value="x" * size)] * 3)
    assert encode(listing) == bytes(listing)


def assign(message: Message, field: str, value: object) -> Message:
    """Assignment is not checked by betterproto2; construction would be."""
    setattr(message, field, value)
    return message


def endpoint(port: int) -> LbEndpoint:
    address = assign(SocketAddress(address="10.0.0.1"), "port_value", port)
    return LbEndpoint(endpoint=Endpoint(address=Address(socket_address=address)))


@pytest.mark.parametrize(
    ("build", "where"),
    [
        (lambda: endpoint(1 << 32), "SocketAddress.port_value"),
        (lambda: endpoint(-1), "SocketAddress.port_value"),
        (lambda: assign(SocketAddress(), "port_value", "80"), "SocketAddress.port_value"),
        (lambda: assign(SocketAddress(), "port_value", 80.0), "SocketAddress.port_value"),
        (lambda: assign(SocketAddress(), "address", None), "SocketAddress.address"),
        (lambda: assign(SocketAddress(), "address", b"x"), "SocketAddress.address"),
        (lambda: assign(SocketAddress(), "address", "\ud800"), "SocketAddress.address"),
        (lambda: assign(SocketAddress(), "ipv4_compat", 1), "SocketAddress.ipv4_compat"),
        (lambda: assign(SocketAddress(), "protocol", "UDP"), "SocketAddress.protocol"),
        (lambda: assign(DataSource(), "inline_bytes", "text"), "DataSource.inline_bytes"),
        (lambda: assign(RuntimeDouble(), "default_value", "1"), "RuntimeDouble.default_value"),
        (
            lambda: assign(LbEndpoint(), "load_balancing_weight", -1),
            "LbEndpoint.load_balancing_weight",
        ),
        (lambda: assign(LbEndpoint(), "endpoint", Address()), "LbEndpoint.endpoint"),
        (lambda: assign(Cluster(), "connect_timeout", 5), "Cluster.connect_timeout"),
        (lambda: assign(Cluster(), "ignore_health_on_host_removal", 1), "Cluster.ignore_health"),
        (
            lambda: assign(LocalityLbEndpoints(), "priority", 1 << 40),
            "LocalityLbEndpoints.priority",
        ),
        (lambda: assign(Metadata(), "filter_metadata", [1]), "Metadata.filter_metadata"),
        (lambda: assign(Metadata(), "filter_metadata", {1: Struct()}), "Metadata.filter_metadata"),
        (lambda: assign(Metadata(), "filter_metadata", {"a": 1}), "Metadata.filter_metadata"),
        (
            lambda: assign(ClusterLoadAssignment(), "endpoints", "abc"),
            "ClusterLoadAssignment.endpoints",
        ),
        (
            lambda: assign(ClusterLoadAssignment(), "endpoints", None),
            "ClusterLoadAssignment.endpoints",
        ),
        (lambda: assign(Node(), "client_features", "abc"), "Node.client_features"),
    ],
)
def test_values_that_do_not_fit_name_message_and_field(
    build: Callable[[], Message], where: str
) -> None:
    with pytest.raises(EncodeError) as refused:
        encode(build())
    assert f"cannot encode {where}" in str(refused.value)
    assert refused.value.field


def test_two_members_of_a_oneof_are_refused() -> None:
    address = assign(SocketAddress(address="a", port_value=1), "named_port", "http")
    with pytest.raises(
        EncodeError, match=r"named_port: oneof port_specifier also has port_value set"
    ):
        encode(address)


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(EncodeError, match="not a betterproto2 message"):
        encode(5)  # type: ignore[arg-type]


def test_a_message_that_contains_itself_is_refused() -> None:
    value = Value(list_value=ListValue())
    value.list_value.values.append(value)
    with pytest.raises(EncodeError, match="nested more than 100 deep"):
        encode(value)


def test_a_refusal_leaves_the_encoder_intact() -> None:
    before = encode(endpoint(80))
    with pytest.raises(EncodeError):
        encode(endpoint(1 << 32))
    assert encode(endpoint(80)) == before
