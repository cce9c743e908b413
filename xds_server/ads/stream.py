"""One proxy's stream as a state machine: requests and snapshots in, responses out, no I/O.

Whoever drives it feeds requests (``on_request``), says when the snapshot may have changed (``on_snapshot_change``) and when a
deadline has passed (``on_deadline``), and after each of these takes responses until there is none. Nothing is queued: a response
is made when it is taken, from the newest state, so a slow client costs no memory and skips what it has missed.

Rules, of both wires: one response of a type is outstanding at a time; what was rejected is not sent again until any of it
changes, and then the rest of it is sent as well, for the client may have applied none of it; an answer is what repeats the nonce of the response in flight, and nothing else is; it rejects when it carries an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from translators.codec.discovery import RequestError, with_nonce
from translators.codec.node import RawNode
from translators.model.resource import Resource
from translators.resource_types import ENDPOINT, Stage
from xds_server.ads.diff import DEFAULT_RESPONSE_BYTES, Diff, Response
from xds_server.ads.order import Order
from xds_server.ads.resources import Resources, blank
from xds_server.ads.seams import Observer, Watch, Wire
from xds_server.ads.subscription import SubscriptionPool
from xds_server.ads.watched_type import WatchedType
from xds_server.errors import LimitExceededError


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What a stream may cost, and how patient it is.

    Attributes:
        gate_deadline: So long a stage of a change waits for the answers that it depends on.
        response_bytes: Delta responses are split above this size.
        pending_bytes: What may be sent and not answered; beyond it the stream waits, and ends when that does not help.
        types: Resource types that a client may ask for.
        names: Names that a client may ask for, of one type.
    """

    gate_deadline: timedelta = timedelta(seconds=10)
    response_bytes: int = DEFAULT_RESPONSE_BYTES
    pending_bytes: int = 64 * 1024 * 1024
    types: int = 64
    names: int = 100_000


