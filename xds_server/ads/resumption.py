"""Clusters that a client of complete responses brings from an earlier stream.

Such a client does not say which clusters it has, and drops what the first response does not have,
while its routes still send to them. But it says of which clusters it wants endpoints. So the first
response waits for these names, and has blanks for those that there is nothing of: the client keeps
its own clusters until it has its routes.

In: when clusters and endpoints were first asked for. Out: whether clusters have to wait, what the
client has, and which names are kept.
"""

from __future__ import annotations

from typing import Final

from translators.model.resource import Resource
from translators.names import CLUSTER_TYPE
from xds_server.ads.blank import blank, is_blank
from xds_server.ads.resources import Resources
from xds_server.ads.watched_type import WatchedType

PATIENCE: Final = 1.0
"""How many seconds the names are waited for: they come with the request for clusters, if at all."""
KEPT: Final = 2000
"""How many clusters are kept; whoever has more that nobody knows makes them up."""


class Resumption:
    """What one stream knows of the clusters that its client brings.

    Attributes:
        until: Until when the names of these clusters are waited for; None when they are not.
        kept: Names of clusters that only the client has.
    """

    __slots__ = ("kept", "until")

    def __init__(self) -> None:
        self.until: float | None = None
        self.kept = frozenset[str]()

    def wait(self, now: float) -> None:
        """Begin to wait for names."""
        self.until = now + PATIENCE

    def waits(self, now: float) -> bool:
        """Say whether clusters must not be sent yet."""
        if self.until is not None and now >= self.until:
            self.until = None
        return self.until is not None

    def name(
        self, clusters: WatchedType | None, endpoints: WatchedType | None, newest: Resources
    ) -> None:
        """Take the names that endpoints are asked for of, if they are waited for."""
        if self.until is None or clusters is None or endpoints is None:
            return
        self.until = None
        names = endpoints.subscription.names.difference(newest.by_name)
        self.kept = frozenset(sorted(names)[:KEPT])
        blanks = {name: blank(CLUSTER_TYPE, name) for name in sorted(self.kept)}
        clusters.hold(Resources(CLUSTER_TYPE, blanks))

    def keeps(self, name: str, newest: Resources) -> bool:
        """Say whether a cluster is only the client's, so that its endpoints are too."""
        return name in self.kept and name not in newest.by_name

    def doubt(
        self, clusters: WatchedType, goal: Resources, newest: Resources, *, has_routes: bool
    ) -> Resources:
        """Give a goal without what was rejected and is only there because others may refer to it.

        It would be rejected again, and all with it. What the client had of it before comes instead,
        or a blank if it may have routes to it.
        """
        accepted = clusters.accepted.by_name
        instead: dict[str, Resource] = {}
        gone = []
        for name in sorted(clusters.doubted):
            going = goal.by_name.get(name)
            if going is None or name in newest.by_name or going == accepted.get(name):
                continue
            if name in accepted or has_routes:
                instead[name] = accepted.get(name) or blank(CLUSTER_TYPE, name)
            else:
                gone.append(name)
        self.kept = self.kept.union(instead)
        return goal.edit(instead, gone)

    def sent(self, clusters: Resources) -> None:
        """Note the clusters that are sent: who is not among them as a blank is kept no more."""
        by_name = clusters.by_name
        self.kept = frozenset(
            [name for name in self.kept if (sent := by_name.get(name)) and is_blank(sent)]
        )
