"""The xDS resource types that we know.

One table of what is special about each, in the order in which they are sent.

Streams, ledger and quarantine read a type's rules here; a new type is a row. A type that has no row
is served all the same: after all others, whole when no names are asked for, and without an order.

Sources: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol ("Eventual consistency
considerations", "How the client specifies what resources to return", "Grouping resources into
responses") and what Envoy 1.40 does.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from translators.names import (
    CLUSTER_TYPE,
    ENDPOINT_TYPE,
    LISTENER_TYPE,
    ROUTE_TYPE,
    VIRTUAL_HOST_TYPE,
)

_LAST: Final = 1000


class Stage(enum.Enum):
    """When a stream may bring a type to a new state."""

    LEADING = "leading"
    """At once: what others will refer to."""
    GATED = "gated"
    """When this client has answered the leading types of that state."""
    FREE = "free"
    """At once, and nothing waits for it."""


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """What is special about one type of resource. There is one object for each known type.

    Attributes:
        url: The type URL.
        short: What people call it.
        rank: Its place in the order of sending; parents come before what they refer to.
        stage: When it may be brought to a new state.
        parents: The types whose resources make a client ask for resources of this one.
        is_complete_in_sotw: Whether a state-of-the-world response must hold all resources: one that
            is missing is gone.
        is_never_removed: Whether a name that a parent asks for is never called removed but answered
            with an empty resource: Envoy ignores the removal of endpoints, and a listener whose
            routes were removed waits for ever.
        is_wildcard_when_empty: Whether a first request without names asks for everything. Envoy
            asks for endpoints and routes by name only, and without names wants none of them.
        is_rejected_one_by_one: Whether Envoy takes the good resources of a response and names the
            bad ones; of other types it takes or rejects a response as a whole.
    """

    url: str
    short: str
    rank: int = _LAST
    stage: Stage = Stage.FREE
    parents: tuple[ResourceType, ...] = ()
    is_complete_in_sotw: bool = False
    is_never_removed: bool = False
    is_wildcard_when_empty: bool = True
    is_rejected_one_by_one: bool = False


CLUSTER: Final = ResourceType(
    CLUSTER_TYPE,
    "cds",
    rank=0,
    stage=Stage.LEADING,
    is_complete_in_sotw=True,
    is_rejected_one_by_one=True,
)
ENDPOINT: Final = ResourceType(
    ENDPOINT_TYPE,
    "eds",
    rank=1,
    stage=Stage.LEADING,
    parents=(CLUSTER,),
    is_never_removed=True,
    is_wildcard_when_empty=False,
)
LISTENER: Final = ResourceType(
    LISTENER_TYPE,
    "lds",
    rank=2,
    stage=Stage.GATED,
    is_complete_in_sotw=True,
    is_rejected_one_by_one=True,
)
ROUTE: Final = ResourceType(
    ROUTE_TYPE,
    "rds",
    rank=3,
    stage=Stage.GATED,
    parents=(LISTENER,),
    is_never_removed=True,
    is_wildcard_when_empty=False,
)
VIRTUAL_HOST: Final = ResourceType(
    VIRTUAL_HOST_TYPE, "vhds", rank=4, stage=Stage.GATED, parents=(ROUTE,)
)

TYPES: Final = (CLUSTER, ENDPOINT, LISTENER, ROUTE, VIRTUAL_HOST)
"""The known types, in the order in which they are sent."""

_BY_URL: Final[Mapping[str, ResourceType]] = MappingProxyType({each.url: each for each in TYPES})


def resource_type(url: str) -> ResourceType:
    """The type of a URL; one without a row comes last, and is called by its URL."""
    return _BY_URL.get(url) or ResourceType(url, url)


def type_label(url: str) -> str:
    """What a type is called where there are to be few names: `other` when it is not known."""
    known = _BY_URL.get(url)
    return "other" if known is None else known.short


def short_name(url: str) -> str:
    """What people call a type: `cds`, `eds`, …; the URL itself when it is not known."""
    known = _BY_URL.get(url)
    return url if known is None else known.short
