"""The incremental variant: each response carries what differs, each request what it adds to or takes from a subscription.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "Incremental xDS".
"""

from __future__ import annotations

from translators.codec.discovery import DeltaRequest, parse_delta_request
from translators.codec.errors import DecodeError
from xds_server.ads.directory import Wire
from xds_server.ads.exchange import Exchange
from xds_server.ads.snapshot import Response, Snapshot, Step
from xds_server.ads.stream import Stream
from xds_server.ads.subscription import WILDCARD
from xds_server.errors import MalformedRequestError

_STAR = frozenset((WILDCARD,))


class DeltaStream(Stream):
    """A stream of DeltaAggregatedResources."""

    __slots__ = ()
    wire = Wire.DELTA

    def on_bytes(self, data: bytes) -> None:
        """Takes in one encoded request; see ``on_request``."""
        try:
            request = parse_delta_request(data)
        except DecodeError as error:
            raise MalformedRequestError(str(error)) from error
        self.on_request(request)

    def on_request(self, request: DeltaRequest) -> None:
        """Takes in one request.

        Raises:
            LimitExceededError: It asks for more than the limits allow.
        """
        exchange = self.exchanges.get(request.type_url)
        if exchange is None:
            self._first(request)
            return
        if request.nonce:
            if request.nonce == exchange.nonce and exchange.inflight is not None:
                self._on_answer(exchange, request.error)
            else:
                self._on_late_answer(exchange, request.nonce, request.error)
        if request.subscribe or request.unsubscribe:
            self._resubscribe(exchange, request)

    def _first(self, request: DeltaRequest) -> None:
        """The first request of a type is always answered, and says what the client kept from an earlier stream."""
        claimed = self._pool.claimed(request.type_url, request.initial_versions)
        if request.subscribe:
            subscription = self._pool.named(request.subscribe)
        else:
            subscription = self._pool.everything()
        exchange = Exchange(request.type_url, subscription, claimed)
        if not request.subscribe and not exchange.type.is_wildcard_when_empty:
            exchange.subscription = self._pool.named(())
            exchange.is_due = False
        self._open(exchange)
        wanted = exchange.subscription.names.difference(claimed.resources)
        if wanted:
            exchange.owe(wanted)

    def _resubscribe(self, exchange: Exchange, request: DeltaRequest) -> None:
        known = exchange.subscription
        changed = self._pool.change(known, request.subscribe, request.unsubscribe)
        owed = frozenset(request.subscribe)
        if WILDCARD in owed:
            owed -= _STAR
            if known.is_wildcard:
                owed = owed.union(exchange.sent.resources)
            exchange.is_due = exchange.is_dirty = True
        if request.unsubscribe:
            if changed.is_wildcard:
                # Still covered by the wildcard: the client cannot know whether it is to keep them unless it is told.
                owed = owed.union(request.unsubscribe) - _STAR
            else:
                exchange.narrow(changed)
                exchange.owed &= changed.names
        exchange.subscription = changed
        if owed:
            exchange.owe(owed)
        self._check(exchange)
        self.order.subscribed(exchange)
        self._settled = -1

    def _tells_nothing(self, step: Step, _exchange: Exchange) -> bool:
        return step.tells_nothing

    def _responses(self, _exchange: Exchange, _goal: Snapshot, step: Step) -> tuple[Response, ...]:
        return step.delta(self._limits.response_bytes)
