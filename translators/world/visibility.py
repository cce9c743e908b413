"""Who sees an object, `exportTo`, and in which order; and which wildcard hosts cover a host.

Source: Istio's `exportTo`; `.` is the object's own namespace, `*` everybody, `~` nobody, else a
namespace; `*` wins over the others, then `~`, and an empty list is the mesh's default, which is
everybody.
"""

from __future__ import annotations

import enum
from functools import lru_cache

EVERYONE = "*"
NOBODY = "~"

MESH_GATEWAY = "mesh"
"""The gateway name that stands for all sidecars."""


class Exported(enum.IntEnum):
    """How an object comes to a client; of several for one host the lowest goes first.

    Source: the order in which Istio lists what a namespace sees (`PushContext`: private, exported
    to the namespace, public).
    """

    TO_ITSELF = 0
    """By the client's own namespace, to itself by name or `.`."""
    BY_NAME = 1
    """By another namespace, to the client's by name."""
    TO_EVERYONE = 2


def export_targets(export_to: tuple[str, ...], namespace: str) -> tuple[str, ...]:
    """The namespaces to which an object of `namespace` is exported, sorted.

    `("*",)` is everybody, `()` nobody.
    """
    if not export_to or EVERYONE in export_to:
        return (EVERYONE,)
    if NOBODY in export_to:
        return ()
    return tuple(sorted({namespace if target == "." else target for target in export_to}))


def exported(export_to: tuple[str, ...], namespace: str, client_namespace: str) -> Exported | None:
    """How clients in `client_namespace` come to see an object of `namespace`; None: not at all."""
    if not export_to:
        return Exported.TO_EVERYONE
    targets = export_targets(export_to, namespace)
    if targets == (EVERYONE,):
        return Exported.TO_EVERYONE
    if client_namespace not in targets:
        return None
    return Exported.TO_ITSELF if namespace == client_namespace else Exported.BY_NAME


def is_exported(export_to: tuple[str, ...], namespace: str, client_namespace: str) -> bool:
    """Whether clients in `client_namespace` see an object of `namespace`."""
    return exported(export_to, namespace, client_namespace) is not None


@lru_cache(maxsize=16384)
def covering_wildcards(host: str) -> tuple[str, ...]:
    """The wildcard hosts that a host falls under, most specific first.

    `a.b.c` → `*.b.c`, `*.c`, `*`.

    A wildcard host falls under those that are wider than itself.
    """
    labels = host.split(".")
    return (*("*." + ".".join(labels[at:]) for at in range(1, len(labels))), "*")


def is_wildcard(host: str) -> bool:
    """Whether the host stands for many."""
    return host.startswith("*")
