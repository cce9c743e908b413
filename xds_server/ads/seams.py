"""Whom the stream layer asks what a proxy is to hold. Whom it tells what became of it: `stream`."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Protocol

from translators.codec.node import RawNode
from xds_server.ads.snapshot import Snapshot


class Wire(enum.Enum):
    """The variant of the protocol that a stream speaks."""

    DELTA = "delta"
    SOTW = "sotw"


class Watch(Protocol):
    """One proxy's place in the world, for as long as its stream lives.

    Attributes:
        is_held: Whether nothing is to be sent yet; whoever ends that wakes the stream.
    """

    is_held: bool

    def snapshot(self) -> Snapshot:
        """Give what the proxy is to hold now."""

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each change of the snapshot; it returns at once and never raises."""

    def cancel(self) -> None:
        """End the watch."""


class Cache(Protocol):
    """What every proxy is to hold."""

    def watch(self, node: RawNode, wire: Wire) -> Watch:
        """Begin to tell a proxy what it is to hold.

        Raises:
            NodeRefusedError: The proxy cannot be served; its message is for the proxy's operator.
        """
