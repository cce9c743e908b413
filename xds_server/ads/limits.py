"""What one stream may cost the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from xds_server.ads.diff import DEFAULT_RESPONSE_BYTES
from xds_server.errors import LimitExceededError


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What a stream may cost, and how patient it is.

    Attributes:
        gate_deadline: So long a stage of a change waits for the answers that it depends on.
        response_bytes: Delta responses are split above this size.
        pending_bytes: What may be sent and not answered; beyond it the stream waits, and ends when
            that does not help.
        types: Resource types that a client may ask for.
        names: Names that a client may ask for, of all types together.
    """

    gate_deadline: timedelta = timedelta(seconds=10)
    response_bytes: int = DEFAULT_RESPONSE_BYTES
    pending_bytes: int = 64 * 1024 * 1024
    types: int = 64
    names: int = 100_000

    def check_types(self, count: int, last: str) -> None:
        """Let a client ask for so many types, of which one is the last.

        Raises:
            LimitExceededError: It is one too many.
        """
        if count > self.types:
            raise LimitExceededError(
                f"this stream asks for more than {self.types} resource types;"
                f" {last} is one too many"
            )

    def check_names(self, count: int, own: int, type_url: str) -> None:
        """Let a client ask for so many names, of which some are its own of a type.

        Raises:
            LimitExceededError: They are too many.
        """
        if count > self.names:
            raise LimitExceededError(
                f"this stream asks for {count} names, {own} of them of {type_url};"
                f" the limit is {self.names}"
            )


DEFAULT_LIMITS = StreamLimits()
