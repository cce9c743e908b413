"""Where Envoy gets from what a resource refers to: the stream that everything comes by."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from envoy_data_plane.envoy.config.core.v3 import AggregatedConfigSource, ApiVersion, ConfigSource

from translators.codec import new
from translators.envoy.durations import NO_LIMIT


@cache
def ads(initial_fetch_timeout: timedelta | None = NO_LIMIT) -> ConfigSource:
    """Give the ADS stream as a source, the same message each time.

    Args:
        initial_fetch_timeout: How long Envoy waits for the first answer before it goes on
            without. None is Envoy's default, 15 s. The server answers for every name, so that
            nothing need be served half configured, and to wait without limit is right.
    """
    return new(ConfigSource)(
        ads=new(AggregatedConfigSource)(),
        resource_api_version=ApiVersion.V3,
        initial_fetch_timeout=initial_fetch_timeout,
    )
