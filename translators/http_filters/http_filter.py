"""What an HTTP filter is to translation: a name, a part in listeners, a part in routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from envoy_data_plane.envoy.config.core.v3 import TrafficDirection
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpFilter as EnvoyHttpFilter,
)
from envoy_data_plane.google.protobuf import Any

from translators.model.routing import HttpRule


class Placement(NamedTuple):
    """Where a connection manager stands: what of it may decide whether it needs a filter.

    A listener's bytes depend on this and nothing else of the mesh, so that no connection is drained
    for what happens to a route.

    Attributes:
        direction: Whether requests come from the workload or to it.
        is_proxyless: Whether gRPC clients read it, which know few filters.
    """

    direction: TrafficDirection
    is_proxyless: bool = False


def _none(_rule: HttpRule) -> None:
    """Add nothing to any route."""


@dataclass(frozen=True, slots=True)
class HttpFilter:
    """One HTTP filter.

    Attributes:
        name: Envoy's name of it, under which routes configure it.
        listener_part: Its entry in a connection manager, or None where it is not needed there.
        route_part: What it adds to the route of a rule, or None. A route may configure only
            filters that stand in every connection manager that the route is for.
    """

    name: str
    listener_part: Callable[[Placement], EnvoyHttpFilter | None]
    route_part: Callable[[HttpRule], Any | None] = _none
