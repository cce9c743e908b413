"""The state-of-the-world variant: each request repeats all names; a response of clusters or listeners is complete.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "Aggregated Discovery Service" and "ACK/NACK and
resource type instance version". Responses of other types need not be complete, and carry what changed or was asked for.
"""

from __future__ import annotations

from translators.codec.discovery import RequestError, SotwRequest, parse_discovery_request
from translators.codec.errors import DecodeError
from xds_server.ads.diff import Diff, Response
from xds_server.ads.resources import Resources
from xds_server.ads.seams import Wire
from xds_server.ads.stream import Stream
from xds_server.ads.subscription import Subscription
from xds_server.ads.watched_type import WatchedType
from xds_server.errors import MalformedRequestError


class SotwStream(Stream):
    """A stream of StreamAggregatedResources."""

    __slots__ = ()
    wire = Wire.SOTW

    def on_bytes(self, data: bytes) -> None:
        """Takes in one encoded request; see ``on_request``."""
        try:
            request = parse_discovery_request(data)
        except DecodeError as error:
            raise MalformedRequestError(str(error)) from error
        self.on_request(request)

    def on_request(self, request: SotwRequest) -> None:
        """Takes in one request.

        Raises:
            LimitExceededError: It asks for more than the limits allow.
        """
        watched = self.watched.get(request.type_url)
        if watched is None:
            self._first(request)
            return
        if request.nonce and request.nonce != watched.nonce:
            return
        was_answered = watched.inflight is None
        if request.nonce and not was_answered:
            self._judge(watched, request)
        names = request.resource_names
        if names is not watched.names and names != watched.names:
            self._resubscribe(watched, request)
        elif not request.nonce:
            watched.is_due = watched.is_dirty = True
            watched.resend(watched.subscription.names)
        elif was_answered and watched.is_child_due:
            # A parent changed, and the client asks for the child that it has: it waits for an answer.
            watched.is_child_due = False
            watched.resend(watched.subscription.names)

    def _judge(self, watched: WatchedType, request: SotwRequest) -> None:
        """Tells an ACK from a NACK.

        While clusters warm, Envoy holds answers back and then sends one for all: nonce and version of the newest response
        with the error of an older one. A client that names a response's own version has accepted it.
        """
        response, error = watched.inflight, request.error
        if (
            error is not None
            and response is not None
            and request.version_info == response.version != watched.accepted_version
        ):
            self._on_answer(watched, None)
            self._blame_late(watched, error)
            return
        self._on_answer(watched, error)
        self._close_late(watched)

    def _blame_late(self, watched: WatchedType, error: RequestError) -> None:
        if not watched.late:
            self._warn(
                f"{watched.type_url}: a response was accepted with an error of another one: {error.message}"
            )
            return
        self._on_late_answer(watched, next(iter(watched.late)), error)
        self._close_late(watched)

    def _close_late(self, watched: WatchedType) -> None:
        """An answer to a response is one to all before it."""
        for nonce in tuple(watched.late or ()):
            self._on_late_answer(watched, nonce, None)

    def _first(self, request: SotwRequest) -> None:
        """The first request of a type is always answered in full, whatever version the client has."""
        held = Resources(request.type_url)
        watched = WatchedType(request.type_url, self._pool.everything(), held)
        watched.names = request.resource_names
        watched.is_explicit = bool(request.resource_names)
        watched.subscription = self._subscription(watched, request.resource_names)
        watched.accepted_version = request.version_info
        watched.is_due = watched.subscription.is_wildcard or bool(watched.subscription.names)
        self._open(watched)
        if watched.subscription.names:
            watched.resend(watched.subscription.names)

    def _subscription(self, watched: WatchedType, names: tuple[str, ...]) -> Subscription:
        if names or watched.is_explicit or not watched.type.is_wildcard_when_empty:
            return self._pool.named(names, watched.subscription)
        return self._pool.everything()

    def _resubscribe(self, watched: WatchedType, request: SotwRequest) -> None:
        known = watched.subscription
        watched.names = request.resource_names
        watched.is_explicit = watched.is_explicit or bool(request.resource_names)
        watched.subscription = changed = self._subscription(watched, request.resource_names)
        self._check(watched)
        added = changed.names - known.names
        if added or (changed.is_wildcard and not known.is_wildcard):
            watched.is_due = True
            watched.resend(added)
        if not changed.is_wildcard and changed is not known:
            watched.unsubscribe(changed)
            watched.to_resend &= changed.names
        watched.is_dirty = True
        self.order.subscribed(watched)
        self._settled = -1

    def _reject(self, watched: WatchedType, response: Response) -> None:
        if not watched.type.is_complete_in_sotw:
            watched.reject(response)

    def _tells_nothing(self, diff: Diff, watched: WatchedType) -> bool:
        if watched.type.is_complete_in_sotw:
            return not diff.changed and not diff.removed
        return not diff.changed

    def _responses(self, watched: WatchedType, goal: Resources, diff: Diff) -> tuple[Response, ...]:
        if watched.type.is_complete_in_sotw:
            return (goal.full(),)
        return (diff.partial(goal.version),)
