"""A client whose requests take long to take in leaves the loop to others in between."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import grpc.aio
import pytest
from envoy_data_plane.envoy.config.core.v3 import Node
from envoy_data_plane.envoy.service.discovery.v3 import DeltaDiscoveryRequest

from tests.support.fakes.raw_resources import RawResources
from translators.names import CLUSTER_TYPE, ENDPOINT_TYPE
from xds_server.ads.connection import Connection, Protocols
from xds_server.ads.limits import DEFAULT_LIMITS
from xds_server.ads.seams import Wire
from xds_server.ads.silent_observer import SilentObserver
from xds_server.ads.subscription import SubscriptionPool


@dataclass
class SlowClock:
    """A clock by which everything takes so long as it is told."""

    step: float
    time: float = 0.0

    def now(self) -> float:
        self.time += self.step
        return self.time


@dataclass
class Call:
    requests: list[bytes] = field(default_factory=list)

    async def read(self) -> object:
        return self.requests.pop(0) if self.requests else grpc.aio.EOF

    async def write(self, data: bytes) -> None:
        pass


@pytest.mark.parametrize(
    ("seconds", "pause"), [(0.001, None), (0.1, pytest.approx(0.4)), (10.0, 2.0)]
)
async def test_pauses_follow_what_a_request_took(
    monkeypatch: pytest.MonkeyPatch, seconds: float, pause: float | None
) -> None:
    pauses: list[float] = []

    async def sleep(delay: float) -> None:
        pauses.append(delay)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    requests = [
        bytes(DeltaDiscoveryRequest(node=Node(id="web.default"), type_url=CLUSTER_TYPE)),
        *[
            bytes(DeltaDiscoveryRequest(type_url=ENDPOINT_TYPE, resource_names_subscribe=[name]))
            for name in "abc"
        ],
    ]
    protocols = Protocols(
        RawResources(),
        SilentObserver(),
        SubscriptionPool(),
        SlowClock(seconds),
        DEFAULT_LIMITS,
        lambda _connection: None,
    )
    await Connection(Call(requests), Wire.DELTA, protocols).run()
    assert pauses == ([] if pause is None else [pause] * 3)
