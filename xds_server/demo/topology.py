"""Who takes part in the demo.

The same workloads that `examples/demo/*.yaml` names, as the processes to start.

Each workload has a loopback address of its own. Its sidecar binds the service's port there, and the
application itself listens on another port of 127.0.0.1 that only the sidecar knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from translators.model.locality import Locality

NAMESPACE = "demo"
NETWORK = "127.0.1"
"""The first three parts of the addresses in the YAML files.

Another loopback network is taken when this one is in use.
"""
NEAR = Locality("eu-1", "eu-1a")
FAR = Locality("eu-1", "eu-1b")
REVIEWS = "reviews.mesh"
RATINGS = "ratings"
PORTS = {"reviews": 9080, "ratings": 9090}
"""Application → the port of its service."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One instance of an application; `host` is the last part of its address."""

    name: str
    app: str
    version: str
    locality: Locality
    host: int

    def address(self, network: str) -> str:
        """Its IP address in that network (three parts)."""
        return f"{network}.{self.host}"

    @property
    def port(self) -> int:
        """The port of its service."""
        return PORTS[self.app]


CLIENT = Workload("web", "web", "v1", NEAR, 1)
BACKENDS = (
    Workload("reviews-v1-a1", "reviews", "v1", NEAR, 11),
    Workload("reviews-v1-a2", "reviews", "v1", NEAR, 12),
    Workload("reviews-v2-a1", "reviews", "v2", NEAR, 13),
    Workload("reviews-v2-a2", "reviews", "v2", NEAR, 14),
    Workload("reviews-v1-b1", "reviews", "v1", FAR, 21),
    Workload("reviews-v2-b1", "reviews", "v2", FAR, 22),
    Workload("ratings-a1", "ratings", "v1", NEAR, 31),
    Workload("ratings-b1", "ratings", "v1", FAR, 32),
)
