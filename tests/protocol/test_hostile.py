"""Clients that mean ill: each costs no more than it sends, and is turned away or ignored."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from envoy_data_plane.envoy.config.core.v3 import Node
from envoy_data_plane.envoy.service.discovery.v3 import DeltaDiscoveryRequest, DiscoveryRequest

from tests.support.fakes.script import LIMITS, TYPES, Delta, Sotw, World
from translators.codec.discovery import _NAMES, LONGEST_NAME_BYTES
from translators.codec.errors import DecodeError
from translators.codec.node import LARGEST_NODE_BYTES, parse_node
from translators.codec.wire import delimited, string
from translators.names import CLUSTER_TYPE, ENDPOINT_TYPE
from xds_server.ads.connection import _node
from xds_server.ads.seams import Wire
from xds_server.errors import LimitExceededError, MalformedRequestError

CLIENTS = pytest.mark.parametrize("client", [Delta, Sotw])


def world_of(**bodies: str) -> World:
    world = World()
    for name, body in bodies.items():
        world.set("cds", name, body)
    world.publish()
    return world


@CLIENTS
def test_rejections_without_end_are_answered_with_silence(client: type[Delta] | type[Sotw]) -> None:
    envoy = client(world_of(a="a1"))
    envoy.asks("cds")
    assert envoy.next() is not None
    for number in range(1000):
        envoy.nacks("cds", f"no {number}")
        envoy.hears_no_more()
    assert len(envoy.diary.nacks) == 1
    assert len(envoy.stream.watched[CLUSTER_TYPE].rejected) == 1


@CLIENTS
def test_answers_to_what_was_never_sent_are_ignored(client: type[Delta] | type[Sotw]) -> None:
    world = world_of(a="a1")
    envoy = client(world)
    envoy.asks("cds")
    assert envoy.next() is not None
    envoy.acks("cds") if client is Delta else envoy.repeats("cds")
    for number in range(1000):
        envoy.nonces["cds"] = f"made-up-{number}"
        envoy.nacks("cds")
        envoy.hears_no_more()
    assert envoy.diary.nacks == []
    watched = envoy.stream.watched[CLUSTER_TYPE]
    assert not watched.late
    assert not watched.rejected


@CLIENTS
def test_types_without_end_end_the_stream(client: type[Delta] | type[Sotw]) -> None:
    envoy = client(World())
    url = TYPES["sds"]
    variant = envoy.variant
    field = 2 if client is Delta else 4
    for number in range(64):
        variant.on_bytes(envoy.stream, string(field, f"{url}{number}"))
    with pytest.raises(LimitExceededError, match="64 resource types"):
        variant.on_bytes(envoy.stream, string(field, url))


@CLIENTS
def test_names_are_limited_over_all_types(client: type[Delta] | type[Sotw]) -> None:
    envoy = client(World(), replace(LIMITS, names=10))
    envoy.asks("eds", "a b c d e f")
    envoy.asks("sds", "a b c d")
    envoy.asks("sds", drops="a b") if client is Delta else envoy.asks("sds", "c d", nonce="")
    envoy.asks("rds", "a b")
    with pytest.raises(LimitExceededError, match="11 names, 1 of them of"):
        envoy.asks("vhds", "a")


def test_a_flood_of_names_that_nobody_has_is_answered_in_parts() -> None:
    envoy = Delta(World())
    envoy.asks("cds")
    envoy.gets("cds")
    envoy.acks("cds")
    envoy.asks("eds", " ".join(f"name-{number}" for number in range(9000)))
    heard: list[str] = []
    responses = 0
    while (got := envoy.next()) is not None:
        assert got.short == "eds"
        assert 0 < len(got.versions) <= 2000
        heard += got.versions
        responses += 1
        envoy.acks("eds")
    assert responses == 5
    assert len(set(heard)) == len(heard) == 9000
    assert envoy.diary.settlements == [0]


def test_clusters_without_end_that_a_client_says_to_have_are_not_kept() -> None:
    envoy = Sotw(World())
    envoy.asks("cds", version="earlier")
    envoy.asks("eds", " ".join(f"name-{number}" for number in range(9000)))
    got = envoy.next()
    assert got is not None
    assert (got.short, len(got.content)) == ("cds", 2000)


@pytest.mark.parametrize("wire", Wire)
def test_request_of_the_other_wire_is_turned_away(wire: Wire) -> None:
    node = Node(id="web.default")
    other = DiscoveryRequest if wire is Wire.DELTA else DeltaDiscoveryRequest
    with pytest.raises(MalformedRequestError):
        _node(bytes(other(node=node, type_url=CLUSTER_TYPE)), wire)


@pytest.mark.parametrize("wire", Wire)
def test_any_bytes_are_a_request_or_turned_away(wire: Wire) -> None:
    chance = random.Random(1)
    kind = DeltaDiscoveryRequest if wire is Wire.DELTA else DiscoveryRequest
    names = {"resource_names_subscribe" if wire is Wire.DELTA else "resource_names": ["a", "b"]}
    good = bytes(kind(node=Node(id="web.default"), type_url=ENDPOINT_TYPE, **names))
    turned_away = 0
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            data = data[: chance.randrange(len(data))]
        client = (Delta if wire is Wire.DELTA else Sotw)(World())
        try:
            _node(bytes(data), wire)
            client.stream.on_bytes(bytes(data))
        except (MalformedRequestError, LimitExceededError):
            turned_away += 1
        else:
            client.stream.take()
    assert turned_away > 300


def test_a_node_of_megabytes_is_turned_away() -> None:
    entry = delimited(1, string(1, "key") + delimited(2, string(3, "x" * LARGEST_NODE_BYTES)))
    with pytest.raises(DecodeError, match="shorten its metadata"):
        parse_node(string(1, "web.default") + delimited(3, entry))
    many = b"".join(delimited(3, delimited(1, string(1, f"key-{n}"))) for n in range(100_000))
    with pytest.raises(DecodeError, match="shorten its metadata"):
        parse_node(string(1, "web.default") + many)


def test_extensions_do_not_count_as_a_node_s_size() -> None:
    extensions = b"".join(delimited(9, string(1, f"extension-{n}")) for n in range(10_000))
    assert len(extensions) > 2 * LARGEST_NODE_BYTES
    assert parse_node(string(1, "web.default") + extensions).id == "web.default"


@pytest.mark.parametrize("field", [3, 4])
def test_a_name_of_kilobytes_is_turned_away(field: int) -> None:
    envoy = Delta(World())
    data = string(2, ENDPOINT_TYPE) + string(field, "x" * (LONGEST_NAME_BYTES + 1))
    with pytest.raises(MalformedRequestError, match="too long"):
        envoy.stream.on_bytes(data)
    held = string(2, ENDPOINT_TYPE) + delimited(5, string(1, "x" * (2 * LONGEST_NAME_BYTES)))
    with pytest.raises(MalformedRequestError, match="too long"):
        envoy.stream.on_bytes(held)


def test_a_type_of_kilobytes_is_turned_away() -> None:
    envoy = Delta(World())
    with pytest.raises(MalformedRequestError, match="a type URL of 4000 bytes"):
        envoy.stream.on_bytes(string(2, "x" * 4000))


def test_a_reason_of_megabytes_is_cut() -> None:
    envoy = Delta(world_of(a="1"))
    envoy.asks("cds")
    got = envoy.gets("cds", "a=1")
    error = delimited(7, string(2, "é" * 1_000_000))
    envoy.stream.on_bytes(string(2, CLUSTER_TYPE) + string(6, got.nonce) + error)
    assert len(envoy.diary.nacks[0]) < 20_000


def test_what_many_names_decode_to_is_counted() -> None:
    _NAMES.forget()
    run = b"".join(string(3, f"{number:05}") for number in range(10_000))
    for _ in range(2):
        _NAMES.read(run, 0)
    assert _NAMES._bytes > 100 * 10_000
    _NAMES.forget()
    assert _NAMES._bytes == 0
