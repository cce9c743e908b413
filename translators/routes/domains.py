"""The names under which a client may ask for a host: a virtual host's domains.

Pure functions of names and ports; who owns a domain that several claim is decided in `ownership`.
"""

from __future__ import annotations

import enum

from translators.names import short_hosts

WILDCARD = "*"


class Ports(enum.Enum):
    """How the port stands in a domain."""

    IGNORED = "ignored"
    """Never: Envoy cuts it off before it compares (`ignore_port_in_host_matching`)."""
    OPTIONAL = "optional"
    """Each name also with the port."""
    REQUIRED = "required"
    """Each name only with the port."""


def names(host: str, namespace: str) -> tuple[str, ...]:
    """The full name, then its other forms for clients of a namespace.

    A wildcard has only itself.
    """
    if host.startswith(WILDCARD):
        return (host,)
    return (host, f"{host}.", *short_hosts(host, namespace))


def with_ports(forms: tuple[str, ...], port: int, ports: Ports) -> list[str]:
    """The domains for these names."""
    if ports is Ports.IGNORED:
        return list(forms)
    numbered = [f"{name}:{port}" for name in forms]
    return numbered if ports is Ports.REQUIRED else [*forms, *numbered]


def address_names(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """The single addresses as a Host header has them, each once: IPv6 in brackets.

    Ranges are left out.
    """
    return tuple(
        f"[{address}]" if ":" in address else address
        for address in dict.fromkeys(addresses)
        if "/" not in address
    )
