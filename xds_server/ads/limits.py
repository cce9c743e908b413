"""What one stream may cost the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from xds_server.ads.diff import DEFAULT_RESPONSE_BYTES


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What a stream may cost, and how patient it is.

    Attributes:
        gate_deadline: So long a stage of a change waits for the answers that it depends on.
        response_bytes: Delta responses are split above this size.
        pending_bytes: What may be sent and not answered; beyond it the stream waits, and ends when
            that does not help.
        types: Resource types that a client may ask for.
        names: Names that a client may ask for, of one type.
    """

    gate_deadline: timedelta = timedelta(seconds=10)
    response_bytes: int = DEFAULT_RESPONSE_BYTES
    pending_bytes: int = 64 * 1024 * 1024
    types: int = 64
    names: int = 100_000


DEFAULT_LIMITS = StreamLimits()
