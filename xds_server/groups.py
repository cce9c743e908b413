"""Groups of proxies that are to hold the same, and their members.

A group has one snapshot; the publisher renews it, and members hand it to their streams.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from translators.model.proxy_node import ProxyNode
from translators.proxy import Scope
from xds_server.ads.snapshot import Snapshot
from xds_server.tables import Table

CHANGES_KEPT = 256

Wake = Callable[[], None]


@dataclass(slots=True, eq=False)
class Group:
    """All proxies with one scope on one wire, and what they are to hold.

    ``changes`` are the newest revisions at which the snapshot changed, oldest first; ``forgotten`` is the newest one before them, 0
    when they are all.
    """

    scope: Scope
    inline: bool
    tables: dict[str, Table]
    snapshot: Snapshot
    changes: list[int]
    members: dict[Member, None] = field(default_factory=dict)
    forgotten: int = 0

    def renew(self, snapshot: Snapshot) -> None:
        """Takes a new snapshot, and notes its revision."""
        self.snapshot = snapshot
        self.changes.append(snapshot.revision)
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
    """One proxy's watch of a group; the group changes when services begin or cease to select the workload."""

    node: ProxyNode
    inline: bool
    group: Group
    on_cancel: Callable[[Member], None]
    wake: Wake | None = None

    def snapshot(self) -> Snapshot:
        """What the proxy is to hold now."""
        return self.group.snapshot

    def subscribe(self, wake: Wake) -> None:
        """Has ``wake`` called after each change of the snapshot."""
        self.wake = wake

    def cancel(self) -> None:
        """Ends the watch."""
        self.on_cancel(self)
