"""IP addresses and blocks of them, each in its one spelling, so that equal ones are equal texts."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,3}", re.ASCII)


def normal_address(text: str) -> str | None:
    """Give an IPv4 or IPv6 address in its one spelling, as `ipaddress` writes it.

    None when the text is not an address, or has a zone, which means something on one machine only.
    """
    if _IPV4.fullmatch(text):
        return text
    return _ipv6(text) if ":" in text and "%" not in text else None


@lru_cache(maxsize=16384)
def _ipv6(text: str) -> str | None:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def normal_subnet(text: str) -> str | None:
    """Give an address, or a block as `10.0.0.0/8` without the bits of hosts, in its one spelling.

    None when the text is neither.
    """
    address, slash, length = text.partition("/")
    normal = normal_address(address)
    if normal is None or not slash:
        return normal
    if not _LENGTH.fullmatch(length):
        return None
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return None
