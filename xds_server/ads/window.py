"""What one stream may send before it is answered: so much, then it waits, and not for ever.

In: sizes of messages, and their answers. Out: whether a message may go out now. A client that reads
and never answers costs no more than this; one that is slow is waited for.
"""

from __future__ import annotations

from xds_server.errors import LimitExceededError


class Window:
    """The bytes of one stream that were sent and not answered.

    Attributes:
        held_since: Since when a message waits for answers to others; None when none does.
    """

    __slots__ = ("_limit_bytes", "_patience", "_pending_bytes", "held_since")

    def __init__(self, limit_bytes: int, patience: float) -> None:
        """`patience` is for how many seconds a message may wait."""
        self._limit_bytes = limit_bytes
        self._patience = patience
        self._pending_bytes = 0
        self.held_since: float | None = None

    def admits(self, size_bytes: int, type_url: str, now: float) -> bool:
        """Count a message that goes out; False when it must wait, and is not counted.

        Raises:
            LimitExceededError: It would never fit, or has waited for too long.
        """
        if self._pending_bytes + size_bytes > self._limit_bytes:
            self._hold(size_bytes, type_url, now)
            return False
        self._pending_bytes += size_bytes
        self.held_since = None
        return True

    def answered(self, size_bytes: int) -> None:
        """Make room: a message was answered, in time or late."""
        self._pending_bytes -= size_bytes

    def deadline(self) -> float | None:
        """Give when what waits has waited for long enough; None when nothing does."""
        return None if self.held_since is None else self.held_since + self._patience

    def _hold(self, size_bytes: int, type_url: str, now: float) -> None:
        limit = self._limit_bytes
        if size_bytes > limit:
            raise LimitExceededError(
                f"a response of {type_url} would take {size_bytes} bytes; the limit is {limit}:"
                " use delta, or serve fewer resources to this proxy"
            )
        if self.held_since is None:
            self.held_since = now
        elif now - self.held_since > self._patience:
            raise LimitExceededError(
                f"{self._pending_bytes} bytes are not answered and {size_bytes} more wait;"
                f" the limit is {limit}: the client is too slow or stuck"
            )
