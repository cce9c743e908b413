"""Make before break, for one stream: which state each of its types may be brought to now.

A snapshot is one consistent picture, but a client applies it type by type. So a stream passes from one snapshot to the next in
stages, each begun when this very client has answered (ACK or NACK) the one before:

1. clusters, only adding and changing, and the endpoints that they need, always follow the newest snapshot;
2. listeners, route configurations and virtual hosts follow a snapshot once clusters and endpoints of it are answered;
3. clusters that the snapshot does not have are taken away once the types of stage 2 are answered.

What a snapshot does not change for this client is passed over, so a snapshot with new endpoints or new hosts only goes out at once.
When snapshots come faster than answers, stage 2 follows some snapshot of which stage 1 is done, and catches up afterwards. No stage
is waited for longer than the deadline. Everything is derived from the present state; nothing is queued.

Sources: envoy.config docs "Eventual consistency considerations"; xDS protocol, "Making updates before breaking".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

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
from xds_server.ads.diff import Diff
from xds_server.ads.resources import Resources
from xds_server.ads.snapshot import Snapshot
from xds_server.ads.subscription import Subscription, SubscriptionPool
from xds_server.ads.watched_type import NEVER, WatchedType

_LEADING = frozenset(known.url for known in TYPES if known.stage is Stage.LEADING)


class Order:
    """The stages of one stream.

    Attributes:
        snapshot: The newest snapshot; clusters, endpoints and types without an order follow it.
        number: How many snapshots there were; numbers of snapshots are compared, revisions are not.
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
        "_routed_number",
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
        self, snapshot: Snapshot, pool: SubscriptionPool, timeout: float, now: Callable[[], float]
    ) -> None:
        self.snapshot = snapshot
        self.number = 0
        self.routed: Snapshot | None = None
        self.waiting: Snapshot | None = snapshot
        self._pool = pool
        self._timeout = timeout
        self._now = now
        self._watched: dict[ResourceType, WatchedType] = {}
        self._gated: tuple[WatchedType, ...] = ()
        self._routed_number = NEVER
        self._waiting_number = 0
        self._wait_until = now() + timeout
        self._break_until: float | None = None
        self._awaited: frozenset[str] = frozenset()
        self._early_needs: frozenset[str] = frozenset()

    def open(self, watched: WatchedType) -> None:
        """Takes a type into the order when the client first asks for it."""
        if watched.type.stage is Stage.FREE:
            return
        self._watched[watched.type] = watched
        if watched.type.stage is Stage.GATED:
            self._gated = (*self._gated, watched)
        if watched.type is ENDPOINT and self._early_needs:
            watched.resend(self._early_needs & watched.subscription.names)
            self._early_needs = frozenset()

    def follow(self, snapshot: Snapshot, others: Iterable[WatchedType]) -> None:
        """Takes in a new snapshot; ``others`` are the types that have no place in the order."""
        changed = snapshot.changed_since(self.snapshot)
        self.snapshot = snapshot
        self.number += 1
        for watched in (self._watched.get(CLUSTER), self._watched.get(ENDPOINT), *others):
            if watched is not None:
                self._mark(watched, changed, self.number)
        if self.waiting is not None:
            return
        if changed & _LEADING:
            self._wait_for(snapshot)
        else:
            self._route(snapshot, self.number)

    @property
    def is_at_rest(self) -> bool:
        """Whether no stage is waited for."""
        return self.waiting is None and self._break_until is None

    def number_of(self, watched: WatchedType) -> int:
        """The number of the snapshot that a type follows now."""
        return self._routed_number if watched.type.stage is Stage.GATED else self.number

    def release(self) -> str:
        """Lets the later types follow the waiting snapshot if its time has come; a warning if that is the deadline's doing."""
        warning = ""
        while self.waiting is not None:
            lacking = self._lacking()
            if lacking and self._now() < self._wait_until:
                break
            snapshot, number = self.waiting, self._waiting_number
            if lacking:
                warning = f"listeners and routes no longer wait for {lacking}: no answer in {self._timeout:g} s"
            self.waiting = None
            self._awaited = frozenset()
            self._route(snapshot, number)
            if snapshot is not self.snapshot:
                self._wait_for(self.snapshot)
        return warning

    def pushed(self, watched: WatchedType, diff: Diff) -> None:
        """Notes what a step that goes out makes the client ask for or need again."""
        if watched.type is LISTENER and (routes := self._watched.get(ROUTE)) is not None:
            routes.is_child_due = True
        if watched.type is not CLUSTER:
            return
        endpoints = self._watched.get(ENDPOINT)
        if endpoints is None:
            early = self._early_needs
            self._early_needs = early | diff.needs if early else diff.needs
            return
        endpoints.is_child_due = True
        known = frozenset(filter(endpoints.subscription.covers, diff.needs))
        if known:
            endpoints.resend(known)
        self._awaited |= diff.needs - known

    def answered(self, watched: WatchedType, rejected: frozenset[str]) -> None:
        """Notes an answer; ``rejected`` is what the rejected resources would have needed."""
        if watched.type is CLUSTER:
            self._awaited -= rejected
        elif watched.type.stage is Stage.GATED:
            if self._break_until is not None and (clusters := self._watched.get(CLUSTER)):
                clusters.is_dirty = True
            if watched.type is ROUTE and (hosts := self._watched.get(VIRTUAL_HOST)):
                hosts.is_dirty = True

    def subscribed(self, watched: WatchedType) -> None:
        """Notes that a type's subscription changed."""
        if watched.type is ENDPOINT and self._awaited:
            self._awaited -= watched.subscription.names

    def deadline(self) -> float | None:
        """When a stage is not waited for any longer; None when none is."""
        times = [self._wait_until] if self.waiting is not None else []
        if self._break_until is not None:
            times.append(self._break_until)
        return min(times, default=None)

    def expire(self) -> str:
        """Lets clusters go if their deadline has passed; a warning if so."""
        clusters = self._watched.get(CLUSTER)
        if self._break_until is None or clusters is None or self._now() < self._break_until:
            return ""
        clusters.is_dirty = True
        if self._later_types_answered():
            return ""
        return f"clusters are removed although routes were not answered in {self._timeout:g} s"

    def goal(self, watched: WatchedType) -> Resources | None:
        """The state to which a type may be brought now; None when it may not be answered yet."""
        if watched.type is CLUSTER:
            return self._clusters(watched)
        snapshot = self.routed if watched.type.stage is Stage.GATED else self.snapshot
        if snapshot is None:
            return None
        if watched.type is VIRTUAL_HOST:
            return self._hosts(watched, snapshot)
        if watched.type.is_never_removed:
            return self._with_blanks(watched, snapshot)
        return watched.subscription.select(snapshot.resources(watched.type_url))

    def fallback(self, type_url: str, name: str) -> Resource | None:
        """What a name stands for in the snapshots that routes follow, or will follow before they follow the newest."""
        for snapshot in (self.waiting, self.routed):
            if snapshot is not None and snapshot is not self.snapshot:
                found = snapshot.resources(type_url).by_name.get(name)
                if found is not None:
                    return found
        return None

    def _clusters(self, watched: WatchedType) -> Resources:
        select = watched.subscription.select
        newest = self.snapshot.resources(CLUSTER_TYPE)
        target = select(newest)
        wanted = self._with_waiting(watched, target)
        routed = self.routed
        is_expired = self._break_until is not None and self._now() >= self._break_until
        if routed is None or not (is_expired or self._later_types_answered()):
            goal = wanted.over(watched.sent)
        elif is_expired or routed.resources(CLUSTER_TYPE) is newest:
            goal = wanted
        else:
            goal = wanted.over(select(routed.resources(CLUSTER_TYPE)))
        if goal is target:
            self._break_until = None
        elif self._break_until is None:
            self._break_until = self._now() + self._timeout
        return goal

    def _with_waiting(self, watched: WatchedType, target: Resources) -> Resources:
        """The newest clusters and those of the waiting snapshot, if they were sent; else the newest snapshot is waited for instead."""
        waiting = self.waiting
        if waiting is None or waiting is self.snapshot:
            return target
        if self._has_clusters_of(waiting):
            return target.over(watched.subscription.select(waiting.resources(CLUSTER_TYPE)))
        self._wait_for(self.snapshot)
        return target

    def _with_blanks(self, watched: WatchedType, snapshot: Snapshot) -> Resources:
        """What is selected of a type, with blanks where a parent asks for a name that nobody has."""
        selected = watched.subscription.select(snapshot.resources(watched.type_url))
        if not selected.missing:
            return selected
        missing = selected.missing
        for parent in watched.type.parents:
            if parent in self._watched:
                missing &= snapshot.resources(parent.url).needed
        return selected.filled(missing) if missing else selected

    def _hosts(self, watched: WatchedType, snapshot: Snapshot) -> Resources | None:
        source = snapshot.resources(watched.type_url)
        routes = self._watched.get(ROUTE)
        if not watched.subscription.is_wildcard or routes is None:
            return watched.subscription.select(source)
        if watched.is_due and not watched.nonce and routes.inflight is not None:
            return None
        return self._scope(routes.answered).select(source)

    def _scope(self, routes: Resources) -> Subscription:
        """The hosts of the route configurations that were answered and take hosts."""
        return self._pool.hosts_of(routes.needing)

    def _lacking(self) -> str:
        """What the waiting snapshot's later types still wait for; empty when nothing."""
        clusters, endpoints = self._watched.get(CLUSTER), self._watched.get(ENDPOINT)
        if clusters is not None and clusters.answered_at < self._waiting_number:
            return "clusters"
        if endpoints is not None and endpoints.answered_at < self._waiting_number:
            return "endpoints"
        if endpoints is not None and self._awaited:
            return f"endpoints of {min(self._awaited)}"
        return ""

    def _has_clusters_of(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot that is not the newest still finds its clusters: newer ones may have dropped some before they were sent."""
        clusters = self._watched.get(CLUSTER)
        before, newest = snapshot.resources(CLUSTER_TYPE), self.snapshot.resources(CLUSTER_TYPE)
        if clusters is None or before is newest:
            return True
        return not clusters.sent.diff_from(clusters.subscription.select(before)).removed

    def _later_types_answered(self) -> bool:
        return all(watched.answered_at >= self._routed_number for watched in self._gated)

    def _wait_for(self, snapshot: Snapshot) -> None:
        self.waiting = snapshot
        self._waiting_number = self.number
        self._wait_until = self._now() + self._timeout

    def _route(self, snapshot: Snapshot, number: int) -> None:
        before, self.routed, self._routed_number = self.routed, snapshot, number
        changed = snapshot.changed_since(before) if before is not None else None
        for watched in self._gated:
            self._mark(watched, changed, number)
        if self._break_until is not None and (clusters := self._watched.get(CLUSTER)):
            clusters.is_dirty = True

    @staticmethod
    def _mark(watched: WatchedType, changed: frozenset[str] | None, number: int) -> None:
        if changed is None or watched.type_url in changed:
            watched.is_dirty = True
        else:
            watched.cover(number)
