"""Groups of proxies that are to hold the same, and their members.

A group has one snapshot; the publisher renews it, and members hand it to their streams, with what
is theirs alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from translators.model.proxy_node import ProxyNode
from translators.model.resource import Resource
from translators.proxy import Scope
from xds_server.ads.resources import Resources
from xds_server.ads.snapshot import Snapshot
from xds_server.serving.unions import Union

CHANGES_KEPT = 256

Wake = Callable[[], None]


@dataclass(slots=True, eq=False)
class Group:
    """All proxies with one scope on one wire, and what they are to hold.

    `changes` are the newest revisions at which the snapshot changed, oldest first; `forgotten` is
    the newest one before them, 0 when they are all.
    """

    scope: Scope
    inline: bool
    unions: dict[str, Union]
    snapshot: Snapshot
    changes: list[int]
    members: dict[Member, None] = field(default_factory=dict)
    forgotten: int = 0

    def renew(self, snapshot: Snapshot) -> None:
        """Take a new snapshot, and note its revision."""
        self.snapshot = snapshot
        self.changes.append(snapshot.revision)
        if len(self.changes) > CHANGES_KEPT:
            self.forgotten = self.changes.pop(0)

    def required(self, revision: int) -> int:
        """The newest revision up to this one that changed anything for these proxies.

        0 when none did.

        Of what is forgotten it may be one that comes later, so that nobody is said to have what
        they may lack.
        """
        changes = self.changes
        if changes[-1] <= revision:
            return changes[-1]
        later = bisect_right(changes, revision)
        return changes[later - 1] if later else min(revision, self.forgotten)


@dataclass(slots=True, eq=False)
class Member:
    """One proxy's membership of a group.

    The group changes when services begin or cease to select the workload.

    What a proxy is to hold is its group's snapshot and its own resources, such as the secrets of
    its identity. Those never enter the database, so neither history nor provenance nor anything
    that prints them knows of them.

    Attributes:
        node: Who the proxy is.
        inline: Whether its route configurations carry their hosts.
        group: The group that it belongs to now.
        on_cancel: Is called when the proxy leaves.
        wake: Is called after each change of the snapshot; None: nobody listens.
        own: Type URL → the resources that only this proxy has; of types that groups do not have.
        is_held: Whether nothing is to be sent to it yet, as what is made for it is being judged.
    """

    node: ProxyNode
    inline: bool
    group: Group
    on_cancel: Callable[[Member], None]
    wake: Wake | None = None
    own: Mapping[str, Resources] = field(default_factory=dict)
    is_held: bool = False
    _whole: tuple[Snapshot, Snapshot] | None = None

    def snapshot(self) -> Snapshot:
        """What the proxy is to hold now; the same object until it is something else."""
        shared = self.group.snapshot
        if not self.own:
            return shared
        if self._whole is None or self._whole[0] is not shared:
            self._whole = (shared, shared.with_own(self.own))
        return self._whole[1]

    def give(
        self, type_url: str, updated: Mapping[str, Resource], removed: Collection[str] = ()
    ) -> None:
        """Edit the resources of a type that only this proxy has, by name.

        Raises:
            ValueError: The group has resources of this type, which are the same for all its
            members.
        """
        if type_url in self.group.unions:
            raise ValueError(f"{type_url} is shared by all proxies of a group; none has its own")
        before = self.own.get(type_url, Resources(type_url))
        self.own = {**self.own, type_url: before.edit(updated, removed)}
        self._whole = None
        if self.wake is not None:
            self.wake()

    def subscribe(self, wake: Wake) -> None:
        """Have `wake` called after each change of the snapshot."""
        self.wake = wake

    def cancel(self) -> None:
        """End the membership."""
        self.on_cancel(self)
