"""The incremental variant: responses carry what differs, requests what they add or take away.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "Incremental xDS"; other
sections of that page, fields of discovery.proto and issues are named where a rule comes from them.
"""

from __future__ import annotations

from typing import Final

from translators.codec.discovery import DeltaRequest, parse_delta_request
from xds_server.ads.diff import Diff, Response
from xds_server.ads.resources import Resources
from xds_server.ads.seams import Wire
from xds_server.ads.stream import Stream
from xds_server.ads.subscription import WILDCARD
from xds_server.ads.watched_type import WatchedType

_STAR: Final = frozenset((WILDCARD,))


class DeltaVariant:
    """What requests and responses of DeltaAggregatedResources mean."""

    __slots__ = ()
    wire: Final = Wire.DELTA

    def on_bytes(self, stream: Stream, data: bytes) -> None:
        """Take in one encoded request.

        Raises:
            DecodeError: The bytes are no DeltaDiscoveryRequest.
            LimitExceededError: It asks for more than the limits allow.
        """
        self.on_request(stream, parse_delta_request(data))

    def on_request(self, stream: Stream, request: DeltaRequest) -> None:
        """Take in one request.

        Raises:
            LimitExceededError: It asks for more than the limits allow.
        """
        watched = stream.watched.get(request.type_url)
        if watched is None:
            self._first(stream, request)
            return
        if request.nonce:
            if request.nonce == watched.nonce and watched.inflight is not None:
                stream.answered(watched, request.error)
            else:
                stream.answered_late(watched, request.nonce, request.error)
        # Names count whatever the nonce: they say what differs, so no later request repeats them.
        if request.subscribe or request.unsubscribe:
            self._resubscribe(stream, watched, request)

    def tells_nothing(self, watched: WatchedType, diff: Diff) -> bool:
        """Say whether neither a resource nor a removal is to be told."""
        return not diff.changed and (watched.is_filled or not diff.removed)

    def messages(
        self, watched: WatchedType, _goal: Resources, diff: Diff, limit_bytes: int
    ) -> tuple[Response, ...]:
        """Make the difference, in as many messages as its size takes."""
        return diff.delta(limit_bytes, tells_removals=not watched.is_filled)

    def is_complete(self, _watched: WatchedType) -> bool:
        """Say no: what is not told again never is."""
        return False

    def _first(self, stream: Stream, request: DeltaRequest) -> None:
        """Take in the first request of a type, which says what the client kept from before.

        Source: DeltaDiscoveryRequest.initial_resource_versions.
        """
        pool = stream.pool
        claimed = pool.claimed(request.type_url, request.initial_versions)
        # A first request without names asks for everything, as `*` does: "How the client specifies
        # what resources to return", the legacy wildcard.
        subscription = pool.named(request.subscribe) if request.subscribe else pool.everything()
        watched = WatchedType(request.type_url, subscription, claimed)
        if request.subscribe or watched.type.is_wildcard_when_empty:
            watched.ask()
        else:
            # The same section: requests say names but for the roots, listeners and clusters; and
            # Envoy opens EDS and RDS without names before it needs any.
            watched.subscription = pool.named(())
            watched.change()
        stream.open(watched)
        wanted = watched.subscription.names.difference(claimed.by_name)
        if wanted:
            watched.resend(wanted)

    def _resubscribe(self, stream: Stream, watched: WatchedType, request: DeltaRequest) -> None:
        known = watched.subscription
        changed = stream.pool.change(known, request.subscribe, request.unsubscribe)
        # All of them, also those that the client is known to have: it may have dropped them since
        # (DeltaDiscoveryRequest.resource_names_subscribe; go-control-plane#583).
        resent = frozenset(request.subscribe)
        if WILDCARD in resent:
            # The same rule: `*` is a name ("How the client specifies what resources to return"), so
            # one that is given again is answered in full again.
            resent -= _STAR
            if known.is_wildcard:
                resent = resent.union(watched.sent.by_name)
            watched.ask()
        if request.unsubscribe:
            if changed.is_wildcard:
                # Still covered by the wildcard: the client cannot know whether it is to keep them
                # unless it is told (go-control-plane#558).
                resent = resent.union(request.unsubscribe) - _STAR
            else:
                # "Unsubscribing From Resources": what is not asked for is dropped without a word.
                watched.unsubscribe(changed)
        stream.resubscribe(watched, changed)
        if resent:
            watched.resend(resent)


DELTA: Final = DeltaVariant()
