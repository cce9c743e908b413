"""A client's Node as scanned, against the generated message class."""

import pytest
from envoy_data_plane.envoy.config.core.v3 import BuildVersion, Extension, Locality, Node
from envoy_data_plane.envoy.type.v3 import SemanticVersion
from envoy_data_plane.google.protobuf import ListValue, NullValue, Struct, Value

from translators.codec import DecodeError, RawNode, encode, parse_node
from translators.codec.wire import delimited

METADATA = Struct(
    fields={
        "LABELS": Value(struct_value=Struct(fields={"app": Value(string_value="reviews")})),
        "list": Value(
            list_value=ListValue(values=[Value(bool_value=True), Value(number_value=1.5)])
        ),
        "null": Value(null_value=NullValue.NULL_VALUE),
        "unset": Value(),
        "false": Value(bool_value=False),
    }
)


def test_every_field_that_is_kept_is_read() -> None:
    node = Node(
        id="sidecar~10.0.0.1~a.b~b.svc.cluster.local",
        cluster="reviews.b",
        metadata=METADATA,
        locality=Locality(region="r", zone="z", sub_zone="s"),
        user_agent_name="envoy",
        user_agent_build_version=BuildVersion(
            version=SemanticVersion(major_number=1, minor_number=40), metadata=METADATA
        ),
        extensions=[Extension(name=f"x{number}", category="c" * 200) for number in range(516)],
        client_features=["a", "b"],
    )
    assert parse_node(encode(node)) == RawNode(
        id="sidecar~10.0.0.1~a.b~b.svc.cluster.local",
        cluster="reviews.b",
        region="r",
        zone="z",
        sub_zone="s",
        metadata={
            "LABELS": {"app": "reviews"},
            "list": [True, 1.5],
            "null": None,
            "unset": None,
            "false": False,
        },
        user_agent_name="envoy",
        user_agent_version="1.40.0",
        client_features=("a", "b"),
    )


def test_a_textual_user_agent_version_is_read() -> None:
    assert parse_node(encode(Node(user_agent_version="1.85"))).user_agent_version == "1.85"


def test_an_empty_node_is_empty() -> None:
    assert parse_node(b"") == RawNode("", "", "", "", "", {}, "", "", ())


@pytest.mark.parametrize(
    "data",
    [b"\x0a", b"\x0a\x05a", b"\x4a\x05a", b"\x4a", b"\x1a\x03\x0a\x05a", b"\x0a\x01\xff", b"\x0f"],
)
def test_malformed_nodes_raise_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError, match="cannot decode Node"):
        parse_node(data)


def test_bottomless_metadata_raises_decode_error() -> None:
    value = b""
    for _ in range(2000):
        value = delimited(6, delimited(1, value))
    with pytest.raises(DecodeError, match="nested more than 100 deep"):
        parse_node(delimited(3, delimited(1, delimited(2, value))))
