"""The seams of the stream layer: whom it asks what a proxy is to hold, and whom it tells what became of it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from translators.codec.node import RawNode
from xds_server.ads.diff import Response
from xds_server.ads.snapshot import Snapshot

if TYPE_CHECKING:
    from xds_server.ads.stream import Stream


class Wire(enum.Enum):
    """The variant of the protocol that a stream speaks."""

    DELTA = "delta"
    SOTW = "sotw"


class Watch(Protocol):
    """One proxy's place in the world, for as long as its stream lives."""

    def snapshot(self) -> Snapshot:
        """What the proxy is to hold now."""

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Has ``wake`` called after each change of the snapshot; it returns at once and never raises."""

    def cancel(self) -> None:
        """Ends the watch."""


class Cache(Protocol):
    """What every proxy is to hold."""

    def watch(self, node: RawNode, wire: Wire) -> Watch:
        """Begin to tell a proxy what it is to hold.

        Raises:
            NodeRefusedError: The proxy cannot be served; its message is for the proxy's operator.
        """


class Observer(Protocol):
    """Who is told of everything that happens on streams, at once and synchronously: it must be quick and must not raise."""

    def connected(self, stream: Stream) -> None:
        """A proxy introduced itself and was taken in."""

    def disconnected(self, stream: Stream) -> None:
        """The stream ended, whoever ended it."""

    def pushed(self, stream: Stream, type_url: str, response: Response) -> None:
        """A response was handed to the transport."""

    def acked(self, stream: Stream, type_url: str, response: Response) -> None:
        """The client accepted a response."""

    def nacked(
        self, stream: Stream, type_url: str, response: Response, code: int, message: str
    ) -> None:
        """The client rejected a response; the message is its own words, cut at 4096 characters by Envoy."""

    def settled(self, stream: Stream, revision: int) -> None:
        """The client has answered everything up to the snapshot of this revision, and nothing waits to be sent."""

    def warned(self, stream: Stream, message: str) -> None:
        """Something was done that should not have been necessary: a gate's deadline passed."""

    def turned_away(self, peer: str, code: str, message: str) -> None:
        """A stream was not taken, or ended by this side; ``code`` is gRPC's in lower case, the message what the client is told."""


class SilentObserver:
    """An observer that does not care."""

    def connected(self, stream: Stream) -> None:
        """Does nothing."""

    def disconnected(self, stream: Stream) -> None:
        """Does nothing."""

    def pushed(self, stream: Stream, type_url: str, response: Response) -> None:
        """Does nothing."""

    def acked(self, stream: Stream, type_url: str, response: Response) -> None:
        """Does nothing."""

    def nacked(
        self, stream: Stream, type_url: str, response: Response, code: int, message: str
    ) -> None:
        """Does nothing."""

    def settled(self, stream: Stream, revision: int) -> None:
        """Does nothing."""

    def warned(self, stream: Stream, message: str) -> None:
        """Does nothing."""

    def turned_away(self, peer: str, code: str, message: str) -> None:
        """Does nothing."""
