"""Discovery requests as scanned and responses as joined, against the generated message classes."""

import pytest
from envoy_data_plane.envoy.config.core.v3 import Node
from envoy_data_plane.envoy.service.discovery.v3 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
    Resource,
)
from envoy_data_plane.google import rpc
from envoy_data_plane.google.protobuf import Any

from translators.codec import (
    DecodeError,
    RequestError,
    decode,
    delta_resource,
    delta_response_body,
    encode,
    parse_delta_request,
    parse_discovery_request,
    sotw_resource,
    sotw_response_body,
    with_nonce,
)
from translators.codec.memo import RunMemo
from translators.codec.wire import delimited

EDS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
NAMES = [f"outbound|80||svc-{number}.default.svc.cluster.local" for number in range(1000)]


def test_every_field_of_a_delta_request_is_read() -> None:
    node = Node(id="n", cluster="c")
    request = parse_delta_request(
        encode(
            DeltaDiscoveryRequest(
                node=node,
                type_url=EDS,
                resource_names_subscribe=NAMES,
                resource_names_unsubscribe=["gone", "x" * 300],
                initial_resource_versions={"a": "1", "b" * 200: "2", "": "", "c": "v" * 300},
                response_nonce="7",
                error_detail=rpc.Status(code=13, message="no"),
            )
        )
    )
    assert request.node == encode(node)
    assert request.type_url == EDS
    assert request.subscribe == tuple(NAMES)
    assert request.unsubscribe == ("gone", "x" * 300)
    assert request.initial_versions == {"a": "1", "b" * 200: "2", "": "", "c": "v" * 300}
    assert request.nonce == "7"
    assert request.error == RequestError(13, "no")


def test_every_field_of_a_sotw_request_is_read() -> None:
    request = parse_discovery_request(
        encode(
            DiscoveryRequest(
                version_info="3",
                node=Node(id="n"),
                resource_names=NAMES,
                type_url=EDS,
                response_nonce="7",
                error_detail=rpc.Status(code=-1, message="no"),
            )
        )
    )
    assert request.version_info == "3"
    assert request.node == encode(Node(id="n"))
    assert request.resource_names == tuple(NAMES)
    assert (request.type_url, request.nonce) == (EDS, "7")
    assert request.error is not None
    assert request.error.message == "no"


def test_empty_requests_say_nothing() -> None:
    delta, sotw = parse_delta_request(b""), parse_discovery_request(b"")
    assert delta.node is None
    assert delta.error is None
    assert delta.subscribe == sotw.resource_names == ()
    assert delta.initial_versions == {}
    assert parse_delta_request(b"\x3a\x00").error == RequestError(0, "")


def test_equal_lists_that_come_again_are_one_object() -> None:
    versions = dict.fromkeys(sorted(NAMES), "1")
    both = encode(
        DeltaDiscoveryRequest(
            type_url=EDS, resource_names_subscribe=NAMES, initial_resource_versions=versions
        )
    )
    parse_delta_request(both)
    first = parse_delta_request(both)
    second = parse_delta_request(encode(DeltaDiscoveryRequest(resource_names_subscribe=NAMES)))
    third = parse_discovery_request(encode(DiscoveryRequest(resource_names=NAMES, type_url=EDS)))
    assert first.subscribe is second.subscribe is third.resource_names
    again = parse_delta_request(encode(DeltaDiscoveryRequest(initial_resource_versions=versions)))
    assert again.initial_versions is first.initial_versions


def test_long_lists_in_orders_of_their_own_are_not_kept() -> None:
    memo = RunMemo(lambda data, entries: tuple(data[start:stop] for start, stop in entries))
    for number in range(5000):
        names = [f"{number}-{name}".encode() for name in NAMES[:120]]
        run = b"".join(delimited(3, name) for name in names)
        assert memo.read(run, 0) == (tuple(names), len(run))
    assert memo._bytes == 0
    assert len(memo._seen) <= 4096


