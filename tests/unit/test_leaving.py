"""Streams that end leave nothing behind.

No object of theirs, and no resources that only they were sent.
"""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import grpc.aio
import pytest
from envoy_data_plane.envoy.config.core.v3 import Node
from envoy_data_plane.envoy.service.discovery.v3 import (
    DeltaDiscoveryRequest,
    DiscoveryRequest,
)

from translators.codec.discovery import _NAMES, _VERSIONS
from translators.codec.wire import delimited, string
from translators.model.resource import Resource
from translators.names import CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE
from translators.resource_types import ResourceType
from translators.world import BUCKETS
from xds_server.ads.connection import Connection
from xds_server.ads.diff import Diff
from xds_server.ads.lineage import EditLog
from xds_server.ads.resources import Resources
from xds_server.ads.seams import Wire
from xds_server.ads.subscription import Subscription
from xds_server.app import ControlPlane
from xds_server.clock import SystemClock
from xds_server.ledger.ledger import REASONS_TOLD
from xds_server.serving.idle import IDLE_GROUPS, IDLE_SECONDS
from xds_server.settings import Settings
from xds_server.sources.files import FileSource

TIMES = 1000
NONCE_KEY = b"\x2a"
"""Of both variants' responses, where the nonce comes last."""
NODE = Node(id="web.default")


def service(port: int) -> str:
    return (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
        f"spec: {{ports: [{{name: http, port: {port}}}]}}\n"
    )


class Call:
    """A call without a transport.

    A client that makes requests, accepts what it gets and hangs up.
    """

    def __init__(self, requests: list[bytes], answer: str = CLUSTER_TYPE) -> None:
        self._requests = requests[::-1]
        self._answer = answer
        self.responses = 0
        self.bytes = 0

    async def read(self) -> object:
        for _ in range(4):
            await asyncio.sleep(0)
        return self._requests.pop() if self._requests else grpc.aio.EOF

    async def write(self, data: bytes) -> None:
        self.responses += 1
        self.bytes += len(data)
        nonce = data.rpartition(NONCE_KEY)[2][1:].decode()
        answer = DeltaDiscoveryRequest(type_url=self._answer, response_nonce=nonce)
        self._requests.append(bytes(answer))

    def peer(self) -> str:
        return "test"


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[ControlPlane]:
    (tmp_path / "web.yaml").write_text(service(80))
    settings = Settings(tmp_path)
    plane = ControlPlane(settings, SystemClock(), (partial(FileSource, tmp_path),))
    await plane.load()
    yield plane
    gc.unfreeze()


def asks(type_url: str = CLUSTER_TYPE, node: Node = NODE, **fields: object) -> bytes:
    return bytes(DeltaDiscoveryRequest(node=node, type_url=type_url, **fields))


async def connect_and_leave(
    plane: ControlPlane, call: Call | None = None, wire: Wire = Wire.DELTA
) -> weakref.ref[Connection]:
    connection = Connection(call or Call([asks()]), wire, plane.ads._protocols)
    await connection.run()
    plane.core.work()
    return weakref.ref(connection)


async def test_a_thousand_streams_that_ended_are_gone(plane: ControlPlane) -> None:
    await connect_and_leave(plane)
    gc.collect()
    frozen, before = gc.get_freeze_count(), len(gc.get_objects())
    ended = [await connect_and_leave(plane) for _ in range(TIMES)]
    gc.collect()
    assert not any(each() is not None for each in ended)
    assert gc.get_freeze_count() <= frozen
    # Some caches fill up to their limits; a stream that stays costs some fifty objects.
    assert len(gc.get_objects()) - before - len(ended) < TIMES


async def test_what_only_ended_streams_were_sent_is_gone(
    plane: ControlPlane, tmp_path: Path
) -> None:
    old = []
    for port in range(81, 86):
        (tmp_path / "web.yaml").write_text(service(port))
        await plane.sources[0].sync()
        await connect_and_leave(plane)
        [group] = plane.core.publisher.groups()
        old.append(weakref.ref(group.snapshot.resources(CLUSTER_TYPE)))
    del group
    gc.collect()
    assert [each() is None for each in old] == [True, True, True, True, False]


