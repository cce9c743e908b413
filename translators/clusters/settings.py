"""What clusters of the same policy and protocol have in common: everything but name and hosts."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterLbPolicy

from translators.clusters.circuit_breakers import circuit_breakers
from translators.clusters.http_protocol_options import (
    typed_extension_protocol_options,
    upstream_connection_options,
)
from translators.clusters.load_balancing import common_lb_config, lb_policy
from translators.clusters.outlier_detection import outlier_detection
from translators.codec import encode, new
from translators.model.policy import ConnectionPool, TrafficPolicy
from translators.model.service import Protocol

CONNECT_TIMEOUT = timedelta(seconds=10)
_NO_LIMITS = ConnectionPool()


@lru_cache(maxsize=4096)
def settings(
    protocol: Protocol, blocks: TrafficPolicy, policy: ClusterLbPolicy | None = None
) -> bytes:
    """The settings of a cluster of a protocol under a policy, encoded.

    To be joined to one of `discovery`'s heads.

    Args:
        protocol: What the port speaks.
        blocks: The policy that applies.
        policy: The load balancer, when it is not for the policy to say.
    """
    return encode(settings_message(protocol, blocks, policy))


def settings_message(
    protocol: Protocol, blocks: TrafficPolicy, policy: ClusterLbPolicy | None = None
) -> Cluster:
    """The message whose bytes `settings` are."""
    pool = blocks.connection_pool or _NO_LIMITS
    detection = blocks.outlier_detection
    return new(Cluster)(
        connect_timeout=pool.connect_timeout or CONNECT_TIMEOUT,
        lb_policy=lb_policy(blocks) if policy is None else policy,
        circuit_breakers=circuit_breakers(pool),
        typed_extension_protocol_options=typed_extension_protocol_options(protocol, pool),
        outlier_detection=None if detection is None else outlier_detection(detection),
        common_lb_config=common_lb_config(blocks),
        upstream_connection_options=upstream_connection_options(pool),
        ignore_health_on_host_removal=policy is not ClusterLbPolicy.CLUSTER_PROVIDED,
    )
