"""The state-of-the-world variant: each request repeats all names, some responses all resources.

A response of clusters or listeners is complete; one of another type carries what changed or was
asked for.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol; its sections, and issues,
are named where a rule comes from them.
"""

from __future__ import annotations

from typing import Final

from translators.codec.discovery import RequestError, SotwRequest, parse_discovery_request
from translators.resource_types import CLUSTER
from xds_server.ads.diff import Diff, Response
from xds_server.ads.resources import Resources
from xds_server.ads.seams import Wire
from xds_server.ads.stream import Stream
from xds_server.ads.subscription import Subscription, SubscriptionPool
from xds_server.ads.watched_type import WatchedType


class SotwVariant:
    """What requests and responses of StreamAggregatedResources mean."""

    __slots__ = ()
    wire: Final = Wire.SOTW

    def on_bytes(self, stream: Stream, data: bytes) -> None:
        """Take in one encoded request.

        Raises:
            DecodeError: The bytes are no DiscoveryRequest.
            LimitExceededError: It asks for more than the limits allow.
        """
        self.on_request(stream, parse_discovery_request(data))

    def on_request(self, stream: Stream, request: SotwRequest) -> None:
        """Take in one request.

        Raises:
            LimitExceededError: It asks for more than the limits allow.
        """
        watched = stream.watched.get(request.type_url)
        if watched is None:
            self._first(stream, request)
            return
        if request.nonce and request.nonce != watched.nonce:
            # "Resource updates": a stale nonce is not answered; the next request repeats all names.
            return
        was_answered = watched.inflight is None
        if request.nonce and not was_answered:
            self._judge(stream, watched, request)
        names = request.resource_names
        if names is not watched.names and names != watched.names:
            self._resubscribe(stream, watched, request)
        elif not request.nonce:
            # It answers nothing, so it asks: as a type's first request does.
            watched.ask()
            watched.resend(watched.subscription.names)
        elif was_answered and watched.is_parent_newer:
            # It answers nothing either, and has the form of an ACK: a cluster or listener was
            # changed, and warms until the child that the client has is sent again
            # ("Resource warming"; envoy#47302, go-control-plane#59).
            watched.repeat()

    def tells_nothing(self, watched: WatchedType, diff: Diff) -> bool:
        """Say whether neither a resource nor, where missing is gone, a removal is to be told."""
        if watched.type.is_complete_in_sotw:
            return not diff.changed and not diff.removed
        return not diff.changed

    def messages(
        self, watched: WatchedType, goal: Resources, diff: Diff, _limit_bytes: int
    ) -> tuple[Response, ...]:
        """Make the one message, whatever its size.

        Source: "Grouping Resources into Responses", "Deleting Resources".
        """
        if watched.type.is_complete_in_sotw:
            return (goal.full(),)
        return (diff.partial(goal.version),)

    def is_complete(self, watched: WatchedType) -> bool:
        """Say whether each response holds all resources of the type."""
        return watched.type.is_complete_in_sotw

    def _judge(self, stream: Stream, watched: WatchedType, request: SotwRequest) -> None:
        """Tell an ACK from a NACK.

        An error makes a NACK ("ACK and NACK semantics summary"; envoy#14841), but for one case.
        While clusters warm, Envoy holds answers back (envoy#5887) and then sends one for all: nonce
        and version of the newest response with the error of an older one, as Envoy 1.40 was seen to
        do. A client that names a response's own version has accepted it.
        """
        response, error = watched.inflight, request.error
        if (
            error is not None
            and response is not None
            and request.version_info == response.version != watched.accepted_version
        ):
            stream.answered(watched, None)
            self._blame_late(stream, watched, error)
            return
        if error is not None:
            # Its own word: it may have accepted what it never answered.
            watched.accepted_version = request.version_info
        stream.answered(watched, error)
        self._close_late(stream, watched)

    def _blame_late(self, stream: Stream, watched: WatchedType, error: RequestError) -> None:
        """Take an error for that of the oldest response without an answer."""
        if not watched.late:
            stream.warn(
                f"{watched.type_url}: a response was accepted with an error of another one:"
                f" {error.message}"
            )
            return
        stream.answered_late(watched, next(iter(watched.late)), error)
        self._close_late(stream, watched)

    def _close_late(self, stream: Stream, watched: WatchedType) -> None:
        """Take an answer for one to all responses before it: their nonces are stale now."""
        for nonce in tuple(watched.late or ()):
            stream.answered_late(watched, nonce, None)

    def _first(self, stream: Stream, request: SotwRequest) -> None:
        """Take in the first request of a type, which is answered in full.

        A version is of another stream, whose names are not known, so it spares nothing
        ("ACK/NACK and resource type instance version").
        """
        names = request.resource_names
        held = Resources(request.type_url)
        watched = WatchedType(request.type_url, stream.pool.everything(), held)
        watched.name(names)
        watched.accepted_version = request.version_info
        watched.subscription = subscription = _subscription(stream.pool, watched)
        if subscription.is_wildcard or subscription.names:
            watched.ask()
        else:
            watched.change()
        stream.open(watched)
        if subscription.names:
            watched.resend(subscription.names)
        if watched.type is CLUSTER and subscription.is_wildcard and request.version_info:
            stream.order.resume(watched, request.version_info)

    def _resubscribe(self, stream: Stream, watched: WatchedType, request: SotwRequest) -> None:
        known = watched.subscription
        watched.name(request.resource_names)
        changed = _subscription(stream.pool, watched)
        stream.resubscribe(watched, changed)
        # "How the client specifies what resources to return": what is newly asked for is sent, also
        # if it was sent before.
        added = changed.names - known.names
        if added or (changed.is_wildcard and not known.is_wildcard):
            watched.ask()
            watched.resend(added)
        if not changed.is_wildcard and changed is not known:
            # "Unsubscribing From Resources": what is not named any more is dropped without a word.
            watched.unsubscribe(changed)
        watched.change()


def _subscription(pool: SubscriptionPool, watched: WatchedType) -> Subscription:
    """Give what the names of the last request ask for.

    Without names that is everything, but only as long as none were ever given ("How the client
    specifies what resources to return"), and only of types that have a wildcard.
    """
    if watched.names or watched.is_explicit or not watched.type.is_wildcard_when_empty:
        return pool.named(watched.names, watched.subscription)
    return pool.everything()


SOTW: Final = SotwVariant()
