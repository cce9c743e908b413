"""Where requests and connections are sent, as routes and listeners need to know it."""

from __future__ import annotations

from typing import NamedTuple


class Upstream(NamedTuple):
    """A cluster, and what the route or TCP proxy that sends there has to say on its behalf.

    Attributes:
        cluster: The cluster's name.
    """

    cluster: str


class WeightedUpstream(NamedTuple):
    """One of several upstreams that share the traffic; weights are relative, above zero."""

    upstream: Upstream
    weight: int = 1
