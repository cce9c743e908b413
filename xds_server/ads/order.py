"""Make before break, for one stream: which state each of its types may be brought to now.

A view is one consistent picture, but a client applies it type by type. So a stream passes from one view to the next in
stages, each begun when this very client has answered (ACK or NACK) the one before:

1. clusters, only adding and changing, and the endpoints that they need, always follow the newest view;
2. listeners, route configurations and virtual hosts follow a view once clusters and endpoints of it are answered;
3. clusters that the view does not have are taken away once the types of stage 2 are answered.

What a view does not change for this client is passed over, so a view with new endpoints or new hosts only goes out at once.
When views come faster than answers, stage 2 follows some view of which stage 1 is done, and catches up afterwards. No stage
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
from xds_server.ads.exchange import NEVER, Exchange
from xds_server.ads.snapshot import Snapshot, Step, View
from xds_server.ads.subscription import Subscription, SubscriptionPool

_LEADING = frozenset(known.url for known in TYPES if known.stage is Stage.LEADING)


class Order:
    """The stages of one stream.

    Attributes:
        view: The newest view; clusters, endpoints and types without an order follow it.
        number: How many views there were; numbers of views are compared, revisions are not.
        routed: The view that listeners, routes and hosts follow; None until the first one may.
        waiting: The view that they are to follow next; None when it is the one they follow.
    """

    __slots__ = (
        "_awaited", "_break_until", "_early_needs", "_exchanges", "_gated", "_now", "_pool", "_routed_number", "_timeout",
        "_wait_until", "_waiting_number", "number", "routed", "view", "waiting",
    )  # fmt: skip

    def __init__(
        self, view: View, pool: SubscriptionPool, timeout: float, now: Callable[[], float]
    ) -> None:
        self.view = view
        self.number = 0
        self.routed: View | None = None
        self.waiting: View | None = view
        self._pool = pool
        self._timeout = timeout
        self._now = now
        self._exchanges: dict[ResourceType, Exchange] = {}
        self._gated: tuple[Exchange, ...] = ()
        self._routed_number = NEVER
        self._waiting_number = 0
        self._wait_until = now() + timeout
        self._break_until: float | None = None
        self._awaited: frozenset[str] = frozenset()
        self._early_needs: frozenset[str] = frozenset()

    def open(self, exchange: Exchange) -> None:
        """Takes a type into the order when the client first asks for it."""
        if exchange.type.stage is Stage.FREE:
            return
        self._exchanges[exchange.type] = exchange
        if exchange.type.stage is Stage.GATED:
            self._gated = (*self._gated, exchange)
        if exchange.type is ENDPOINT and self._early_needs:
            exchange.owe(self._early_needs & exchange.subscription.names)
            self._early_needs = frozenset()

    def follow(self, view: View, others: Iterable[Exchange]) -> None:
        """Takes in a new view; ``others`` are the types that have no place in the order."""
        changed = view.changed_since(self.view)
        self.view = view
        self.number += 1
        for exchange in (self._exchanges.get(CLUSTER), self._exchanges.get(ENDPOINT), *others):
            if exchange is not None:
                self._mark(exchange, changed, self.number)
        if self.waiting is not None:
            return
        if changed & _LEADING:
            self._wait_for(view)
        else:
            self._route(view, self.number)

    @property
    def is_at_rest(self) -> bool:
        """Whether no stage is waited for."""
        return self.waiting is None and self._break_until is None

    def number_of(self, exchange: Exchange) -> int:
        """The number of the view that a type follows now."""
        return self._routed_number if exchange.type.stage is Stage.GATED else self.number

    def release(self) -> str:
        """Lets the later types follow the waiting view if its time has come; a warning if that is the deadline's doing."""
        warning = ""
        while self.waiting is not None:
            lacking = self._lacking()
            if lacking and self._now() < self._wait_until:
                break
            view, number = self.waiting, self._waiting_number
            if lacking:
                warning = f"listeners and routes no longer wait for {lacking}: no answer in {self._timeout:g} s"
            self.waiting = None
            self._awaited = frozenset()
            self._route(view, number)
            if view is not self.view:
                self._wait_for(self.view)
        return warning

    def pushed(self, exchange: Exchange, step: Step) -> None:
        """Notes what a step that goes out makes the client ask for or need again."""
        if exchange.type is LISTENER and (routes := self._exchanges.get(ROUTE)) is not None:
            routes.is_child_due = True
        if exchange.type is not CLUSTER:
            return
        endpoints = self._exchanges.get(ENDPOINT)
        if endpoints is None:
            early = self._early_needs
            self._early_needs = early | step.needs if early else step.needs
            return
        endpoints.is_child_due = True
        known = frozenset(filter(endpoints.subscription.covers, step.needs))
        if known:
            endpoints.owe(known)
        self._awaited |= step.needs - known

    def answered(self, exchange: Exchange, rejected: frozenset[str]) -> None:
        """Notes an answer; ``rejected`` is what the rejected resources would have needed."""
        if exchange.type is CLUSTER:
            self._awaited -= rejected
        elif exchange.type.stage is Stage.GATED:
            if self._break_until is not None and (clusters := self._exchanges.get(CLUSTER)):
                clusters.is_dirty = True
            if exchange.type is ROUTE and (hosts := self._exchanges.get(VIRTUAL_HOST)):
                hosts.is_dirty = True

    def subscribed(self, exchange: Exchange) -> None:
        """Notes that a type's subscription changed."""
        if exchange.type is ENDPOINT and self._awaited:
            self._awaited -= exchange.subscription.names

    def deadline(self) -> float | None:
        """When a stage is not waited for any longer; None when none is."""
        times = [self._wait_until] if self.waiting is not None else []
        if self._break_until is not None:
            times.append(self._break_until)
        return min(times, default=None)

    def expire(self) -> str:
        """Lets clusters go if their deadline has passed; a warning if so."""
        clusters = self._exchanges.get(CLUSTER)
        if self._break_until is None or clusters is None or self._now() < self._break_until:
            return ""
        clusters.is_dirty = True
        if self._later_types_answered():
            return ""
        return f"clusters are removed although routes were not answered in {self._timeout:g} s"

    def goal(self, exchange: Exchange) -> Snapshot | None:
        """The state to which a type may be brought now; None when it may not be answered yet."""
        if exchange.type is CLUSTER:
            return self._clusters(exchange)
        view = self.routed if exchange.type.stage is Stage.GATED else self.view
        if view is None:
            return None
        if exchange.type is VIRTUAL_HOST:
            return self._hosts(exchange, view)
        if exchange.type.is_never_removed:
            return self._with_blanks(exchange, view)
        return exchange.subscription.select(view.snapshot(exchange.type_url))

    def fallback(self, type_url: str, name: str) -> Resource | None:
        """What a name stands for in the views that routes follow, or will follow before they follow the newest."""
        for view in (self.waiting, self.routed):
            if view is not None and view is not self.view:
                found = view.snapshot(type_url).resources.get(name)
                if found is not None:
                    return found
        return None

    def _clusters(self, exchange: Exchange) -> Snapshot:
        select = exchange.subscription.select
        newest = self.view.snapshot(CLUSTER_TYPE)
        target = select(newest)
        wanted = self._with_waiting(exchange, target)
        routed = self.routed
        is_expired = self._break_until is not None and self._now() >= self._break_until
        if routed is None or not (is_expired or self._later_types_answered()):
            goal = wanted.over(exchange.sent)
        elif is_expired or routed.snapshot(CLUSTER_TYPE) is newest:
            goal = wanted
        else:
            goal = wanted.over(select(routed.snapshot(CLUSTER_TYPE)))
        if goal is target:
            self._break_until = None
        elif self._break_until is None:
            self._break_until = self._now() + self._timeout
        return goal

    def _with_waiting(self, exchange: Exchange, target: Snapshot) -> Snapshot:
        """The newest clusters and those of the waiting view, if they were sent; else the newest view is waited for instead."""
        waiting = self.waiting
        if waiting is None or waiting is self.view:
            return target
        if self._has_clusters_of(waiting):
            return target.over(exchange.subscription.select(waiting.snapshot(CLUSTER_TYPE)))
        self._wait_for(self.view)
        return target

    def _with_blanks(self, exchange: Exchange, view: View) -> Snapshot:
        """What is selected of a type, with blanks where a parent asks for a name that nobody has."""
        selected = exchange.subscription.select(view.snapshot(exchange.type_url))
        if not selected.missing:
            return selected
        missing = selected.missing
        for parent in exchange.type.parents:
            if parent in self._exchanges:
                missing &= view.snapshot(parent.url).needed
        return selected.filled(missing) if missing else selected

    def _hosts(self, exchange: Exchange, view: View) -> Snapshot | None:
        source = view.snapshot(exchange.type_url)
        routes = self._exchanges.get(ROUTE)
        if not exchange.subscription.is_wildcard or routes is None:
            return exchange.subscription.select(source)
        if exchange.is_due and not exchange.nonce and routes.inflight is not None:
            return None
        return self._scope(routes.answered).select(source)

    def _scope(self, routes: Snapshot) -> Subscription:
        """The hosts of the route configurations that were answered and take hosts."""
        return self._pool.hosts_of(routes.needing)

    def _lacking(self) -> str:
        """What the waiting view's later types still wait for; empty when nothing."""
        clusters, endpoints = self._exchanges.get(CLUSTER), self._exchanges.get(ENDPOINT)
        if clusters is not None and clusters.answered_at < self._waiting_number:
            return "clusters"
        if endpoints is not None and endpoints.answered_at < self._waiting_number:
            return "endpoints"
        if endpoints is not None and self._awaited:
            return f"endpoints of {min(self._awaited)}"
        return ""

    def _has_clusters_of(self, view: View) -> bool:
        """Whether a view that is not the newest still finds its clusters: newer ones may have dropped some before they were sent."""
        clusters = self._exchanges.get(CLUSTER)
        before, newest = view.snapshot(CLUSTER_TYPE), self.view.snapshot(CLUSTER_TYPE)
        if clusters is None or before is newest:
            return True
        return not clusters.sent.step_from(clusters.subscription.select(before)).removed

    def _later_types_answered(self) -> bool:
        return all(exchange.answered_at >= self._routed_number for exchange in self._gated)

    def _wait_for(self, view: View) -> None:
        self.waiting = view
        self._waiting_number = self.number
        self._wait_until = self._now() + self._timeout

    def _route(self, view: View, number: int) -> None:
        before, self.routed, self._routed_number = self.routed, view, number
        changed = view.changed_since(before) if before is not None else None
        for exchange in self._gated:
            self._mark(exchange, changed, number)
        if self._break_until is not None and (clusters := self._exchanges.get(CLUSTER)):
            clusters.is_dirty = True

    @staticmethod
    def _mark(exchange: Exchange, changed: frozenset[str] | None, number: int) -> None:
        if changed is None or exchange.type_url in changed:
            exchange.is_dirty = True
        else:
            exchange.cover(number)
