"""Groups whose last proxy has left: a few stay for a while, so that it finds them ready again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xds_server.serving.groups import Group

IDLE_GROUPS: Final = 8
"""So many stay at most."""
IDLE_SECONDS: Final = 60.0
"""So long they stay at most."""


class IdleGroups:
    """The groups that nobody is in, oldest first."""

    def __init__(self) -> None:
        self._since: dict[Group, float | None] = {}
        self._has_news = False

    def add(self, group: Group) -> None:
        """Note that the last proxy of a group has left."""
        self._since[group] = None
        self._has_news = True

    def discard(self, group: Group) -> None:
        """Note that a group is used again, or gone."""
        self._since.pop(group, None)

    def note(self) -> None:
        """Note that a proxy has left."""
        self._has_news = True

    def take_news(self) -> bool:
        """Say whether any proxy or group left since this was last asked."""
        had_news, self._has_news = self._has_news, False
        return had_news

    def excess(self) -> Iterator[Group]:
        """Give the oldest ones that are too many, as they are taken away."""
        while len(self._since) > IDLE_GROUPS:
            yield next(iter(self._since))

    def overdue(self, now: float) -> list[Group]:
        """Give those that have stayed for too long, by times that only grow."""
        for group, since in self._since.items():
            if since is None:
                self._since[group] = now
        return [
            group
            for group, since in self._since.items()
            if since is not None and now - since >= IDLE_SECONDS
        ]
