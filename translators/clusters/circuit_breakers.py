"""Circuit breakers: limits on what one Envoy has open to one cluster at a time.

A limit that no rule gives is the largest number there is, as in Istio. Envoy's own defaults (1,024
connections, and just 3 retries) would fail requests that nobody asked to limit.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import CircuitBreakers, CircuitBreakersThresholds

from translators.codec import new
from translators.model.policy import ConnectionPool

UNLIMITED = 4294967295


def circuit_breakers(pool: ConnectionPool) -> CircuitBreakers:
    """The limits of a connection pool; what remains of each shows in Envoy's statistics."""
    return new(CircuitBreakers)(
        thresholds=[
            new(CircuitBreakersThresholds)(
                max_connections=_limit(pool.max_connections),
                max_pending_requests=_limit(pool.max_pending_requests),
                max_requests=_limit(pool.max_requests),
                max_retries=_limit(pool.max_retries),
                track_remaining=True,
            )
        ]
    )


def _limit(given: int) -> int:
    """The limit that Envoy gets; zero and less mean none."""
    return given if given > 0 else UNLIMITED
