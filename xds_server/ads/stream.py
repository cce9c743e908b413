"""One proxy's stream as a state machine: requests and snapshots in, responses out, no I/O.

Whoever drives it feeds requests (`on_bytes`), says when the snapshot may have changed
(`on_snapshot_change`) and when a deadline has passed (`on_deadline`), and after each of these takes
responses until there is none. Nothing is queued: a response is made when it is taken, from the
newest state, so a slow client costs no memory and skips what it has missed.

A stream is given its variant of the protocol, which knows what a request means and what a response
must hold, and works on the stream through `open`, `resubscribe`, `answered`, `answered_late` and
`warn`. Rules of both variants:

* One response of a type is outstanding at a time; see `state`.
* An answer is what repeats the nonce of the response in flight, and nothing else is; it rejects
  when it carries an error (xDS protocol, "ACK and NACK semantics summary").
* What was rejected is not sent again until any of it changes, for it would only be rejected again
  (contour#1176); then the rest of it is sent as well, for the client may have applied none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, final

from translators.codec.discovery import RequestError, with_nonce
from translators.codec.errors import DecodeError
from translators.codec.node import RawNode
from translators.resource_types import ENDPOINT, Stage
from xds_server.ads.diff import Diff, Response, needed
from xds_server.ads.filling import including_resent
from xds_server.ads.limits import DEFAULT_LIMITS, StreamLimits
from xds_server.ads.order import Order
from xds_server.ads.resources import Resources
from xds_server.ads.seams import Watch, Wire
from xds_server.ads.state import State
from xds_server.ads.subscription import Subscription, SubscriptionPool
from xds_server.ads.watched_type import WatchedType
from xds_server.ads.window import Window
from xds_server.errors import MalformedRequestError

_NO_NAMES: Final = frozenset[str]()
_UNSETTLED: Final = -1
_LEADING: Final = Stage.LEADING
_IDLE: Final = State.IDLE


class Variant(Protocol):
    """What differs between delta and state of the world. It has no state of its own."""

    @property
    def wire(self) -> Wire:
        """Which of the two it is."""

    def on_bytes(self, stream: Stream, data: bytes) -> None:
        """Take in one encoded request.

        Raises:
            DecodeError: The bytes are no request of this variant.
            LimitExceededError: It asks for more than the limits allow.
        """

    def tells_nothing(self, watched: WatchedType, diff: Diff, /) -> bool:
        """Say whether the client need not hear of a difference."""

    def messages(
        self, watched: WatchedType, goal: Resources, diff: Diff, limit_bytes: int, /
    ) -> tuple[Response, ...]:
        """Make the messages that tell a difference and lead to the goal; at least one."""

    def is_complete(self, watched: WatchedType, /) -> bool:
        """Say whether each response holds all resources of the type."""


class Observer(Protocol):
    """Who is told of all that happens on streams, at once: it must be quick and must not raise."""

    def connected(self, stream: Stream) -> None:
        """Note that a proxy introduced itself and was taken in."""

    def disconnected(self, stream: Stream) -> None:
        """Note that the stream ended, whoever ended it."""

    def pushed(self, stream: Stream, type_url: str, response: Response) -> None:
        """Note that a response was handed to the transport."""

    def acked(self, stream: Stream, type_url: str, response: Response) -> None:
        """Note that the client accepted a response."""

    def nacked(
        self, stream: Stream, type_url: str, response: Response, code: int, message: str
    ) -> None:
        """Note that the client rejected a response.

        The message is its own words, cut at 4096 characters by Envoy.
        """

    def settled(self, stream: Stream, revision: int) -> None:
        """Note that everything up to the snapshot of this revision is sent and answered."""

    def warned(self, stream: Stream, message: str) -> None:
        """Note what should not have been necessary: a gate's deadline passed."""

    def turned_away(self, peer: str, code: str, message: str) -> None:
        """Note that a stream was not taken, or ended by this side.

        `code` is gRPC's in lower case, the message what the client is told.
        """


