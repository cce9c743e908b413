"""Header operations of rules and destinations.

Whose word is the last is Istio's order, and there Envoy's: Envoy runs a destination's operations
before its rule's, so the rule's values win in a split. Istio puts those of a rule's only
destination behind the rule's own, so there the destination's win. Each set of operations removes
first, sets next and adds last. The authority is the rule's in both cases, if it says one.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#Headers and
config.core.v3.HeaderValueOption.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import (
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
)

from translators.codec import new
from translators.model.routing import HeaderOperations

_OVERWRITE = HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
_APPEND = HeaderValueOptionHeaderAppendAction.APPEND_IF_EXISTS_OR_ADD


def authority_of(operations: HeaderOperations) -> str:
    """The authority that the operations set last, "" when they leave it alone.

    Only `set` may change it.
    """
    return next((value for name, value in reversed(operations.set) if _is_authority(name)), "")


def values(operations: HeaderOperations) -> list[HeaderValueOption]:
    """What is set, then what is added; the authority and other pseudo headers are left out."""
    options = [
        new(HeaderValueOption)(
            header=new(HeaderValue)(key=name, value=value), append_action=_OVERWRITE
        )
        for name, value in operations.set
        if _is_plain(name)
    ]
    options += [
        new(HeaderValueOption)(
            header=new(HeaderValue)(key=name, value=value), append_action=_APPEND
        )
        for name, value in operations.add
        if _is_plain(name)
    ]
    return options


def removed(operations: HeaderOperations) -> list[str]:
    """The names of what is removed; Envoy refuses to remove the authority and pseudo headers."""
    return [name for name in operations.remove if _is_plain(name)]


def joined(outer: HeaderOperations, inner: HeaderOperations) -> HeaderOperations:
    """Both in one: the rule's (outer), and behind them those of its only destination (inner)."""
    return HeaderOperations(
        set=outer.set + inner.set,
        add=outer.add + inner.add,
        remove=tuple(dict.fromkeys(outer.remove + inner.remove)),
    )


def is_empty(operations: HeaderOperations) -> bool:
    """Whether nothing is changed."""
    return not (operations.set or operations.add or operations.remove)


def _is_authority(name: str) -> bool:
    return name.lower() in ("host", ":authority")


def _is_plain(name: str) -> bool:
    return not name.startswith(":") and name.lower() != "host"
