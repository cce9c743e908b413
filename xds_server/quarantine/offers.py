"""What single proxies reject though it is right: a proxy's own affair.

A port that is taken, an older version, a bug, an attack. Such a proxy keeps what it has, and is
offered the same again: one resource at a time at once, so that it takes what it can of a response
that it rejected as a whole, then with back-off. Nobody else notices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from xds_server.ads.stream import Stream
from xds_server.serving.groups import Member

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 300.0


@dataclass(slots=True)
class _Offer:
    """When a type is offered again, and how long it waits after that."""

    due: float
    pause: float


class Offers:
    """The proxies that are offered again what they rejected.

    Args:
        now: Seconds that only grow.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._offers: dict[Stream, dict[str, _Offer]] = {}

    def note(self, stream: Stream, type_url: str, size: int) -> None:
        """Note that a proxy rejected a response of so many resources that are right."""
        by_type = self._offers.setdefault(stream, {})
        offer = by_type.get(type_url)
        if offer is None:
            offer = by_type[type_url] = _Offer(0.0, FIRST_SECONDS)
            if size > 1 and _offer_again(stream, type_url):
                offer.due = self._now() + offer.pause
                return
        offer.due = self._now() + offer.pause
        offer.pause = min(2 * offer.pause, LONGEST_SECONDS)

    def leave(self, stream: Stream) -> None:
        """Forget a proxy that is gone."""
        self._offers.pop(stream, None)

    def tick(self) -> None:
        """Offer what is due; forget what was accepted since, or is something else."""
        now = self._now()
        for stream, by_type in list(self._offers.items()):
            for type_url, offer in list(by_type.items()):
                if not stream.has_rejected(type_url):
                    del by_type[type_url]
                elif offer.due <= now:
                    # If it is rejected again, that sets the next time.
                    offer.due = now + LONGEST_SECONDS
                    _offer_again(stream, type_url)
            if not by_type:
                del self._offers[stream]


def _offer_again(stream: Stream, type_url: str) -> bool:
    """Have a stream send again what was rejected; False when nothing was."""
    if not stream.offer(type_url):
        return False
    if isinstance(stream.watch, Member) and stream.watch.wake is not None:
        stream.watch.wake()
    return True
