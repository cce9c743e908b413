"""Host names: their one spelling, and those that stand for many.

What begins with an asterisk covers the names that end like it.
"""

from __future__ import annotations


def normal_host(host: str) -> str:
    """Give a host in its one spelling: in lower case, without the final dot of a full name."""
    return host.lower().removesuffix(".")


def covers(wildcard: str, host: str) -> bool:
    """Say whether a host falls under a wildcard host; a wildcard covers itself."""
    return host.endswith(wildcard[1:])


def is_partial_wildcard(host: str) -> bool:
    """Say whether a wildcard stands for a part of a label (`*-a.com`), not for whole ones."""
    return host.startswith("*") and host[1:2] not in {"", "."}