def test_what_follows_a_list_does_not_hide_that_it_is_known() -> None:
    seen = {
        id(parse_delta_request(b"\x1a\x03abc" + delimited(6, nonce)).subscribe)
        for nonce in (b"1", b"2", b"3" * 60)
    }
    assert len(seen) == 1


def test_a_list_that_begins_like_a_known_one_is_read_to_its_end() -> None:
    for count in (3, 5, 4, 1, 2, 5):
        data = encode(DiscoveryRequest(resource_names=NAMES[:count], type_url=EDS))
        assert parse_discovery_request(data).resource_names == tuple(NAMES[:count])


def test_names_in_several_runs_are_read_together() -> None:
    data = b"\x1a\x01a\x12\x01t\x1a\x01b\x2a\x03\x0a\x01x\x1a\x01c\x2a\x06\x0a\x01y\x12\x012"
    request = parse_delta_request(data)
    assert request.subscribe == ("a", "b", "c")
    assert request.initial_versions == {"x": "", "y": "2"}


def test_unknown_fields_of_requests_are_stepped_over() -> None:
    unknown = delimited(77, b"x") + b"\xf8\x07\x05\x41" + bytes(8)
    assert parse_delta_request(unknown + b"\x1a\x01a").subscribe == ("a",)
    assert parse_discovery_request(unknown + b"\x1a\x01a").resource_names == ("a",)


def test_an_error_cut_in_the_middle_of_a_character_is_read() -> None:
    status = b"\x08\x0d" + delimited(2, "bad é".encode()[:-1])
    request = parse_delta_request(delimited(7, status))
    assert request.error == RequestError(13, "bad \ufffd")


@pytest.mark.parametrize(
    "data",
    [
        b"\x1a",
        b"\x1a\x05ab",
        b"\x12\x05",
        b"\x1a\x01\xff",
        b"\x2a\x02\x0a\x05",
        b"\xff" * 12,
        b"\x0f",
    ],
)
def test_malformed_requests_raise_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError, match="cannot decode DeltaDiscoveryRequest"):
        parse_delta_request(data)
    if data[0] != 0x2A:
        with pytest.raises(DecodeError, match="cannot decode DiscoveryRequest"):
            parse_discovery_request(data)


def test_a_delta_response_is_what_the_message_classes_read() -> None:
    parts = [
        delta_resource("a", "1", EDS, b"x" * 300),
        delta_resource("b", "2", EDS, b"", aliases=["c", "d"]),
        delta_resource("e", "", EDS, None),
    ]
    body = delta_response_body(parts, EDS, ["gone"], "sys")
    expected = DeltaDiscoveryResponse(
        system_version_info="sys",
        resources=[
            Resource(name="a", version="1", resource=Any(type_url=EDS, value=b"x" * 300)),
            Resource(name="b", version="2", resource=Any(type_url=EDS), aliases=["c", "d"]),
            Resource(name="e"),
        ],
        type_url=EDS,
        nonce="9",
        removed_resources=["gone"],
    )
    assert decode(DeltaDiscoveryResponse, with_nonce(body, "9")) == expected


def test_a_sotw_response_is_what_the_message_classes_read() -> None:
    body = sotw_response_body([sotw_resource(EDS, b"x"), sotw_resource(EDS, b"y")], EDS, "3")
    assert decode(DiscoveryResponse, with_nonce(body, "9")) == DiscoveryResponse(
        version_info="3",
        resources=[Any(type_url=EDS, value=b"x"), Any(type_url=EDS, value=b"y")],
        type_url=EDS,
        nonce="9",
    )


def test_the_memo_forgets_the_oldest_when_it_is_full() -> None:
    decoded: list[bytes] = []

    def decode_run(data: bytes, entries: list[tuple[int, int]]) -> int:
        decoded.append(data)
        return len(entries)

    memo = RunMemo(decode_run, max_bytes=2500)
    runs = [delimited(3, bytes([number]) * 40) for number in range(5)]
    for run in runs:
        assert memo.read(run, 0) == (1, len(run))
    assert memo.read(runs[4], 0) == (1, len(runs[4]))
    assert len(decoded) == 5
    memo.read(runs[0], 0)
    assert len(decoded) == 6
