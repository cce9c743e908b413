"""Load balancing: which of a cluster's hosts is next."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import ClusterCommonLbConfig, ClusterLbPolicy

from translators.clusters.outlier_detection import panic_threshold
from translators.codec import new
from translators.model.policy import SimpleLoadBalancer, TrafficPolicy

_POLICIES = {
    SimpleLoadBalancer.LEAST_REQUEST: ClusterLbPolicy.LEAST_REQUEST,
    SimpleLoadBalancer.RANDOM: ClusterLbPolicy.RANDOM,
    SimpleLoadBalancer.ROUND_ROBIN: ClusterLbPolicy.ROUND_ROBIN,
    SimpleLoadBalancer.PASSTHROUGH: ClusterLbPolicy.CLUSTER_PROVIDED,
}


def simple_load_balancer(blocks: TrafficPolicy) -> SimpleLoadBalancer:
    """The load balancer of a policy; least request when it names none."""
    given = blocks.load_balancer.simple if blocks.load_balancer is not None else None
    return given or SimpleLoadBalancer.LEAST_REQUEST


def lb_policy(blocks: TrafficPolicy) -> ClusterLbPolicy:
    """Envoy's name of a policy's load balancer."""
    return _POLICIES[simple_load_balancer(blocks)]


def common_lb_config(blocks: TrafficPolicy) -> ClusterCommonLbConfig:
    """What all load balancers share.

    When to panic, and that workers learn of changed health at once.

    Envoy by default gathers such changes for a second, during which it sends to hosts that it knows
    to be ejected.
    """
    return new(ClusterCommonLbConfig)(
        healthy_panic_threshold=panic_threshold(blocks.outlier_detection),
        update_merge_window=timedelta(0),
    )
