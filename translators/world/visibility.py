"""Who sees an object: `exportTo`, and which wildcard hosts cover a host.

Source: Istio's `exportTo`; `.` is the object's own namespace, `*` everybody, `~` nobody, else a
namespace; `*` wins over the others, and an empty list is the mesh's default, which is everybody.
"""

from __future__ import annotations

from functools import lru_cache

EVERYONE = "*"

MESH_GATEWAY = "mesh"
"""The gateway name that stands for all sidecars."""


def export_targets(export_to: tuple[str, ...], namespace: str) -> tuple[str, ...]:
    """The namespaces to which an object of `namespace` is exported, sorted.

    `("*",)` is everybody, `()` nobody.
    """
    if not export_to or EVERYONE in export_to:
        return (EVERYONE,)
    targets = {namespace if target == "." else target for target in export_to}
    return tuple(sorted(targets - {"~"}))


def is_exported(export_to: tuple[str, ...], namespace: str, client_namespace: str) -> bool:
    """Whether clients in `client_namespace` see an object of `namespace`."""
    if not export_to:
        return True
    targets = export_targets(export_to, namespace)
    return targets == (EVERYONE,) or client_namespace in targets


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
