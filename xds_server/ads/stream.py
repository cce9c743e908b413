"""One proxy's stream as a state machine: requests and views in, responses out, no I/O.

Whoever drives it feeds requests (``on_request``), says when the view may have changed (``on_view_change``) and when a
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
from xds_server.ads.directory import Membership, Observer, Wire
from xds_server.ads.exchange import Exchange
from xds_server.ads.order import Order
from xds_server.ads.snapshot import DEFAULT_RESPONSE_BYTES, Response, Snapshot, Step, blank
from xds_server.ads.subscription import SubscriptionPool
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
        membership: Its place in the world.
        peer: The transport's name for the other side.
        exchanges: Type URL → how far that type is.
        settled_revision: Revision of the newest view that the client has answered wholly; 0 before the first.
    """

    __slots__ = (
        "__weakref__", "_held_since", "_limits", "_nonces", "_now", "_observer", "_ordered", "_others", "_pending_bytes", "_pool", "_settled",
        "_timeout", "exchanges", "membership", "node", "order", "peer", "settled_revision",
    )  # fmt: skip
    wire: Wire

    def __init__(
        self,
        node: RawNode,
        membership: Membership,
        observer: Observer,
        pool: SubscriptionPool,
        now: Callable[[], float],
        limits: StreamLimits = StreamLimits(),
        peer: str = "",
    ) -> None:
        """``now`` gives seconds that only grow."""
        self.node = node
        self.membership = membership
        self.peer = peer
        self.exchanges: dict[str, Exchange] = {}
        self.settled_revision = 0
        self._observer = observer
        self._pool = pool
        self._now = now
        self._limits = limits
        self._timeout = limits.gate_deadline.total_seconds()
        self.order = Order(membership.view(), pool, self._timeout, now)
        self._ordered: tuple[Exchange, ...] = ()
        self._others: list[Exchange] = []
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

    def on_view_change(self) -> None:
        """Takes note of the membership's present view; costs next to nothing when it is the known one."""
        view = self.membership.view()
        if view is not self.order.view:
            self.order.follow(view, self._others)

    def on_deadline(self) -> None:
        """Takes note that time has passed."""
        now = self._now()
        for exchange in self._ordered:
            if exchange.is_dirty and self._is_overdue(exchange, now):
                exchange.give_up()
                self._warn(f"no answer to a response of {exchange.type_url} in {self._timeout:g} s")
        self._warn(self.order.expire())

    def deadline(self) -> float | None:
        """When ``on_deadline`` is to be called, on the scale of ``now``; None: not before something else happens."""
        times = [
            exchange.sent_time + self._timeout
            for exchange in self._ordered
            if exchange.inflight is not None and exchange.is_dirty
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
        for exchange in self._ordered:
            if not is_released and exchange.type.stage is not Stage.LEADING:
                is_released = True
                if order.waiting is not None:
                    self._warn(order.release())
            if exchange.is_dirty and exchange.inflight is None:
                response = self._advance(exchange)
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
        for exchange in self._ordered:
            if exchange.is_dirty or exchange.inflight is not None:
                return
        self._settled = order.number
        self.settled_revision = order.view.revision
        self._observer.settled(self, order.view.revision)

    def _open(self, exchange: Exchange) -> None:
        if len(self.exchanges) >= self._limits.types:
            raise LimitExceededError(
                f"this stream asks for more than {self._limits.types} resource types; {exchange.type_url} is one too many"
            )
        self._check(exchange)
        self.exchanges[exchange.type_url] = exchange
        self._ordered = tuple(sorted(self.exchanges.values(), key=lambda each: each.type.rank))
        if exchange.type.stage is Stage.FREE:
            self._others.append(exchange)
        self.order.open(exchange)
        self._settled = -1

    def _check(self, exchange: Exchange) -> None:
        count = len(exchange.subscription.names)
        if count > self._limits.names:
            raise LimitExceededError(
                f"this stream asks for {count} names of {exchange.type_url}; the limit is {self._limits.names}"
            )

    def _on_answer(self, exchange: Exchange, error: RequestError | None) -> None:
        """The client answered what is in flight."""
        response = exchange.finish()
        if response is None:
            return
        self._pending_bytes -= len(response.body)
        if error is None:
            exchange.rejection = None
            if not exchange.rest:
                exchange.accepted = exchange.answered
            exchange.accepted_version = response.version
            self._observer.acked(self, exchange.type_url, response)
            self.order.answered(exchange, frozenset())
        else:
            exchange.rejection = (error.code, error.message)
            self._refuse(exchange, response)
            self._observer.nacked(self, exchange.type_url, response, error.code, error.message)
            needs = frozenset([need for found in response.changed for need in found.needs])
            self.order.answered(exchange, needs)

    def _on_late_answer(self, exchange: Exchange, nonce: str, error: RequestError | None) -> None:
        """The client answered something that was given up, or nothing that is known."""
        response = exchange.late.pop(nonce, None) if exchange.late else None
        if response is None:
            return
        self._pending_bytes -= len(response.body)
        if error is None:
            self._observer.acked(self, exchange.type_url, response)
        else:
            self._refuse(exchange, response)
            self._observer.nacked(self, exchange.type_url, response, error.code, error.message)

    def _refuse(self, exchange: Exchange, response: Response) -> None:
        """Notes that the client did not take a response as a whole."""
        exchange.refuse(response)

    def _advance(self, exchange: Exchange) -> bytes | None:
        """The next response of a type, if it has something to say and may say it."""
        if exchange.rest:
            return self._continue(exchange)
        goal = self.order.goal(exchange)
        if goal is None:
            return None
        exchange.is_dirty = False
        exchange.sent_at = self.order.number_of(exchange)
        step = goal.step_from(exchange.sent)
        if exchange.refused:
            exchange.reclaim(goal)
        if exchange.owed:
            step = self._including_owed(exchange, goal, step)
        if not exchange.is_due and self._tells_nothing(step, exchange):
            if exchange.answered is exchange.sent:
                exchange.answered = goal
            exchange.sent = goal
            exchange.answered_at = exchange.sent_at
            self.order.answered(exchange, frozenset())
            return None
        exchange.sent = goal
        exchange.is_due = False
        exchange.rest = tuple(self._responses(exchange, goal, step))
        self.order.pushed(exchange, step)
        return self._continue(exchange)

    def _including_owed(self, exchange: Exchange, goal: Snapshot, step: Step) -> Step:
        extra: list[Resource] = []
        gone: list[str] = []
        known = step.names
        for name in sorted(exchange.owed) if len(exchange.owed) > 1 else exchange.owed:
            if name in known:
                continue
            found = goal.resources.get(name) or self._substitute(exchange, name)
            if found is None:
                if name not in step.removed:
                    gone.append(name)
            elif found.part:
                extra.append(found)
        exchange.owed = frozenset()
        return step.including(tuple(extra), tuple(gone))

    def _substitute(self, exchange: Exchange, name: str) -> Resource | None:
        """What is sent for a name that is asked for and not there; None when it may be called removed."""
        if not exchange.type.is_never_removed:
            return None
        earlier = (
            self.order.fallback(exchange.type_url, name) if exchange.type is ENDPOINT else None
        )
        return earlier or blank(exchange.type_url, name)

    def _continue(self, exchange: Exchange) -> bytes | None:
        """The next response of a step that was begun; None while too much is unanswered."""
        response = exchange.rest[0]
        size = len(response.body)
        if self._pending_bytes + size > self._limits.pending_bytes:
            self._hold(exchange, size)
            return None
        exchange.rest = exchange.rest[1:]
        exchange.is_dirty = False
        self._held_since = None
        self._pending_bytes += size
        self._nonces += 1
        nonce = str(self._nonces)
        exchange.send(response, nonce, self._now())
        self._observer.pushed(self, exchange.type_url, response)
        return with_nonce(response.body, nonce)

    def _hold(self, exchange: Exchange, size: int) -> None:
        limit = self._limits.pending_bytes
        if size > limit:
            raise LimitExceededError(
                f"a response of {exchange.type_url} would take {size} bytes; the limit is {limit}:"
                " use delta, or serve fewer resources to this proxy"
            )
        exchange.is_dirty = True
        now = self._now()
        if self._held_since is None:
            self._held_since = now
        elif now - self._held_since > self._timeout:
            raise LimitExceededError(
                f"{self._pending_bytes} bytes are not answered and {size} more wait; the limit is {limit}:"
                " the client is too slow or stuck"
            )

    def _is_overdue(self, exchange: Exchange, now: float) -> bool:
        return exchange.inflight is not None and now >= exchange.sent_time + self._timeout

    def _warn(self, message: str) -> None:
        if message:
            self._observer.warned(self, message)

    def _tells_nothing(self, step: Step, exchange: Exchange) -> bool:
        """Whether the client need not hear of a step."""
        raise NotImplementedError

    def _responses(self, exchange: Exchange, goal: Snapshot, step: Step) -> Iterable[Response]:
        """The messages that take a step; at least one."""
        raise NotImplementedError