def forget(plane: ControlPlane) -> None:
    """Do what the server does in the minutes after its last proxy left."""
    for now in (0.0, 30.0, IDLE_SECONDS):
        plane.core.publisher.tidy(now)
        plane.ads.forget()
    gc.collect()


@pytest.mark.parametrize("wire", Wire)
async def test_ninety_thousand_names_are_gone_with_their_client(
    plane: ControlPlane, wire: Wire
) -> None:
    await connect_and_leave(plane)
    names = [f"name-{number}" for number in range(90_000)]
    if wire is Wire.DELTA:
        held = b"".join(delimited(5, string(1, name) + string(2, "1")) for name in names[:40_000])
        requests = [
            asks(CLUSTER_TYPE) + held,
            string(2, ENDPOINT_TYPE) + b"".join(string(3, name) for name in names),
            asks(ENDPOINT_TYPE, resource_names_unsubscribe=names[:3], response_nonce="1"),
        ]
    else:
        requests = [
            bytes(DiscoveryRequest(node=NODE, type_url=CLUSTER_TYPE, version_info="earlier")),
            string(4, ENDPOINT_TYPE) + b"".join(string(3, name) for name in names),
        ]
    forget(plane)
    before = counts()
    call = Call(requests, ENDPOINT_TYPE)
    await connect_and_leave(plane, call, wire)
    assert call.responses >= len(requests)
    assert call.bytes > 50_000
    forget(plane)
    assert counts() == before
    assert (_NAMES._by_head, _VERSIONS._by_head) == ({}, {})


def counts() -> Counter[type]:
    """How many objects there are of the types that keep names."""
    kinds = (Resource, Resources, Subscription, Diff, EditLog)
    return Counter(type(each) for each in gc.get_objects() if isinstance(each, kinds))


async def test_types_that_clients_make_up_are_gone_with_them(plane: ControlPlane) -> None:
    for number in range(20):
        types = [asks(f"type.googleapis.com/made.up.{number}.{each}") for each in range(60)]
        await connect_and_leave(plane, Call(types))
    forget(plane)
    assert b"made.up" not in plane.core._metrics.exposition()
    labels = set(re.findall(rb'type="([^"]+)"', plane.core._metrics.exposition()))
    assert labels <= {b"cds", b"eds", b"lds", b"rds", b"vhds", b"other"}
    assert not [
        each
        for each in gc.get_objects()
        if isinstance(each, Resources | ResourceType) and "made.up" in str(each)
    ]


async def test_namespaces_and_ids_are_gone_with_their_last_proxy(plane: ControlPlane) -> None:
    await connect_and_leave(plane)
    forget(plane)
    database = plane.core.database
    before = replace(database.statistics, runs=0, hits=0, verified=0)
    assert before.results == len(BUCKETS), "whose hosts another object has is always known"
    for number in range(30):
        node = Node(id=f"web-{number}.namespace-{number}")
        await connect_and_leave(plane, Call([asks(node=node), asks(LISTENER_TYPE, node=node)]))
    assert len(list(plane.core.publisher.groups())) == IDLE_GROUPS
    assert database.statistics.results > 0
    forget(plane)
    assert list(plane.core.publisher.groups()) == []
    assert replace(database.statistics, runs=0, hits=0, verified=0) == before
    assert plane.core.publisher.acceptance.unproven == {}


async def test_a_group_that_is_used_again_stays(plane: ControlPlane) -> None:
    publisher = plane.core.publisher
    await connect_and_leave(plane)
    publisher.tidy(0.0)
    await connect_and_leave(plane)
    publisher.tidy(IDLE_SECONDS)
    assert len(list(publisher.groups())) == 1
    publisher.tidy(2 * IDLE_SECONDS)
    assert list(publisher.groups()) == []


async def test_reasons_for_turning_away_are_not_kept(plane: ControlPlane) -> None:
    ledger = plane.core.ledger
    for number in range(1000):
        ledger.turned_away("peer", "invalid_argument", f"node {number} {'x' * 1000}")
    assert len(ledger._told) <= REASONS_TOLD
    assert all(isinstance(each, int) for each in ledger._told)
