"""What streams said that the quarantine is to act on, until it does.

In order, and taken as a whole.

Whoever observes streams notes here and returns at once; the quarantine takes the notes once a turn
of the event loop. So nothing is judged, committed or translated while a stream is in the middle of
something. A stream has one response of a type in flight, so a turn brings few notes of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from translators.model.resource import Resource
from xds_server.ads.diff import Response
from xds_server.ads.resources import Resources
from xds_server.ads.stream import Stream


@dataclass(frozen=True, slots=True)
class Accepted:
    """A proxy accepted a response."""

    response: Response
    by: Stream


@dataclass(frozen=True, slots=True)
class Rejected:
    """A proxy rejected a response; `reason` is in its own words."""

    response: Response
    type_url: str
    reason: str
    by: Stream


@dataclass(frozen=True, slots=True)
class Claimed:
    """A proxy that has just come holds these already.

    Each set stands with the responses of it that were rejected since.
    """

    held: tuple[tuple[Resources, tuple[Response, ...]], ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """A proxy is not connected any more."""

    by: Stream


@dataclass(frozen=True, slots=True)
class Judged:
    """The judge read the resources that it was asked about; some may be rejected, and why."""

    asked: tuple[Resource, ...]
    rejected: Mapping[Resource, str]


@dataclass(frozen=True, slots=True)
class Unjudged:
    """There is no judge, or none any more."""


Note: TypeAlias = Accepted | Rejected | Claimed | Gone | Judged | Unjudged


class Inbox:
    """Notes that wait.

    Args:
        wake: Is called when the first note comes, to have the notes taken soon.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._notes: list[Note] = []

    @property
    def is_empty(self) -> bool:
        """Whether everything that was said has been acted on."""
        return not self._notes

    def put(self, note: Note) -> None:
        """Note something."""
        self._notes.append(note)
        if len(self._notes) == 1:
            self._wake()

    def take(self) -> list[Note]:
        """All notes, oldest first; from now on there are none."""
        notes, self._notes = self._notes, []
        return notes
