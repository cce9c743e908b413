"""Streams that end leave nothing behind.

No object of theirs, and no resources that only they were sent.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import grpc.aio
import pytest
from envoy_data_plane.envoy.config.core.v3 import Node
from envoy_data_plane.envoy.service.discovery.v3 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
)

from translators.names import CLUSTER_TYPE
from xds_server.ads.connection import Connection
from xds_server.ads.seams import Wire
from xds_server.app import ControlPlane
from xds_server.clock import SystemClock
from xds_server.settings import Settings
from xds_server.sources.files import FileSource

TIMES = 1000
NODE = Node(id="web.default")


def service(port: int) -> str:
    return (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
        f"spec: {{ports: [{{name: http, port: {port}}}]}}\n"
    )


class Call:
    """A call without a transport.

    A client that asks for clusters, accepts what it gets and hangs up.
    """

    def __init__(self) -> None:
        self._requests = [bytes(DeltaDiscoveryRequest(node=NODE, type_url=CLUSTER_TYPE))]
        self.responses = 0

    async def read(self) -> object:
        return self._requests.pop() if self._requests else grpc.aio.EOF

    async def write(self, data: bytes) -> None:
        self.responses += 1
        nonce = DeltaDiscoveryResponse.parse(data).nonce
        answer = DeltaDiscoveryRequest(type_url=CLUSTER_TYPE, response_nonce=nonce)
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


async def connect_and_leave(plane: ControlPlane) -> weakref.ref[Connection]:
    connection = Connection(Call(), Wire.DELTA, plane.ads._protocols)
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
