"""An observer for those who want none: tests, and the server as a library."""

from __future__ import annotations

from xds_server.ads.diff import Response
from xds_server.ads.stream import Stream


class SilentObserver:
    """An observer that does not care."""

    def connected(self, stream: Stream) -> None:
        """Do nothing."""

    def disconnected(self, stream: Stream) -> None:
        """Do nothing."""

    def pushed(self, stream: Stream, type_url: str, response: Response) -> None:
        """Do nothing."""

    def acked(self, stream: Stream, type_url: str, response: Response) -> None:
        """Do nothing."""

    def nacked(
        self, stream: Stream, type_url: str, response: Response, code: int, message: str
    ) -> None:
        """Do nothing."""

    def settled(self, stream: Stream, revision: int) -> None:
        """Do nothing."""

    def warned(self, stream: Stream, message: str) -> None:
        """Do nothing."""

    def turned_away(self, peer: str, code: str, message: str) -> None:
        """Do nothing."""
