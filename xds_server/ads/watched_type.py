"""How far one stream is with one resource type: what it asked for, what it was sent, what it answered."""

from __future__ import annotations

from translators.resource_types import resource_type
from xds_server.ads.diff import Response
from xds_server.ads.resources import Resources
from xds_server.ads.subscription import Subscription

NEVER = -1
_LATE_KEPT = 8
_REJECTED_KEPT = 8


class WatchedType:
    """One type of one stream. Everything large in it is shared with other streams.

    Attributes:
        type: The type, with its rules.
        type_url: Its URL.
        subscription: What is asked for.
        sent: What the client holds once it has accepted all that was sent.
        answered: The same for all that it has answered.
        accepted: The newest of those that it has accepted.
        nonce: Of the response sent last; empty before the first.
        inflight: That response, until it is answered.
        rest: Further responses of the same step.
        is_dirty: Whether there may be something to send.
        is_due: Whether an answer must be sent even if there is nothing to say.
        owed: Names to send even if the client has them.
        sent_at: Number of the newest snapshot that ``sent`` covers.
        answered_at: Number of the newest snapshot that ``answered`` covers.
        sent_time: When ``inflight`` was sent.
        late: Nonce → response, for responses whose answer is not waited for any more.
        rejected: Responses that were rejected and of which nothing has changed since: what the client has of their names is not known.
        accepted_version: Version of the last accepted response (SotW).
        names: The names of the last request, as sent (SotW).
        is_explicit: Whether names were ever asked for (SotW).
        is_child_due: Whether a parent was sent since, so that a repeated request wants an answer (SotW).
    """

    __slots__ = (
        "accepted",
        "accepted_version",
        "answered",
        "answered_at",
        "inflight",
        "is_child_due",
        "is_dirty",
        "is_due",
        "is_explicit",
        "late",
        "names",
        "nonce",
        "rejected",
        "rest",
        "sent",
        "sent_at",
        "sent_time",
        "subscription",
        "to_resend",
        "type",
        "type_url",
    )  # fmt: skip

    def __init__(self, type_url: str, subscription: Subscription, held: Resources) -> None:
        self.type = resource_type(type_url)
        self.type_url = type_url
        self.subscription = subscription
        self.sent = held
        self.answered = held
        self.accepted = held
        self.nonce = ""
        self.inflight: Response | None = None
        self.rest: tuple[Response, ...] = ()
        self.is_dirty = True
        self.is_due = True
        self.to_resend: frozenset[str] = frozenset()
        self.sent_at = NEVER
        self.answered_at = NEVER
        self.sent_time = 0.0
        self.late: dict[str, Response] | None = None
        self.rejected: tuple[Response, ...] = ()
        self.accepted_version = ""
        self.names: tuple[str, ...] = ()
        self.is_explicit = False
        self.is_child_due = False

    def resend(self, names: frozenset[str]) -> None:
        """Notes that these names must be sent, and that no snapshot is covered until they are."""
        self.to_resend = self.to_resend | names if self.to_resend else names
        self.sent_at = self.answered_at = NEVER
        self.is_dirty = True

    def cover(self, number: int) -> None:
        """Notes that a new snapshot brought nothing for this type."""
        if not self.is_dirty:
            self.sent_at = number
            if self.inflight is None:
                self.answered_at = number

    def unsubscribe(self, subscription: Subscription) -> None:
        """Takes over a subscription without some names: the client has dropped those resources by itself."""
        is_answered = self.answered is self.sent
        self.sent = subscription.select(self.sent)
        self.answered = self.sent if is_answered else self.answered

    def send(self, response: Response, nonce: str, now: float) -> None:
        """Notes that a response goes out."""
        self.inflight = response
        self.nonce = nonce
        self.sent_time = now
        self.is_child_due = False

    def finish(self) -> Response | None:
        """Notes the answer to what is in flight, whatever it says; the response that was answered."""
        response, self.inflight = self.inflight, None
        if self.rest:
            self.is_dirty = True
        else:
            self.answered = self.sent
            self.answered_at = self.sent_at
        return response

    def time_out(self) -> None:
        """Stops waiting for the answer to what is in flight; it may still come."""
        if self.inflight is None:
            return
        if self.late is None:
            self.late = {}
        elif len(self.late) >= _LATE_KEPT:
            del self.late[next(iter(self.late))]
        self.late[self.nonce] = self.inflight
        self.inflight = None

    def reject(self, response: Response) -> None:
        """Notes a rejected response. How much of it was applied is not known: nothing of most types, all but the bad of others."""
        self.rejected = (*self.rejected, response)[-_REJECTED_KEPT:]
        self.is_dirty = True

    def reclaim(self, goal: Resources) -> None:
        """Owes the names of a rejected response once any of them is to be something else; before, it would be rejected again."""
        kept = []
        for response in self.rejected:
            if response.differs(goal.by_name):
                # Whatever was sent again since then is not in doubt.
                names = response.names_in(self.sent.by_name)
                self.to_resend = self.to_resend.union(filter(self.subscription.covers, names))
            else:
                kept.append(response)
        self.rejected = tuple(kept)
