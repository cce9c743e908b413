"""Groups of proxies that are to hold the same, and their members.

A group has one view; the publisher renews it, and members hand it to their streams.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from translators.model.proxy_node import ProxyNode
from translators.proxy import Scope
from xds_server.ads.snapshot import View
from xds_server.tables import Table

CHANGES_KEPT = 256

Wake = Callable[[], None]


@dataclass(slots=True, eq=False)
class Group:
    """All proxies with one scope on one wire, and what they are to hold.

    ``changes`` are the newest revisions at which the view changed, oldest first; ``forgotten`` is the newest one before them, 0
    when they are all.
    """

    scope: Scope
    inline: bool
    tables: dict[str, Table]
    view: View
    changes: list[int]
    members: dict[Member, None] = field(default_factory=dict)
    forgotten: int = 0

    def renew(self, view: View) -> None:
        """Takes a new view, and notes its revision."""
        self.view = view
        self.changes.append(view.revision)
        if len(self.changes) > CHANGES_KEPT:
            self.forgotten = self.changes.pop(0)

    def required(self, revision: int) -> int:
        """The newest revision up to this one that changed anything for these proxies; 0 when none did.

        Of what is forgotten it may be one that comes later, so that nobody is said to have what they may lack.
        """
        changes = self.changes
        if changes[-1] <= revision:
            return changes[-1]
        later = bisect_right(changes, revision)
        return changes[later - 1] if later else min(revision, self.forgotten)


@dataclass(slots=True, eq=False)
class Member:
    """One proxy's membership of a group; the group changes when services begin or cease to select the workload."""

    node: ProxyNode
    inline: bool
    group: Group
    on_leave: Callable[[Member], None]
    wake: Wake | None = None

    def view(self) -> View:
        """What the proxy is to hold now."""
        return self.group.view

    def subscribe(self, wake: Wake) -> None:
        """Has ``wake`` called after each change of the view."""
        self.wake = wake

    def leave(self) -> None:
        """Ends the membership."""
        self.on_leave(self)
