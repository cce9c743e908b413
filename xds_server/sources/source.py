"""The seam to where configuration comes from: what every source is, and what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

from translators.model.origin import Origin
from translators.object_key import ObjectKey
from xds_server.sources.batch import Batch

Publish: TypeAlias = Callable[[Batch], None]
"""Takes what differs from what the source has published before, on the event loop."""


class Source(Protocol):
    """Something that publishes objects and knows where they were written.

    It is given a `Publish` when it is made.

    Attributes:
        has_synced: Whether everything that there is has been published once.
    """

    @property
    def has_synced(self) -> bool:
        """Whether everything that there is has been published once."""

    async def sync(self) -> None:
        """Publish everything that there is for the first time.

        Raises:
            ChanceryError: The source cannot be read at all.
        """

    async def run(self) -> None:
        """Publish what changes since, until cancelled."""

    def locate(self, key: ObjectKey, path: str = "") -> Origin | None:
        """The place of a field of an object, or of what is nearest around it.

        None when the object is not from here.
        """

    def find_values(self, key: ObjectKey) -> Iterator[tuple[str, str]]:
        """Every scalar of an object as it is written now, as (field path, text).

        Nothing when it is not from here.
        """


SourceMaker: TypeAlias = Callable[[Publish], Source]
"""Makes a source that publishes to this."""
