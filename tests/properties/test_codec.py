"""Laws of the codec over generated Envoy messages, against betterproto2 and Google's runtime."""

import datetime
import random
from functools import cache
from typing import Any

import pytest
import yaml
from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import Metadata, Node
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration, VirtualHost
from envoy_data_plane.envoy.data.accesslog.v3 import AccessLogCommon
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
)
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import DownstreamTlsContext
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import HttpProtocolOptions
from envoy_data_plane.envoy.service.discovery.v3 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)
from envoy_data_plane.envoy.service.load_stats.v3 import LoadStatsRequest
from envoy_data_plane.google.protobuf import Struct
from google.protobuf.message import Message as Parsed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.messages.codec_messages import messages
from tests.support.messages.every_type import EveryType
from tests.support.messages.protobuf_runtime import Runtime
from translators.codec import DecodeError, decode, encode, render_yaml, to_plain
from translators.codec.schema import ValueType, fields_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CLASSES = (
    AccessLogCommon,
    Cluster,
    ClusterLoadAssignment,
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
    DownstreamTlsContext,
    EveryType,
    HttpConnectionManager,
    HttpProtocolOptions,
    Listener,
    LoadStatsRequest,
    Metadata,
    Node,
    RouteConfiguration,
    Struct,
    VirtualHost,
)
ANY_CLASS = st.one_of(st.just(EveryType), st.sampled_from(CLASSES), st.sampled_from(CLASSES))
ANY_MESSAGE = ANY_CLASS.flatmap(messages)
generously = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@cache
def runtime() -> Runtime:
    return Runtime(*CLASSES)


@generously
@given(ANY_MESSAGE)
def test_bytes_are_those_of_betterproto2(message: Message) -> None:
    assert encode(message) == bytes(message)


@generously
@given(ANY_MESSAGE)
def test_decoding_gives_back_the_message(message: Message) -> None:
    again = decode(type(message), encode(message))
    assert again == message
    assert again._unknown_fields == b""


@generously
@given(ANY_MESSAGE)
def test_decoder_reads_what_betterproto2_reads(message: Message) -> None:
    data = bytes(message)
    assert decode(type(message), data) == type(message).parse(data)


@generously
@given(ANY_MESSAGE)
def test_googles_runtime_reads_the_same_values(message: Message) -> None:
    parsed = runtime().parse(type(message), encode(message))
    assert_same(parsed, message)


@generously
@given(ANY_MESSAGE)
def test_decoder_reads_what_googles_runtime_writes(message: Message) -> None:
    parsed = runtime().parse(type(message), bytes(message))
    assert decode(type(message), parsed.SerializeToString()) == message


@generously
@given(ANY_CLASS.flatmap(lambda cls: st.tuples(messages(cls), messages(cls))))
def test_concatenated_encodings_merge_as_in_googles_runtime(pair: tuple[Message, Message]) -> None:
    first, second = pair
    data = encode(first) + encode(second)
    cls = type(first)
    merged = runtime().parse(cls, data)
    assert decode(cls, data) == decode(cls, merged.SerializeToString())


@generously
@given(ANY_MESSAGE, st.randoms(use_true_random=False))
def test_order_of_map_insertion_leaves_no_trace(message: Message, rng: random.Random) -> None:
    data = encode(message)
    shuffle_maps(message, rng)
    assert encode(message) == data


@generously
@given(ANY_CLASS, st.binary(max_size=60))
def test_any_bytes_decode_or_raise_decode_error(cls: type[Message], data: bytes) -> None:
    try:
        message = decode(cls, data)
    except DecodeError:
        return
    assert decode(cls, encode(message)) == message or "nan" in repr(message)


@generously
@given(ANY_MESSAGE, st.data())
def test_damaged_bytes_decode_or_raise_decode_error(message: Message, data: st.DataObject) -> None:
    encoded = bytearray(encode(message))
    if not encoded:
        return
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(encoded)))
    for damaged in (bytes(encoded), bytes(encoded[:cut])):
        try:
            decode(type(message), damaged)
        except DecodeError:
            continue


@generously
@given(ANY_MESSAGE, st.randoms(use_true_random=False))
def test_equal_messages_render_alike(message: Message, rng: random.Random) -> None:
    text = render_yaml(message)
    assert yaml.safe_load(text) == to_plain(message)
    assert render_yaml(decode(type(message), encode(message))) == text
    shuffle_maps(message, rng)
    assert render_yaml(message) == text


def shuffle_maps(message: Message, rng: random.Random) -> None:
    for field in fields_of(type(message)):
        value = getattr(message, field.name)
        if field.key is not None:
            entries = list(value.items())
            rng.shuffle(entries)
            setattr(message, field.name, dict(entries))
            value = list(value.values())
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Message):
                shuffle_maps(item, rng)


def assert_same(parsed: Parsed, message: Message) -> None:
    """Google's message and ours have the same fields with the same values."""
    names = {descriptor.name for descriptor, _ in parsed.ListFields()}
    for field in fields_of(type(message)):
        ours = getattr(message, field.name)
        if ours is None or (not field.has_presence and not ours):
            assert field.name not in names
            continue
        assert field.name in names
        theirs = getattr(parsed, field.name)
        if field.key is not None:
            assert set(theirs) == set(ours)
            for key, value in ours.items():
                assert_value(theirs[key], value, field.value)
        elif field.is_repeated:
            for their_item, our_item in zip(theirs, ours, strict=True):
                assert_value(their_item, our_item, field.value)
        else:
            assert_value(theirs, ours, field.value)


def assert_value(theirs: Any, ours: Any, value: ValueType) -> None:
    if isinstance(ours, datetime.timedelta):
        assert theirs.ToTimedelta() == ours
    elif isinstance(ours, datetime.datetime):
        assert theirs.ToDatetime(datetime.UTC) == ours
    elif value.is_wrapped:
        assert theirs.value == ours
    elif value.message is not None:
        assert_same(theirs, ours)
    else:
        assert theirs == ours
