"""The names under which a client may ask for a host: a virtual host's domains.

Pure functions of names and ports; who owns a domain that several claim is decided in `virtual_hosts`.
"""

from __future__ import annotations

import enum

from translators.names import CLUSTER_DOMAIN

_SERVICE_SUFFIX = f".svc.{CLUSTER_DOMAIN}"
WILDCARD = "*"


class Ports(enum.Enum):
    """How the port stands in a domain."""

    IGNORED = "ignored"
    """Never: Envoy cuts it off before it compares (``ignore_port_in_host_matching``)."""
    OPTIONAL = "optional"
    """Each name also with the port."""
    REQUIRED = "required"
    """Each name only with the port."""


def names(host: str, namespace: str) -> tuple[str, ...]:
    """The full name, then its other forms for clients of a namespace; a wildcard has only itself."""
    if host.startswith(WILDCARD):
        return (host,)
    return (host, f"{host}.", *short_names(host, namespace))


def short_names(host: str, namespace: str) -> tuple[str, ...]:
    """``svc.ns`` and ``svc.ns.svc`` of a service's full name, first ``svc`` in its own namespace; empty for other hosts."""
    if not host.endswith(_SERVICE_SUFFIX):
        return ()
    base = host[: -len(_SERVICE_SUFFIX)]
    name, dot, own = base.partition(".")
    if not name or not dot or not own or "." in own:
        return ()
    if own == namespace:
        return (name, base, f"{base}.svc")
    return (base, f"{base}.svc")


def with_ports(found: tuple[str, ...], port: int, ports: Ports) -> list[str]:
    """The domains for these names."""
    if ports is Ports.IGNORED:
        return list(found)
    numbered = [f"{name}:{port}" for name in found]
    return numbered if ports is Ports.REQUIRED else [*found, *numbered]


def address_names(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """The single addresses as a Host header has them, each once: IPv6 in brackets; ranges are left out."""
    return tuple(
        f"[{address}]" if ":" in address else address
        for address in dict.fromkeys(addresses)
        if "/" not in address
    )
