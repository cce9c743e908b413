"""Hosts that stand for many: what begins with an asterisk covers the names that end like it."""

from __future__ import annotations


def covers(wildcard: str, host: str) -> bool:
    """Say whether a host falls under a wildcard host; a wildcard covers itself."""
    return host.endswith(wildcard[1:])
