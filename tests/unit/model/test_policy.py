"""A policy over another is merged block by block, whatever blocks there are."""

from __future__ import annotations

from dataclasses import fields, replace

from translators.model.policy import (
    ConnectionPool,
    LoadBalancer,
    OutlierDetection,
    SimpleLoadBalancer,
    TrafficPolicy,
)

BELOW = TrafficPolicy(LoadBalancer(), ConnectionPool(), OutlierDetection())
ABOVE = TrafficPolicy(
    LoadBalancer(SimpleLoadBalancer.RANDOM),
    ConnectionPool(max_connections=1),
    OutlierDetection(interval=None, min_health_percent=1),
)


def test_each_block_that_is_said_replaces_the_one_below() -> None:
    for block in fields(TrafficPolicy):
        said = replace(TrafficPolicy(), **{block.name: getattr(ABOVE, block.name)})
        expected = replace(BELOW, **{block.name: getattr(ABOVE, block.name)})
        assert said.over(BELOW) == expected != BELOW


def test_a_policy_that_says_nothing_changes_nothing() -> None:
    assert TrafficPolicy().over(BELOW) == BELOW
    assert ABOVE.over(TrafficPolicy()) == ABOVE
