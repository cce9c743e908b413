"""Who may ask the admin API, and what is said of those who ask badly.

A page in a browser may have its own name lead to 127.0.0.1 and then read all that listens there
(DNS rebinding). The browser tells whom the page means to ask (`Host`) and where it is from
(`Origin`), so on loopback both must be loopback names. Elsewhere the address is a choice that
somebody made, and any name may lead to it.
"""

from __future__ import annotations

import ipaddress
import logging
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

from xds_server import log

_log = log.logger(__name__)

LOOPBACK_NAMES: Final = frozenset(("localhost", "127.0.0.1", "[::1]"))


def only_local(address: str) -> Middleware:
    """What stands before every answer of a server that listens on an address."""
    names = LOOPBACK_NAMES | {"::1", address, f"[{address}]"}
    is_guarded = _is_loopback(address)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_guarded:
            hosts = request.headers.getall("Host", [])
            # The name may stand in the request line too; without a header it would be guessed.
            asked = [*hosts, request.host] if hosts else [""]
            reason = _foreign(asked, request.headers.getall("Origin", []), names)
            if reason:
                return web.json_response({"error": reason}, status=403)
        return await handler(request)

    return guard


def _foreign(hosts: list[str], origins: list[str], names: frozenset[str]) -> str:
    """Why a request is not answered; empty when it is."""
    if not all(_name(host) in names for host in hosts):
        return "the admin API answers to localhost, 127.0.0.1 and [::1] only; ask for one of these"
    for origin in origins:
        scheme, _, rest = origin.partition("://")
        if scheme not in {"http", "https"} or _name(rest) not in names:
            return "the admin API does not answer pages of other origins"
    return ""


def _name(authority: str) -> str:
    """The name of `name:port` as it is compared; empty when it is none."""
    name, colon, port = authority.rpartition(":")
    is_bare = not authority.startswith("[") and ":" in name  # an IPv6 address in no brackets
    if not colon or is_bare or authority.endswith("]"):
        return authority.lower()
    return name.lower() if port.isascii() and port.isdigit() else ""


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class _PeerFilter(logging.Filter):
    """Makes one line of what is the peer's fault, instead of a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything else pass."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError | ConnectionError):
            return True
        peer = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        _log.info("request broken off or not understood", peer=peer, reason=reason)
        return False


_PEERS: Final = _PeerFilter()


def peer_logger() -> logging.Logger:
    """Where the HTTP server writes to."""
    logger = logging.getLogger(f"{__name__}.http")
    logger.addFilter(_PEERS)  # a filter that is there already is not added again
    return logger
