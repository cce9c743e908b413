"""Header operations of rules and destinations.

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


def host_of(operations: HeaderOperations) -> str:
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
    """Both in one, as if the rule's (outer) ran before the destination's (inner).

    Envoy removes before it sets and adds, so what the inner ones set or remove is taken out of the
    outer ones here.
    """
    if is_empty(inner):
        return outer
    final = {name.lower() for name, _ in inner.set} | {name.lower() for name in inner.remove}
    return HeaderOperations(
        set=tuple(pair for pair in outer.set if pair[0].lower() not in final) + inner.set,
        add=tuple(pair for pair in outer.add if pair[0].lower() not in final) + inner.add,
        remove=tuple(dict.fromkeys(outer.remove + inner.remove)),
    )


def is_empty(operations: HeaderOperations) -> bool:
    """Whether nothing is changed."""
    return not (operations.set or operations.add or operations.remove)


def _is_authority(name: str) -> bool:
    return name.lower() in ("host", ":authority")


def _is_plain(name: str) -> bool:
    return not name.startswith(":") and name.lower() != "host"