@final
class Stream:
    """One proxy's stream.

    Attributes:
        variant: Which protocol it speaks.
        node: Who the proxy says it is.
        watch: Its place in the world.
        watched: Type URL → how far that type is.
        order: Which state each type may be brought to.
        pool: Subscriptions, shared with other streams.
    """

    __slots__ = (
        "__weakref__",
        "_limits",
        "_names",
        "_nonces",
        "_now",
        "_observer",
        "_ordered",
        "_others",
        "_settled",
        "_timeout",
        "_window",
        "node",
        "order",
        "pool",
        "variant",
        "watch",
        "watched",
    )  # fmt: skip

    def __init__(
        self,
        variant: Variant,
        node: RawNode,
        watch: Watch,
        observer: Observer,
        pool: SubscriptionPool,
        now: Callable[[], float],
        limits: StreamLimits = DEFAULT_LIMITS,
    ) -> None:
        """`now` gives seconds that only grow."""
        self.variant = variant
        self.node = node
        self.watch = watch
        self.watched: dict[str, WatchedType] = {}
        self.pool = pool
        self._observer = observer
        self._now = now
        self._limits = limits
        self._timeout = limits.gate_deadline.total_seconds()
        self._window = Window(limits.pending_bytes, self._timeout)
        self.order = Order(
            watch.snapshot(),
            pool,
            self._timeout,
            now,
            tells_removals=variant.wire is Wire.DELTA,
        )
        self._ordered: tuple[WatchedType, ...] = ()
        self._others: list[WatchedType] = []
        self._names = 0
        self._nonces = 0
        self._settled = _UNSETTLED

    @property
    def wire(self) -> Wire:
        """Which variant it speaks."""
        return self.variant.wire

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits to be sent or answered, so that no deadline can pass."""
        return self._settled == self.order.number

    def on_bytes(self, data: bytes) -> None:
        """Take in one encoded request.

        Raises:
            MalformedRequestError: The bytes are no request of this wire.
            LimitExceededError: It asks for more than the limits allow.
        """
        try:
            self.variant.on_bytes(self, data)
        except DecodeError as error:
            raise MalformedRequestError(str(error)) from error

    def on_snapshot_change(self) -> None:
        """Note the watch's present snapshot; costs next to nothing when it is the known one."""
        snapshot = self.watch.snapshot()
        if snapshot is not self.order.snapshot:
            self.order.follow(snapshot, self._others)

    def on_deadline(self) -> None:
        """Note that time has passed."""
        now = self._now()
        for watched in self._ordered:
            if watched.is_blocked and now >= watched.sent_time + self._timeout:
                watched.time_out()
                if self.variant.is_complete(watched):
                    watched.doubt()
                self.warn(f"no answer to a response of {watched.type_url} in {self._timeout:g} s")
        self.warn(self.order.expire())

    def deadline(self) -> float | None:
        """Give when to call `on_deadline`, on the scale of `now`; None: not before a new event."""
        times = [
            watched.sent_time + self._timeout for watched in self._ordered if watched.is_blocked
        ]
        gates = (self.order.deadline(), self._window.deadline())
        return min([*times, *[gate for gate in gates if gate is not None]], default=None)

    def open(self, watched: WatchedType) -> None:
        """Begin to watch a type that the client asks for.

        Raises:
            LimitExceededError: It is one type or one name too many.
        """
        self._limits.check_types(len(self.watched) + 1, watched.type_url)
        self._check(watched.type_url, watched.subscription)
        self.watched[watched.type_url] = watched
        self._ordered = tuple(sorted(self.watched.values(), key=lambda watched: watched.type.rank))
        if watched.type.stage is Stage.FREE:
            self._others.append(watched)
        self.order.open(watched)
        self._settled = _UNSETTLED

    def resubscribe(self, watched: WatchedType, subscription: Subscription) -> None:
        """Put another subscription in place of a type's own.

        Raises:
            LimitExceededError: It has too many names.
        """
        self._check(watched.type_url, subscription)
        watched.subscription = subscription
        self.order.subscribed(watched)
        self._settled = _UNSETTLED

    def answered(self, watched: WatchedType, error: RequestError | None) -> None:
        """Take in the answer to the response in flight; `error` None: it was accepted."""
        response = watched.finish()
        self._window.answered(len(response.body))
        if error is None:
            watched.accept(response)
            self._observer.acked(self, watched.type_url, response)
            self.order.answered(watched, _NO_NAMES)
        else:
            self._reject(watched, response, error)
            self.order.answered(watched, needed(response.changed, ENDPOINT.url))

    def answered_late(self, watched: WatchedType, nonce: str, error: RequestError | None) -> None:
        """Take in an answer that came after its time; one to nothing that is known is ignored."""
        response = watched.finish_late(nonce)
        if response is None:
            return
        self._window.answered(len(response.body))
        if error is None:
            self._observer.acked(self, watched.type_url, response)
        else:
            self._reject(watched, response, error, is_late=True)

    def has_rejected(self, type_url: str) -> bool:
        """Whether the client lacks some of a type because it rejected it."""
        watched = self.watched.get(type_url)
        return watched is not None and watched.has_rejected

    def offer(self, type_url: str) -> bool:
        """Have what the client rejected of a type sent again; False when it rejected nothing.

        Whoever drives the stream has to be told.
        """
        watched = self.watched.get(type_url)
        if watched is None or not watched.offer():
            return False
        self._settled = _UNSETTLED
        return True

    def warn(self, message: str) -> None:
        """Tell the observer what should not have been necessary; nothing when it is empty."""
        if message:
            self._observer.warned(self, message)

    def take(self) -> bytes | None:
        """Give the next response to write; None when there is none now."""
        if self.watch.is_held:
            return None
        order = self.order
        is_released = False
        for watched in self._ordered:
            if not is_released and watched.type.stage is not _LEADING:
                is_released = True
                if order.waiting is not None:
                    self.warn(order.release())
            if watched.state.is_ready:
                response = self._advance(watched)
                if response is not None:
                    return response
        return self._take_later(is_released)

    def _take_later(self, is_released: bool) -> bytes | None:
        """Give what is left when all types had their turn: clusters that may go now."""
        order = self.order
        if not is_released and order.waiting is not None:
            self.warn(order.release())
        first = self._ordered[0] if self._ordered else None
        if first is not None and first.state.is_ready:
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
            if watched.state is not _IDLE:
                return
        self._settled = order.number
        self._observer.settled(self, order.snapshot.revision)

    def _check(self, type_url: str, subscription: Subscription) -> None:
        known = self.watched.get(type_url)
        own = len(subscription.names)
        count = self._names + own - (len(known.subscription.names) if known is not None else 0)
        self._limits.check_names(count, own, type_url)
        self._names = count

    def _reject(
        self, watched: WatchedType, response: Response, error: RequestError, is_late: bool = False
    ) -> None:
        if not self.variant.is_complete(watched):
            watched.reject(response)
        elif not is_late:
            watched.reject_all(response)
        self._observer.nacked(self, watched.type_url, response, error.code, error.message)

    def _advance(self, watched: WatchedType) -> bytes | None:
        """Give a type's next response, if it has something to say and may say it."""
        if watched.rest:
            return self._continue(watched)
        goal = self.order.goal(watched)
        if goal is None:
            return None
        diff = goal.diff_from(watched.sent)
        if self.variant.is_complete(watched):
            diff = watched.including_doubted(goal, diff)
        elif watched.rejected:
            watched.reclaim(self.order.newest(watched, goal))
        if watched.to_resend or watched.absent:
            diff = including_resent(watched, goal, diff, self.order.substitute)
        number = self.order.number_of(watched)
        is_over = not watched.is_due and not watched.absent
        if is_over and self.variant.tells_nothing(watched, diff):
            watched.keep(goal, number)
            self.order.answered(watched, _NO_NAMES)
            return None
        limit_bytes = 0 if watched.is_one_by_one else self._limits.response_bytes
        watched.begin(goal, number, self.variant.messages(watched, goal, diff, limit_bytes))
        if watched.absent:
            watched.resend(_NO_NAMES)
        self.order.pushed(watched, diff)
        return self._continue(watched)

    def _continue(self, watched: WatchedType) -> bytes | None:
        """Give the next message of a step that was begun; None while too much is unanswered."""
        response = watched.rest[0]
        now = self._now()
        if not self._window.admits(len(response.body), watched.type_url, now):
            return None
        self._nonces += 1
        nonce = str(self._nonces)
        watched.send(nonce, now)
        self._observer.pushed(self, watched.type_url, response)
        return with_nonce(response.body, nonce)
