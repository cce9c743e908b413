"""The state-of-the-world variant: each request repeats all names; a response of clusters or listeners is complete.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "Aggregated Discovery Service" and "ACK/NACK and
resource type instance version". Responses of other types need not be complete, and carry what changed or was asked for.
"""

from __future__ import annotations

from translators.codec.discovery import RequestError, SotwRequest, parse_discovery_request
from translators.codec.errors import DecodeError
from xds_server.ads.directory import Wire
from xds_server.ads.exchange import Exchange
from xds_server.ads.snapshot import Response, Snapshot, Step
from xds_server.ads.stream import Stream
from xds_server.ads.subscription import Subscription
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
        exchange = self.exchanges.get(request.type_url)
        if exchange is None:
            self._first(request)
            return
        if request.nonce and request.nonce != exchange.nonce:
            return
        was_answered = exchange.inflight is None
        if request.nonce and not was_answered:
            self._judge(exchange, request)
        names = request.resource_names
        if names is not exchange.names and names != exchange.names:
            self._resubscribe(exchange, request)
        elif not request.nonce:
            exchange.is_due = exchange.is_dirty = True
            exchange.owe(exchange.subscription.names)
        elif was_answered and exchange.is_child_due:
            # A parent changed, and the client asks for the child that it has: it waits for an answer.
            exchange.is_child_due = False
            exchange.owe(exchange.subscription.names)

    def _judge(self, exchange: Exchange, request: SotwRequest) -> None:
        """Tells an ACK from a NACK.

        While clusters warm, Envoy holds answers back and then sends one for all: nonce and version of the newest response
        with the error of an older one. A client that names a response's own version has accepted it.
        """
        response, error = exchange.inflight, request.error
        if (
            error is not None
            and response is not None
            and request.version_info == response.version != exchange.accepted_version
        ):
            self._on_answer(exchange, None)
            self._blame_late(exchange, error)
            return
        self._on_answer(exchange, error)
        self._close_late(exchange)

    def _blame_late(self, exchange: Exchange, error: RequestError) -> None:
        if not exchange.late:
            self._warn(
                f"{exchange.type_url}: a response was accepted with an error of another one: {error.message}"
            )
            return
        self._on_late_answer(exchange, next(iter(exchange.late)), error)
        self._close_late(exchange)

    def _close_late(self, exchange: Exchange) -> None:
        """An answer to a response is one to all before it."""
        for nonce in tuple(exchange.late or ()):
            self._on_late_answer(exchange, nonce, None)

    def _first(self, request: SotwRequest) -> None:
        """The first request of a type is always answered in full, whatever version the client has."""
        held = Snapshot(request.type_url)
        exchange = Exchange(request.type_url, self._pool.everything(), held)
        exchange.names = request.resource_names
        exchange.is_explicit = bool(request.resource_names)
        exchange.subscription = self._subscription(exchange, request.resource_names)
        exchange.accepted_version = request.version_info
        exchange.is_due = exchange.subscription.is_wildcard or bool(exchange.subscription.names)
        self._open(exchange)
        if exchange.subscription.names:
            exchange.owe(exchange.subscription.names)

    def _subscription(self, exchange: Exchange, names: tuple[str, ...]) -> Subscription:
        if names or exchange.is_explicit or not exchange.type.is_wildcard_when_empty:
            return self._pool.named(names, exchange.subscription)
        return self._pool.everything()

    def _resubscribe(self, exchange: Exchange, request: SotwRequest) -> None:
        known = exchange.subscription
        exchange.names = request.resource_names
        exchange.is_explicit = exchange.is_explicit or bool(request.resource_names)
        exchange.subscription = changed = self._subscription(exchange, request.resource_names)
        self._check(exchange)
        added = changed.names - known.names
        if added or (changed.is_wildcard and not known.is_wildcard):
            exchange.is_due = True
            exchange.owe(added)
        if not changed.is_wildcard and changed is not known:
            exchange.narrow(changed)
            exchange.owed &= changed.names
        exchange.is_dirty = True
        self.order.subscribed(exchange)
        self._settled = -1

    def _refuse(self, exchange: Exchange, response: Response) -> None:
        if not exchange.type.is_complete_in_sotw:
            exchange.refuse(response)

    def _tells_nothing(self, step: Step, exchange: Exchange) -> bool:
        if exchange.type.is_complete_in_sotw:
            return not step.changed and not step.removed
        return not step.changed

    def _responses(self, exchange: Exchange, goal: Snapshot, step: Step) -> tuple[Response, ...]:
        if exchange.type.is_complete_in_sotw:
            return (goal.full(),)
        return (step.partial(goal.version),)
