"""The rendering that goldens and `explain` show."""

from datetime import timedelta

import pytest
import yaml
from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterDiscoveryType,
    ClusterLbPolicy,
    OutlierDetection,
)
from envoy_data_plane.envoy.config.core.v3 import (
    DataSource,
    HttpProtocolOptions,
    Metadata,
    RequestMethod,
)
from envoy_data_plane.envoy.config.route.v3 import RouteMatch
from envoy_data_plane.google.protobuf import Any, ListValue, Struct, UInt32Value, Value

from translators.codec import (
    decode,
    dump_yaml,
    encode,
    pack,
    render_resource,
    render_yaml,
    to_plain,
    type_url,
)


def test_a_cluster_reads_like_envoys_documentation() -> None:
    cluster = Cluster(
        name="outbound|80||reviews",
        type=ClusterDiscoveryType.EDS,
        lb_policy=ClusterLbPolicy.LEAST_REQUEST,
        connect_timeout=timedelta(seconds=1.25),
        outlier_detection=OutlierDetection(
            consecutive_5xx=0, interval=timedelta(seconds=10), always_eject_one_host=False
        ),
        typed_extension_protocol_options={"z": pack(RouteMatch(prefix="")), "a": pack(Struct())},
        metadata=Metadata(
            filter_metadata={
                "b": Struct(
                    fields={"n": Value(number_value=3), "l": Value(list_value=ListValue())}
                ),
                "a": Struct(),
            }
        ),
    )
    expected = """\
name: outbound|80||reviews
type: EDS
connect_timeout: 1.25s
lb_policy: LEAST_REQUEST
typed_extension_protocol_options:
  a:
    '@type': type.googleapis.com/google.protobuf.Struct
    value: {}
  z:
    '@type': type.googleapis.com/envoy.config.route.v3.RouteMatch
    prefix: ''
outlier_detection:
  consecutive_5xx: 0
  interval: 10s
  always_eject_one_host: false
metadata:
  filter_metadata:
    a: {}
    b:
      l: []
      "n": 3
"""
    assert render_yaml(cluster) == expected
    resource = render_resource(type_url(Cluster), encode(cluster))
    assert resource == f"'@type': {type_url(Cluster)}\n{expected}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"text\n\tmore", "text\n\tmore"),
        (b"\x00\x01", "base64:AAE="),
        (b"\xff", "base64:/w=="),
        ("é".encode(), "é"),
        (b"", ""),
    ],
)
def test_bytes_are_text_where_they_are_text(value: bytes, text: str) -> None:
    assert to_plain(DataSource(inline_bytes=value)) == {"inline_bytes": text}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (30, "30s"), (-1.5, "-1.5s"), (0.000001, "0.000001s"), (-60, "-60s")],
)
def test_spans_are_written_as_protobufs_json_writes_them(seconds: float, text: str) -> None:
    assert to_plain(Cluster(connect_timeout=timedelta(seconds=seconds))) == {
        "connect_timeout": text
    }


def test_enum_values_without_a_name_are_numbers() -> None:
    assert to_plain(Cluster(lb_policy=ClusterLbPolicy(99))) == {"lb_policy": 99}
    assert RequestMethod.GET.name == "GET"


def test_names_with_digits_are_the_proto_files_names() -> None:
    names = {"consecutive_5xx": 1, "enforcing_consecutive_5xx": 2}
    assert to_plain(OutlierDetection(**names)) == names
    assert to_plain(HttpProtocolOptions(max_headers_count=1)) == {"max_headers_count": 1}


def test_any_that_cannot_be_opened_shows_its_bytes() -> None:
    unknown = "type.googleapis.com/no.such.v3.Type"
    assert to_plain(Any(type_url=unknown, value=b"\x0a")) == {
        "@type": unknown,
        "value": "base64:Cg==",
    }
    assert to_plain(Any(type_url=type_url(Cluster), value=b"\x0a")) == {
        "@type": type_url(Cluster),
        "value": "base64:Cg==",
    }


def test_any_around_a_plain_value_shows_the_value() -> None:
    url = "type.googleapis.com/google.protobuf.UInt32Value"
    assert to_plain(pack(UInt32Value(value=5))) == {"@type": url, "value": 5}


def test_unknown_fields_are_shown() -> None:
    assert to_plain(decode(Cluster, b"\x0a\x01a\xa2\x06\x01x")) == {
        "name": "a",
        "@unknown": "base64:ogYBeA==",
    }


@pytest.mark.parametrize("text", ["\x85", "a\u2028b", "\u2029", "a\nb", "é"])
def test_every_text_survives_yaml(text: str) -> None:
    assert yaml.safe_load(dump_yaml({text: text})) == {text: text}


@pytest.mark.parametrize("text", ["y", "Y", "n", "N", "yes", "on"])
def test_a_text_that_is_a_boolean_elsewhere_is_in_quotes(text: str) -> None:
    assert dump_yaml({text: [text]}).replace("'", '"') == f'"{text}":\n- "{text}"\n'
