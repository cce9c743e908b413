"""The router: sends requests on as their route says.

It ends every chain, and routes add nothing to it.
"""

from __future__ import annotations

from functools import cache

from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpFilter as EnvoyHttpFilter,
)

from translators.codec import new, pack
from translators.http_filters.http_filter import HttpFilter, Placement

_NAME = "envoy.filters.http.router"


@cache
def _router(_at: Placement) -> EnvoyHttpFilter:
    return new(EnvoyHttpFilter)(name=_NAME, typed_config=pack(new(Router)()))


ROUTER = HttpFilter(_NAME, _router)
