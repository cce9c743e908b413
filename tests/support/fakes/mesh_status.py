"""A control plane's answers without a control plane.

A small `StatusSource` and values to fill it with.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from xds_server.status import (
    Lacking,
    MeshStatus,
    ProblemStatus,
    ProxyStatus,
    RejectionStatus,
    TypeState,
    TypeStatus,
    WaitResult,
)

WEB = ProxyStatus(
    id="web-0.default",
    namespace="default",
    locality="eu-1/eu-1a",
    version="1.40.0",
    mode="egress",
    wire="delta",
    connected="2026-01-02T03:04:05+00:00",
    revision=42,
    types=(
        TypeStatus("cds", TypeState.ACKED, 12),
        TypeStatus("eds", TypeState.ACKED, 11),
        TypeStatus("vhds", TypeState.ACKED, 9),
    ),
)
API = replace(
    WEB,
    id="api-0.default",
    locality="eu-1/eu-1b",
    revision=41,
    types=(
        TypeStatus("cds", TypeState.ACKED, 12),
        TypeStatus("eds", TypeState.BEHIND, 11),
        TypeStatus("vhds", TypeState.REJECTED, 9, "Only unique values for domains are permitted"),
    ),
)
REJECTION = RejectionStatus(
    object="VirtualService default/reviews",
    place="mesh/reviews.yaml:12",
    path="spec.hosts",
    reason="Only unique values for domains are permitted",
    resource="egress/reviews.default.svc.cluster.local:80",
    revision=42,
    serving="the last good version",
)
PROBLEM = ProblemStatus(
    severity="error",
    object="DestinationRule default/ratings",
    place="mesh/ratings.yaml:7",
    path="spec.trafficPolicy.loadBalancer.simpel",
    message="unknown field; did you mean 'simple'?",
)
MESH = MeshStatus(42, (API, WEB), (REJECTION,), (PROBLEM,))


class FakeSource:
    """Answers with what it was given. `lacking` empty means that every proxy has every revision."""

    def __init__(self, mesh: MeshStatus = MESH, *, ready: bool = True) -> None:
        self.mesh = mesh
        self.ready = ready
        self.lacking: tuple[Lacking, ...] = ()
        self.asked: list[tuple[int | None, float | None]] = []
        self.waiting = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.everywhere = asyncio.Event()

    def is_ready(self) -> bool:
        return self.ready

    def status(self) -> MeshStatus:
        return self.mesh

    async def wait(self, revision: int | None, timeout: float | None) -> WaitResult:
        self.asked.append((revision, timeout))
        self.waiting.set()
        try:
            if self.lacking and timeout != 0:
                async with asyncio.timeout(timeout):
                    await self.everywhere.wait()
                    self.lacking = ()
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            self.hung_up.set()
            raise
        wanted = self.mesh.revision if revision is None else revision
        count = len(self.mesh.proxies)
        return WaitResult(wanted, not self.lacking, count, timeout or 0.0, self.lacking)
