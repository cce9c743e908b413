"""All HTTP filters, in the order in which requests pass them."""

from __future__ import annotations

from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpFilter as EnvoyHttpFilter,
)
from envoy_data_plane.google.protobuf import Any

from translators.http_filters.http_filter import HttpFilter, Placement
from translators.http_filters.router import ROUTER
from translators.model.routing import HttpRule

HTTP_FILTERS: tuple[HttpFilter, ...] = (ROUTER,)
"""First to last; the router is the last, since Envoy rejects a chain that does not end with one."""


def http_filters(
    at: Placement, filters: tuple[HttpFilter, ...] = HTTP_FILTERS
) -> list[EnvoyHttpFilter]:
    """Give the filters that a connection manager needs, in order."""
    parts = (http_filter.listener_part(at) for http_filter in filters)
    return [part for part in parts if part is not None]


def typed_per_filter_config(
    rule: HttpRule, filters: tuple[HttpFilter, ...] = HTTP_FILTERS
) -> dict[str, Any]:
    """Give what filters add to the route of a rule: filter name → its configuration.

    May be empty.
    """
    parts = ((http_filter.name, http_filter.route_part(rule)) for http_filter in filters)
    return {name: part for name, part in parts if part is not None}
