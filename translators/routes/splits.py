"""A rule's split of requests over several clusters by weight.

Source:
https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRouteDestination and
config.route.v3.WeightedCluster.
"""

from __future__ import annotations

from collections.abc import Callable

from envoy_data_plane.envoy.config.route.v3 import WeightedCluster, WeightedClusterClusterWeight

from translators.codec import new
from translators.model.routing import Destination, WeightedDestination
from translators.model.upstream import Upstream
from translators.routes import headers

UpstreamOf = Callable[[Destination], Upstream]
"""Destination → where it is."""


def weighted_clusters(
    destinations: tuple[tuple[WeightedDestination, int], ...],
    upstream_of: UpstreamOf,
    *,
    keeps_authority: bool,
) -> WeightedCluster:
    """The split; each destination's header operations stand with it.

    Args:
        destinations: Those with weights above zero, at least one.
        upstream_of: Destination → where it is.
        keeps_authority: Whether the rule says the authority, so that destinations do not.
    """
    return new(WeightedCluster)(
        clusters=[
            _cluster_weight(
                upstream_of(item.destination), weight, item, keeps_authority=keeps_authority
            )
            for item, weight in destinations
        ]
    )


def _cluster_weight(
    upstream: Upstream, weight: int, item: WeightedDestination, *, keeps_authority: bool
) -> WeightedClusterClusterWeight:
    request, response = item.request_headers, item.response_headers
    if headers.is_empty(request) and headers.is_empty(response):
        return new(WeightedClusterClusterWeight)(name=upstream.cluster, weight=weight)
    authority = "" if keeps_authority else headers.authority_of(request)
    return new(WeightedClusterClusterWeight)(
        name=upstream.cluster,
        weight=weight,
        request_headers_to_add=headers.values(request),
        request_headers_to_remove=headers.removed(request),
        response_headers_to_add=headers.values(response),
        response_headers_to_remove=headers.removed(response),
        host_rewrite_literal=authority or None,
    )
