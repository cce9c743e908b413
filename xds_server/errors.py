"""The one tree of exceptions.

A peer's fault is a typed exception that the edge catches; our own bugs are not in here.

Messages are for the person who reads them: what, where, what to do.
"""

from __future__ import annotations

import errno


class ChanceryError(Exception):
    """Anything that the server itself raises on purpose."""


class PeerError(ChanceryError):
    """The other side (a proxy, Kubernetes) did something that it may not do."""


class NodeRefusedError(PeerError):
    """A proxy introduced itself in a way that cannot be understood or is not allowed."""


class MalformedRequestError(PeerError):
    """A proxy sent bytes that are no request, or requests in an order that makes no sense."""


class LimitExceededError(PeerError):
    """A peer went beyond one of the limits that protect the process."""


class ListenError(ChanceryError):
    """An address that the server cannot listen on."""

    @classmethod
    def because(cls, what: str, address: str, option: str, cause: OSError) -> ListenError:
        """The error for `what`, which was told by `option` to listen on `address`."""
        if cause.errno == errno.EADDRINUSE:
            reason = "another process listens there already"
            advice = f"stop it, or choose another with {option}"
        elif cause.errno == errno.EADDRNOTAVAIL:
            reason = "this machine has no such address"
            advice = "name one of its own, e.g. 127.0.0.1 or 0.0.0.0"
        elif cause.errno == errno.EACCES:
            reason = "permission denied"
            advice = f"choose a port above 1023 with {option}"
        else:
            reason = cause.strerror or str(cause)
            advice = f"choose another with {option}"
        return cls(f"{what} cannot listen on {address}: {reason}; {advice}")


class AdminError(ChanceryError):
    """An admin API that does not answer, or not as expected."""


class JudgeError(ChanceryError):
    """The Envoy that is to judge cannot be run, or does not answer as an Envoy does."""


class StateError(ChanceryError):
    """The directory of what outlives the process cannot be read or written."""
