"""The incremental variant: each response carries what differs, each request what it adds to or takes from a subscription.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "Incremental xDS".
"""

from __future__ import annotations

from translators.codec.discovery import DeltaRequest, parse_delta_request
from translators.codec.errors import DecodeError
from xds_server.ads.diff import Diff, Response
from xds_server.ads.resources import Resources
from xds_server.ads.seams import Wire
from xds_server.ads.stream import Stream
from xds_server.ads.subscription import WILDCARD
from xds_server.ads.watched_type import WatchedType
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
        watched = self.watched.get(request.type_url)
        if watched is None:
            self._first(request)
            return
        if request.nonce:
            if request.nonce == watched.nonce and watched.inflight is not None:
                self._on_answer(watched, request.error)
            else:
                self._on_late_answer(watched, request.nonce, request.error)
        if request.subscribe or request.unsubscribe:
            self._resubscribe(watched, request)

    def _first(self, request: DeltaRequest) -> None:
        """The first request of a type is always answered, and says what the client kept from an earlier stream."""
        claimed = self._pool.claimed(request.type_url, request.initial_versions)
        if request.subscribe:
            subscription = self._pool.named(request.subscribe)
        else:
            subscription = self._pool.everything()
        watched = WatchedType(request.type_url, subscription, claimed)
        if not request.subscribe and not watched.type.is_wildcard_when_empty:
            watched.subscription = self._pool.named(())
            watched.is_due = False
        self._open(watched)
        wanted = watched.subscription.names.difference(claimed.by_name)
        if wanted:
            watched.resend(wanted)

    def _resubscribe(self, watched: WatchedType, request: DeltaRequest) -> None:
        known = watched.subscription
        changed = self._pool.change(known, request.subscribe, request.unsubscribe)
        owed = frozenset(request.subscribe)
        if WILDCARD in owed:
            owed -= _STAR
            if known.is_wildcard:
                owed = owed.union(watched.sent.by_name)
            watched.is_due = watched.is_dirty = True
        if request.unsubscribe:
            if changed.is_wildcard:
                # Still covered by the wildcard: the client cannot know whether it is to keep them unless it is told.
                owed = owed.union(request.unsubscribe) - _STAR
            else:
                watched.unsubscribe(changed)
                watched.to_resend &= changed.names
        watched.subscription = changed
        if owed:
            watched.resend(owed)
        self._check(watched)
        self.order.subscribed(watched)
        self._settled = -1

    def _tells_nothing(self, diff: Diff, _exchange: WatchedType) -> bool:
        return diff.tells_nothing

    def _responses(
        self, _exchange: WatchedType, _goal: Resources, diff: Diff
    ) -> tuple[Response, ...]:
        return diff.delta(self._limits.response_bytes)
