"""How clients treat a destination: load balancing, limits, ejection, and subsets.

The values belong to no vocabulary: kinds are parsed into them, and what makes resources reads
these alone.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields
from datetime import timedelta
from operator import attrgetter
from typing import Final

from translators.model.origin import Labels


class SimpleLoadBalancer(enum.Enum):
    """The load balancers without parameters."""

    LEAST_REQUEST = "LEAST_REQUEST"
    RANDOM = "RANDOM"
    ROUND_ROBIN = "ROUND_ROBIN"
    PASSTHROUGH = "PASSTHROUGH"


@dataclass(frozen=True, slots=True)
class Keepalive:
    """TCP keepalive; 0 and None leave the operating system's values."""

    probes: int = 0
    time: timedelta | None = None
    interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ConnectionPool:
    """Limits of a destination. 0 and None mean not given."""

    max_connections: int = 0
    connect_timeout: timedelta | None = None
    tcp_keepalive: Keepalive | None = None
    max_connection_duration: timedelta | None = None
    tcp_idle_timeout: timedelta | None = None
    max_pending_requests: int = 0
    max_requests: int = 0
    max_requests_per_connection: int = 0
    max_retries: int = 0
    http_idle_timeout: timedelta | None = None
    max_concurrent_streams: int = 0
    h2_upgrade: bool | None = None
    """True for UPGRADE, False for DO_NOT_UPGRADE, None for the mesh's default (do not)."""
    use_client_protocol: bool = False


@dataclass(frozen=True, slots=True)
class OutlierDetection:
    """When an instance is ejected.

    `consecutive_5xx` None: Envoy's default of 5; 0: off. `consecutive_gateway_errors` None: off.
    """

    consecutive_5xx: int | None = None
    consecutive_gateway_errors: int | None = None
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: int | None = None
    interval: timedelta | None = None
    base_ejection_time: timedelta | None = None
    max_ejection_percent: int | None = None
    min_health_percent: int = 0


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """Which instance of a destination is taken.

    `simple` None: not given (least request). `locality_enabled` False: `localityLbSetting.enabled`
    is false; None: not given.
    """

    simple: SimpleLoadBalancer | None = None
    locality_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class TrafficPolicy:
    """How clients treat a destination; None: nothing is said of it, and the default holds."""

    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None

    def over(self, below: TrafficPolicy) -> TrafficPolicy:
        """Give the policy that says what this one does, and what `below` does of all else."""
        pairs = zip(_blocks(self), _blocks(below), strict=True)
        return TrafficPolicy(*[block if own is None else own for own, block in pairs])


_blocks: Final = attrgetter(*(block.name for block in fields(TrafficPolicy)))
"""Gives the blocks of a policy as a tuple, in the order of its fields."""


@dataclass(frozen=True, slots=True)
class StatedPolicy:
    """What a rule, or a subset of it, says of a destination.

    `blocks` is the policy, `ports` one for each of some ports, sorted by number, that replaces it
    entirely there.
    """

    blocks: TrafficPolicy = field(default_factory=TrafficPolicy)
    ports: tuple[tuple[int, TrafficPolicy], ...] = ()


@dataclass(frozen=True, slots=True)
class Subset:
    """A named part of a host's instances; its policy replaces the rule's block by block."""

    name: str
    labels: Labels = frozenset()
    policy: StatedPolicy | None = None