class Stream:
    """What both wires have in common.

    Attributes:
        wire: Which wire it is.
        node: Who the proxy says it is.
        watch: Its place in the world.
        watched: Type URL → how far that type is.
    """

    __slots__ = (
        "__weakref__",
        "_held_since",
        "_limits",
        "_nonces",
        "_now",
        "_observer",
        "_ordered",
        "_others",
        "_pending_bytes",
        "_pool",
        "_settled",
        "_timeout",
        "node",
        "order",
        "watch",
        "watched",
    )  # fmt: skip
    wire: Wire

    def __init__(
        self,
        node: RawNode,
        watch: Watch,
        observer: Observer,
        pool: SubscriptionPool,
        now: Callable[[], float],
        limits: StreamLimits = StreamLimits(),
    ) -> None:
        """``now`` gives seconds that only grow."""
        self.node = node
        self.watch = watch
        self.watched: dict[str, WatchedType] = {}
        self._observer = observer
        self._pool = pool
        self._now = now
        self._limits = limits
        self._timeout = limits.gate_deadline.total_seconds()
        self.order = Order(watch.snapshot(), pool, self._timeout, now)
        self._ordered: tuple[WatchedType, ...] = ()
        self._others: list[WatchedType] = []
        self._nonces = 0
        self._pending_bytes = 0
        self._held_since: float | None = None
        self._settled = -1

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits to be sent or answered, so that no deadline can pass."""
        return self._settled == self.order.number

    def on_bytes(self, data: bytes) -> None:
        """Takes in one encoded request.

        Raises:
            MalformedRequestError: The bytes are no request of this wire.
            LimitExceededError: It asks for more than the limits allow.
        """
        raise NotImplementedError

    def on_snapshot_change(self) -> None:
        """Takes note of the watch's present snapshot; costs next to nothing when it is the known one."""
        snapshot = self.watch.snapshot()
        if snapshot is not self.order.snapshot:
            self.order.follow(snapshot, self._others)

    def on_deadline(self) -> None:
        """Takes note that time has passed."""
        now = self._now()
        for watched in self._ordered:
            if watched.is_dirty and self._is_overdue(watched, now):
                watched.time_out()
                self._warn(f"no answer to a response of {watched.type_url} in {self._timeout:g} s")
        self._warn(self.order.expire())

    def deadline(self) -> float | None:
        """When ``on_deadline`` is to be called, on the scale of ``now``; None: not before something else happens."""
        times = [
            watched.sent_time + self._timeout
            for watched in self._ordered
            if watched.inflight is not None and watched.is_dirty
        ]
        gate = self.order.deadline()
        if gate is not None:
            times.append(gate)
        if self._held_since is not None:
            times.append(self._held_since + self._timeout)
        return min(times, default=None)

    def take(self) -> bytes | None:
        """The next response to write; None when there is none now."""
        order = self.order
        is_released = False
        for watched in self._ordered:
            if not is_released and watched.type.stage is not Stage.LEADING:
                is_released = True
                if order.waiting is not None:
                    self._warn(order.release())
            if watched.is_dirty and watched.inflight is None:
                response = self._advance(watched)
                if response is not None:
                    return response
        return self._take_later(is_released)

    def _take_later(self, is_released: bool) -> bytes | None:
        """What is left when all types had their turn: clusters that may go now."""
        order = self.order
        if not is_released and order.waiting is not None:
            self._warn(order.release())
        first = self._ordered[0] if self._ordered else None
        if first is not None and first.is_dirty and first.inflight is None:
            response = self._advance(first)
            if response is not None:
                return response
        if self._settled != order.number:
            self._settle()
        return None

    def _settle(self) -> None:
        order = self.order
        if not order.is_at_rest or not self._ordered:
            return
        for watched in self._ordered:
            if watched.is_dirty or watched.inflight is not None:
                return
        self._settled = order.number
        self._observer.settled(self, order.snapshot.revision)

    def _open(self, watched: WatchedType) -> None:
        if len(self.watched) >= self._limits.types:
            raise LimitExceededError(
                f"this stream asks for more than {self._limits.types} resource types; {watched.type_url} is one too many"
            )
        self._check(watched)
        self.watched[watched.type_url] = watched
        self._ordered = tuple(sorted(self.watched.values(), key=lambda each: each.type.rank))
        if watched.type.stage is Stage.FREE:
            self._others.append(watched)
        self.order.open(watched)
        self._settled = -1

    def _check(self, watched: WatchedType) -> None:
        count = len(watched.subscription.names)
        if count > self._limits.names:
            raise LimitExceededError(
                f"this stream asks for {count} names of {watched.type_url}; the limit is {self._limits.names}"
            )

    def _on_answer(self, watched: WatchedType, error: RequestError | None) -> None:
        """The client answered what is in flight."""
        response = watched.finish()
        if response is None:
            return
        self._pending_bytes -= len(response.body)
        if error is None:
            if not watched.rest:
                watched.accepted = watched.answered
            watched.accepted_version = response.version
            self._observer.acked(self, watched.type_url, response)
            self.order.answered(watched, frozenset())
        else:
            self._reject(watched, response)
            self._observer.nacked(self, watched.type_url, response, error.code, error.message)
            needs = frozenset([need for found in response.changed for need in found.needs])
            self.order.answered(watched, needs)

    def _on_late_answer(self, watched: WatchedType, nonce: str, error: RequestError | None) -> None:
        """The client answered something that was given up, or nothing that is known."""
        response = watched.late.pop(nonce, None) if watched.late else None
        if response is None:
            return
        self._pending_bytes -= len(response.body)
        if error is None:
            self._observer.acked(self, watched.type_url, response)
        else:
            self._reject(watched, response)
            self._observer.nacked(self, watched.type_url, response, error.code, error.message)

    def _reject(self, watched: WatchedType, response: Response) -> None:
        """Notes that the client did not take a response as a whole."""
        watched.reject(response)

    def _advance(self, watched: WatchedType) -> bytes | None:
        """The next response of a type, if it has something to say and may say it."""
        if watched.rest:
            return self._continue(watched)
        goal = self.order.goal(watched)
        if goal is None:
            return None
        watched.is_dirty = False
        watched.sent_at = self.order.number_of(watched)
        diff = goal.diff_from(watched.sent)
        if watched.rejected:
            watched.reclaim(goal)
        if watched.to_resend:
            diff = self._including_resent(watched, goal, diff)
        if not watched.is_due and self._tells_nothing(diff, watched):
            if watched.answered is watched.sent:
                watched.answered = goal
            watched.sent = goal
            watched.answered_at = watched.sent_at
            self.order.answered(watched, frozenset())
            return None
        watched.sent = goal
        watched.is_due = False
        watched.rest = tuple(self._responses(watched, goal, diff))
        self.order.pushed(watched, diff)
        return self._continue(watched)

    def _including_resent(self, watched: WatchedType, goal: Resources, diff: Diff) -> Diff:
        extra: list[Resource] = []
        gone: list[str] = []
        known = diff.names
        for name in sorted(watched.to_resend) if len(watched.to_resend) > 1 else watched.to_resend:
            if name in known:
                continue
            found = goal.by_name.get(name) or self._substitute(watched, name)
            if found is None:
                if name not in diff.removed:
                    gone.append(name)
            elif found.part:
                extra.append(found)
        watched.to_resend = frozenset()
        return diff.including(tuple(extra), tuple(gone))

    def _substitute(self, watched: WatchedType, name: str) -> Resource | None:
        """What is sent for a name that is asked for and not there; None when it may be called removed."""
        if not watched.type.is_never_removed:
            return None
        earlier = self.order.fallback(watched.type_url, name) if watched.type is ENDPOINT else None
        return earlier or blank(watched.type_url, name)

    def _continue(self, watched: WatchedType) -> bytes | None:
        """The next response of a step that was begun; None while too much is unanswered."""
        response = watched.rest[0]
        size = len(response.body)
        if self._pending_bytes + size > self._limits.pending_bytes:
            self._hold(watched, size)
            return None
        watched.rest = watched.rest[1:]
        watched.is_dirty = False
        self._held_since = None
        self._pending_bytes += size
        self._nonces += 1
        nonce = str(self._nonces)
        watched.send(response, nonce, self._now())
        self._observer.pushed(self, watched.type_url, response)
        return with_nonce(response.body, nonce)

    def _hold(self, watched: WatchedType, size: int) -> None:
        limit = self._limits.pending_bytes
        if size > limit:
            raise LimitExceededError(
                f"a response of {watched.type_url} would take {size} bytes; the limit is {limit}:"
                " use delta, or serve fewer resources to this proxy"
            )
        watched.is_dirty = True
        now = self._now()
        if self._held_since is None:
            self._held_since = now
        elif now - self._held_since > self._timeout:
            raise LimitExceededError(
                f"{self._pending_bytes} bytes are not answered and {size} more wait; the limit is {limit}:"
                " the client is too slow or stuck"
            )

    def _is_overdue(self, watched: WatchedType, now: float) -> bool:
        return watched.inflight is not None and now >= watched.sent_time + self._timeout

    def _warn(self, message: str) -> None:
        if message:
            self._observer.warned(self, message)

    def _tells_nothing(self, diff: Diff, watched: WatchedType) -> bool:
        """Whether the client need not hear of a step."""
        raise NotImplementedError

    def _responses(self, watched: WatchedType, goal: Resources, diff: Diff) -> Iterable[Response]:
        """The messages that take a step; at least one."""
        raise NotImplementedError
