"""Make before break, for one stream: which state each of its types may be brought to now.

A snapshot is one consistent picture, but a client applies it type by type. So a stream passes from
one snapshot to the next in stages, each begun when this very client has answered (ACK or NACK) the
one before:

1. Clusters, only adding and changing, and the endpoints that they need, always follow the newest
   snapshot (`snapshot`).
2. Listeners, route configurations and virtual hosts follow a snapshot (`routed`) once clusters and
   endpoints of it are answered; until then it is `waiting`.
3. Clusters that the snapshot does not have are taken away once the types of stage 2 are answered.

What a snapshot does not change for this client is passed over, so one with new endpoints or new
hosts only goes out at once. When snapshots come faster than answers, stage 2 follows some snapshot
of which stage 1 is done, and catches up afterwards. No stage is waited for longer than the
deadline. Everything is derived from the present state; nothing is queued.

Sources: xDS protocol, "Eventual consistency considerations" (the order), "Resource warming" (the
endpoints of a changed cluster); istio#8751 (removals last, after the answers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from translators.model.resource import Resource
from translators.names import CLUSTER_TYPE
from translators.resource_types import (
    CLUSTER,
    ENDPOINT,
    LISTENER,
    ROUTE,
    TYPES,
    VIRTUAL_HOST,
    ResourceType,
    Stage,
)
from xds_server.ads.blank import blank
from xds_server.ads.diff import Diff
from xds_server.ads.filling import fill, filled, hosts
from xds_server.ads.resources import Resources
from xds_server.ads.resumption import Resumption
from xds_server.ads.snapshot import Snapshot
from xds_server.ads.subscription import SubscriptionPool
from xds_server.ads.watched_type import NEVER, WatchedType

REJECTION_PATIENCE: Final = 3.0
"""For how many seconds stage 2 waits for others in place of rejected clusters; it may need them."""
_LEADING: Final = frozenset(known.url for known in TYPES if known.stage is Stage.LEADING)
_GATED: Final = Stage.GATED
_NO_NAMES: Final = frozenset[str]()


class Order:
    """The stages of one stream.

    Attributes:
        snapshot: The newest snapshot; clusters, endpoints and types without an order follow it.
        number: How many snapshots there were; these numbers are compared, revisions are not.
        routed: The snapshot that listeners, routes and hosts follow; None until the first one may.
        waiting: The snapshot that they are to follow next; None when it is the one they follow.
    """

    __slots__ = (
        "_awaited",
        "_break_until",
        "_early_needs",
        "_gated",
        "_now",
        "_pool",
        "_resumption",
        "_routed_number",
        "_tells_removals",
        "_timeout",
        "_wait_until",
        "_waiting_number",
        "_watched",
        "number",
        "routed",
        "snapshot",
        "waiting",
    )  # fmt: skip

    def __init__(
        self,
        snapshot: Snapshot,
        pool: SubscriptionPool,
        timeout: float,
        now: Callable[[], float],
        *,
        tells_removals: bool,
    ) -> None:
        """`timeout` is for how many seconds a stage is waited for, on the scale of `now`.

        `tells_removals`: whether a response can say that a name is not there.
        """
        self._pool = pool
        self._tells_removals = tells_removals
        self._timeout = timeout
        self._now = now
        self._watched: dict[ResourceType, WatchedType] = {}
        self._gated: tuple[WatchedType, ...] = ()
        # Stage 1.
        self.snapshot = snapshot
        self.number = 0
        # Stage 2: what it follows; what it waits for, and until when.
        self.routed: Snapshot | None = None
        self._routed_number = NEVER
        self.waiting: Snapshot | None = snapshot
        self._waiting_number = 0
        self._wait_until = now() + timeout
        # Stage 3: until when clusters stay that are not needed any more; None when there are none.
        self._break_until: float | None = None
        # Endpoints that clusters need which were sent, and that the client did not ask for yet: it
        # has not done with its clusters before it has asked for these and answered them.
        self._awaited = _NO_NAMES
        # The same of clusters that were sent before the client asked for any endpoints.
        self._early_needs = _NO_NAMES
        self._resumption = Resumption()

    # What happens to the stream.

    def open(self, watched: WatchedType) -> None:
        """Take a type into the order when the client first asks for it."""
        if watched.type.stage is Stage.FREE:
            return
        self._watched[watched.type] = watched
        fill(self._watched, tells_removals=self._tells_removals)
        if watched.type.stage is _GATED:
            self._gated = (*self._gated, watched)
        if watched.type is ENDPOINT:
            newest = self.snapshot.resources(CLUSTER_TYPE)
            self._resumption.name(self._watched.get(CLUSTER), watched, newest)
            if self._early_needs:
                watched.resend(self._early_needs & watched.subscription.names)
                self._early_needs = _NO_NAMES

    def resume(self, clusters: WatchedType, version: str) -> None:
        """Note that the client has clusters of a version from an earlier stream (SotW)."""
        newest = clusters.subscription.select(self.snapshot.resources(CLUSTER_TYPE))
        if version != newest.version:
            self._resumption.wait(self._now())
            self._resumption.name(clusters, self._watched.get(ENDPOINT), newest)

    def subscribed(self, watched: WatchedType) -> None:
        """Note that a type's subscription changed."""
        if watched.type is ENDPOINT and self._awaited:
            self._awaited -= watched.subscription.names

    def follow(self, snapshot: Snapshot, others: Iterable[WatchedType]) -> None:
        """Take in a new snapshot; `others` are the types that have no place in the order."""
        changed = snapshot.changed_since(self.snapshot)
        self.snapshot = snapshot
        self.number += 1
        for watched in (self._watched.get(CLUSTER), self._watched.get(ENDPOINT), *others):
            if watched is not None:
                _mark(watched, changed, self.number)
        if self.waiting is not None:
            return
        if changed & _LEADING:
            self._wait()
        else:
            self._route(snapshot, self.number)

    def pushed(self, watched: WatchedType, diff: Diff) -> None:
        """Note what a step that goes out makes the client ask for, or need again."""
        if watched.type is LISTENER and (routes := self._watched.get(ROUTE)) is not None:
            routes.follow_parent()
        if watched.type is not CLUSTER:
            return
        self._resumption.sent(watched.sent)
        needs = diff.needs(ENDPOINT.url)
        endpoints = self._watched.get(ENDPOINT)
        if endpoints is None:
            early = self._early_needs
            self._early_needs = early | needs if early else needs
            return
        endpoints.follow_parent()
        # A changed cluster warms until it is sent its endpoints, and delta asks for them only once
        # ("Resource warming").
        subscribed = frozenset(filter(endpoints.subscription.covers, needs))
        if subscribed:
            endpoints.resend(subscribed)
        self._awaited |= needs - subscribed

    def answered(self, watched: WatchedType, rejected: frozenset[str]) -> None:
        """Note an answer; `rejected` are the endpoints that rejected clusters would have needed."""
        if watched.type is CLUSTER:
            self._awaited -= rejected
            if watched.unsure:
                self._wait_until = min(self._wait_until, self._now() + REJECTION_PATIENCE)
        elif watched.type.stage is _GATED:
            self._look_at_removals()
            # Hosts are sent for the route configurations that were answered.
            if watched.type is ROUTE and (hosts := self._watched.get(VIRTUAL_HOST)):
                hosts.change()

    # What time does.

    @property
    def is_at_rest(self) -> bool:
        """Whether no stage is waited for."""
        return self.waiting is None and self._break_until is None

    def deadline(self) -> float | None:
        """Give when a stage is not waited for any longer; None when none is."""
        times = [self._wait_until if self.waiting is not None else None]
        times += [self._break_until, self._resumption.until]
        return min([time for time in times if time is not None], default=None)

    def expire(self) -> str:
        """Let clusters go if their deadline has passed; a warning if so."""
        if self._break_until is None or self._now() < self._break_until:
            return ""
        self._look_at_removals()
        if self._is_routed():
            return ""
        return f"clusters are removed although routes were not answered in {self._timeout:g} s"

    def release(self) -> str:
        """Let stage 2 follow the waiting snapshot if its time has come.

        Returns:
            A warning if that is the deadline's doing, else nothing.
        """
        warning = ""
        while self.waiting is not None:
            lacking = self._lacking()
            if lacking and self._now() < self._wait_until:
                break
            snapshot, number = self.waiting, self._waiting_number
            if lacking:
                warning = (
                    f"listeners and routes no longer wait for {lacking}:"
                    f" no answer in {self._timeout:g} s"
                )
            self.waiting = None
            self._awaited = _NO_NAMES
            if CLUSTER in self._watched:
                self._watched[CLUSTER].unsure = _NO_NAMES
            self._route(snapshot, number)
            if snapshot is not self.snapshot:
                self._wait()
        return warning

    # What may be sent.

    def newest(self, watched: WatchedType, goal: Resources) -> Resources:
        """Give what a type will be brought to; its goal may have what is going."""
        if watched.type is not CLUSTER:
            return goal
        return watched.subscription.select(self.snapshot.resources(CLUSTER_TYPE))

    def number_of(self, watched: WatchedType) -> int:
        """Give the number of the snapshot that a type follows now."""
        return self._routed_number if watched.type.stage is _GATED else self.number

    def goal(self, watched: WatchedType) -> Resources | None:
        """Give what a type may be brought to now; None when it may not be answered yet."""
        if watched.type is CLUSTER:
            return self._cluster_goal(watched)
        snapshot = self.routed if watched.type.stage is _GATED else self.snapshot
        if snapshot is None:
            return None
        if watched.type is VIRTUAL_HOST:
            return hosts(watched, self._watched.get(ROUTE), snapshot, self._pool)
        if watched.is_filled:
            return filled(watched, snapshot, self._watched)
        return watched.subscription.select(snapshot.resources(watched.type_url))

    def substitute(self, watched: WatchedType, name: str) -> Resource | None:
        """Give what to send for a name that is not there; None: nothing, or that it is gone.

        Endpoints are those of the snapshots that routes follow, or will follow before they follow
        the newest. Where no one has any they are blank, as routes are: a cluster or listener stays
        warming, and holds back the answers to its whole type, until it has them.

        Source: "Resource warming"; envoy#5887, envoy#23321.
        """
        if not watched.is_filled:
            return None
        if watched.type is ENDPOINT:
            if self._resumption.keeps(name, self.snapshot.resources(CLUSTER_TYPE)):
                return None
            for snapshot in (self.waiting, self.routed):
                if snapshot is not None and snapshot is not self.snapshot:
                    endpoints = snapshot.resources(watched.type_url).by_name.get(name)
                    if endpoints is not None:
                        return endpoints
        return blank(watched.type_url, name)

    def _cluster_goal(self, watched: WatchedType) -> Resources | None:
        """Give the newest clusters, and as many of the old ones as anything may still refer to."""
        if self._resumption.waits(self._now()):
            return None
        select = watched.subscription.select
        newest = self.snapshot.resources(CLUSTER_TYPE)
        target = select(newest)
        wanted = self._with_waiting(watched, target)
        routed = self.routed
        is_expired = self._break_until is not None and self._now() >= self._break_until
        if routed is None or not (is_expired or self._is_routed()):
            goal = wanted.over(watched.sent)
        elif is_expired or routed.resources(CLUSTER_TYPE) is newest:
            goal = wanted
        else:
            goal = wanted.over(select(routed.resources(CLUSTER_TYPE)))
        if watched.doubted:
            goal = self._resumption.doubt(watched, goal, target, has_routes=routed is not None)
        if goal is target:
            self._break_until = None
        elif self._break_until is None:
            self._break_until = self._now() + self._timeout
        return goal

    def _with_waiting(self, watched: WatchedType, target: Resources) -> Resources:
        """Give the newest clusters and those of the waiting snapshot, if they were sent.

        If not, the newest snapshot is waited for instead.
        """
        waiting = self.waiting
        if waiting is None or waiting is self.snapshot:
            return target
        if watched.unsure:
            self._wait(self._wait_until)
        elif self._has_clusters_of(waiting):
            return target.over(watched.subscription.select(waiting.resources(CLUSTER_TYPE)))
        else:
            self._wait()
        return target

    # What is waited for.

    def _lacking(self) -> str:
        """Name what the waiting snapshot's later types still wait for; empty when nothing."""
        clusters, endpoints = self._watched.get(CLUSTER), self._watched.get(ENDPOINT)
        if clusters is not None:
            # Those that blanks keep alive warm, and no answer comes ("Resource warming").
            at = clusters.sent_at if self._resumption.kept else clusters.answered_at
            if at < self._waiting_number:
                return "clusters"
            waiting = self.waiting or self.snapshot
            if not clusters.unsure.isdisjoint(waiting.resources(CLUSTER_TYPE).by_name):
                return "clusters that were rejected"
        if endpoints is not None and endpoints.answered_at < self._waiting_number:
            return "endpoints"
        if endpoints is not None and self._awaited:
            return f"endpoints of {min(self._awaited)}"
        return ""

    def _has_clusters_of(self, snapshot: Snapshot) -> bool:
        """Say whether a snapshot that is not the newest still finds its clusters.

        Newer ones may have dropped some before they were sent.
        """
        clusters = self._watched.get(CLUSTER)
        before, newest = snapshot.resources(CLUSTER_TYPE), self.snapshot.resources(CLUSTER_TYPE)
        if clusters is None or before is newest:
            return True
        return not clusters.sent.diff_from(clusters.subscription.select(before)).removed

    def _is_routed(self) -> bool:
        """Say whether all of stage 2 is answered, for the snapshot that it follows."""
        return all(watched.answered_at >= self._routed_number for watched in self._gated)

    def _wait(self, until: float | None = None) -> None:
        """Have stage 2 wait for stage 1 of the newest snapshot; None: for a while from now on."""
        self.waiting = self.snapshot
        self._waiting_number = self.number
        self._wait_until = self._now() + self._timeout if until is None else until

    def _route(self, snapshot: Snapshot, number: int) -> None:
        """Have stage 2 follow a snapshot."""
        before, self.routed, self._routed_number = self.routed, snapshot, number
        changed = snapshot.changed_since(before) if before is not None else None
        for watched in self._gated:
            _mark(watched, changed, number)
        self._look_at_removals()

    def _look_at_removals(self) -> None:
        """Have clusters looked at again if some stay only because others may refer to them."""
        if self._break_until is None or not (clusters := self._watched.get(CLUSTER)):
            return
        clusters.change()
        if self._resumption.kept and clusters.inflight is not None and self._is_routed():
            # Its answer comes after the next response, which ends the warming.
            clusters.time_out()
            clusters.doubt()


def _mark(watched: WatchedType, changed: frozenset[str] | None, number: int) -> None:
    """Tell a type of a snapshot; `changed` are the types in which it differs, None: in all."""
    if changed is None or watched.type_url in changed:
        watched.change()
    else:
        watched.cover(number)
