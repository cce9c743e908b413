"""HTTP filters: their order, and their parts in listeners and routes."""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import TrafficDirection
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpFilter as EnvoyHttpFilter,
)
from envoy_data_plane.google.protobuf import Any

from translators.http_filters import (
    HTTP_FILTERS,
    HttpFilter,
    Placement,
    http_filters,
    typed_per_filter_config,
)
from translators.model.routing import HttpRule

OUTBOUND, INBOUND = Placement(TrafficDirection.OUTBOUND), Placement(TrafficDirection.INBOUND)
RULE, NAMELESS = HttpRule(name="slow"), HttpRule()


def outbound_only(at: Placement) -> EnvoyHttpFilter | None:
    return EnvoyHttpFilter(name="delay") if at == OUTBOUND else None


def by_name(rule: HttpRule) -> Any | None:
    return Any(type_url="delay", value=rule.name.encode()) if rule.name else None


FILTERS = (HttpFilter("delay", outbound_only, by_name), *HTTP_FILTERS)


def test_every_chain_ends_with_the_router() -> None:
    for at in (OUTBOUND, INBOUND, Placement(TrafficDirection.OUTBOUND, is_proxyless=True)):
        assert http_filters(at)[-1].name == "envoy.filters.http.router"


def test_a_listener_has_the_filters_that_it_needs_in_their_order() -> None:
    assert [part.name for part in http_filters(OUTBOUND, FILTERS)] == [
        "delay",
        "envoy.filters.http.router",
    ]
    assert http_filters(INBOUND, FILTERS) == http_filters(INBOUND)


def test_a_route_has_what_filters_add_for_its_rule_under_their_names() -> None:
    assert typed_per_filter_config(RULE, FILTERS) == {"delay": Any(type_url="delay", value=b"slow")}
    assert typed_per_filter_config(NAMELESS, FILTERS) == {}
    assert typed_per_filter_config(RULE) == {}
