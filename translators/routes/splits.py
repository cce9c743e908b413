"""A rule's split of requests over several clusters by weight.

Source:
https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRouteDestination and
config.route.v3.WeightedCluster.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy_data_plane.envoy.config.route.v3 import WeightedCluster, WeightedClusterClusterWeight

from translators.codec import new
from translators.model.routing import Destination, HeaderOperations, WeightedDestination
from translators.model.upstream import Upstream
from translators.routes import headers

UpstreamOf = Callable[[Destination], Upstream]
"""Destination → where it is."""


def weighted_clusters(
    destinations: tuple[tuple[WeightedDestination, int], ...],
    outer: tuple[HeaderOperations, HeaderOperations],
    authority: str,
    upstream_of: UpstreamOf,
) -> WeightedCluster:
    """The split.

    Args:
        destinations: At least two, with weights above zero.
        outer: The rule's operations on request and response headers; they run before each
            destination's.
        authority: The authority that the rule rewrites to, "" for none; a destination's own wins.
        upstream_of: Destination → where it is.
    """
    return new(WeightedCluster)(
        clusters=[
            _cluster_weight(
                upstream_of(item.destination),
                weight,
                headers.joined(outer[0], item.request_headers),
                headers.joined(outer[1], item.response_headers),
                authority,
            )
            for item, weight in destinations
        ]
    )


def _cluster_weight(
    upstream: Upstream,
    weight: int,
    request: HeaderOperations,
    response: HeaderOperations,
    authority: str,
) -> WeightedClusterClusterWeight:
    host = headers.host_of(request) or authority
    if not host and headers.is_empty(request) and headers.is_empty(response):
        return new(WeightedClusterClusterWeight)(name=upstream.cluster, weight=weight)
    return new(WeightedClusterClusterWeight)(
        name=upstream.cluster,
        weight=weight,
        request_headers_to_add=headers.values(request),
        request_headers_to_remove=headers.removed(request),
        response_headers_to_add=headers.values(response),
        response_headers_to_remove=headers.removed(response),
        host_rewrite_literal=host or None,
    )
