"""How far one stream is with one resource type: what it asked for, was sent and answered.

In: what happens, as methods that others call. Out: attributes that others read. What the type is
doing is its `state`, which moves by the table of `xds_server.ads.state` and in this module only;
everything else is what was said so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from translators.resource_types import resource_type
from xds_server.ads.diff import Diff, Response
from xds_server.ads.resources import Resources
from xds_server.ads.state import (
    ANSWERED,
    ASKED,
    BEGUN,
    CHANGED,
    SENT,
    SENT_PART,
    TIMED_OUT,
    UNCHANGED,
    IllegalMoveError,
    State,
)
from xds_server.ads.subscription import Subscription

NEVER: Final = -1
_LATE_KEPT: Final = 8
_REJECTED_KEPT: Final = 8
_NONE: Final = frozenset[str]()
# Reading a member off its Enum costs ten times as much as reading a constant.
_IDLE: Final = State.IDLE
_DUE: Final = State.DUE


class WatchedType:
    """One type of one stream. Everything large in it is shared with other streams.

    It begins idle; whoever opens it says with `ask` or `change` what its first request wants.

    Attributes:
        type: The type, with its rules.
        type_url: Its URL.
        state: What it is doing.
        subscription: What is asked for.
        sent: What the client holds once it has accepted all that was sent.
        answered: The same for all that it has answered.
        accepted: The newest of those that it has accepted.
        nonce: Of the response sent last; empty before the first.
        inflight: That response, until it is answered.
        rest: Messages of the step that was begun and that did not go out yet, in order.
        to_resend: Names to send even if the client has them.
        absent: More of these, of which nothing is there, in the order in which they are sent.
        sent_at: Number of the newest snapshot that `sent` covers.
        answered_at: Number of the newest snapshot that `answered` covers.
        sent_time: When `inflight` was sent.
        late: Nonce → response, for responses whose answer is not waited for any more, oldest first.
        unsure: Names of which the client may have nothing: what brought them was rejected, and they
            were not sent again.
        is_filled: Whether names that nobody has are answered with empty resources, and none is ever
            called removed.
        rejected: Responses that were rejected and of which nothing has changed since: what the
            client has of their names is not known.
        accepted_version: Version of the last accepted response (SotW).
        names: The names of the last request, as sent (SotW).
        is_explicit: Whether names were ever asked for (SotW).
        doubted: Names of which the client may hold anything: a complete response was not accepted
            (SotW).
        is_parent_newer: Whether a parent was sent since this type was (SotW).
        is_one_by_one: Whether the next step goes out with one resource in each message (delta).
    """

    __slots__ = (
        "absent",
        "accepted",
        "accepted_version",
        "answered",
        "answered_at",
        "doubted",
        "inflight",
        "is_explicit",
        "is_filled",
        "is_one_by_one",
        "is_parent_newer",
        "late",
        "names",
        "nonce",
        "rejected",
        "rest",
        "sent",
        "sent_at",
        "sent_time",
        "state",
        "subscription",
        "to_resend",
        "type",
        "type_url",
        "unsure",
    )  # fmt: skip

    def __init__(self, type_url: str, subscription: Subscription, held: Resources) -> None:
        """`held` is what the client has already."""
        self.type = resource_type(type_url)
        self.type_url = type_url
        self.state = _IDLE
        self.subscription = subscription
        self.sent = held
        self.answered = held
        self.accepted = held
        self.nonce = ""
        self.inflight: Response | None = None
        self.rest: tuple[Response, ...] = ()
        self.to_resend = _NONE
        self.absent: tuple[str, ...] = ()
        self.sent_at = NEVER
        self.answered_at = NEVER
        self.sent_time = 0.0
        self.late: dict[str, Response] | None = None
        self.is_filled = False
        self.unsure = _NONE
        self.rejected: tuple[Response, ...] = ()
        self.accepted_version = ""
        self.names: tuple[str, ...] = ()
        self.doubted = _NONE
        self.is_explicit = False
        self.is_parent_newer = False
        self.is_one_by_one = False

    @property
    def has_rejected(self) -> bool:
        """Whether the client lacks some of what it was sent because it rejected it."""
        is_lost = self.type.is_complete_in_sotw and self.accepted is not self.answered
        return bool(self.rejected) or (is_lost and self.state is _IDLE)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be sent or answered."""
        return self.state is _IDLE

    @property
    def is_due(self) -> bool:
        """Whether what is sent next is sent even if there is nothing in it."""
        return self.state is _DUE

    @property
    def is_blocked(self) -> bool:
        """Whether an answer that does not come keeps something newer back."""
        return self.state.is_in_flight and self.state.is_dirty

    def change(self) -> None:
        """Note that there may be something to say."""
        self.state = CHANGED[self.state]

    def ask(self) -> None:
        """Note that an answer is due, even if there is nothing to say."""
        self.state = ASKED[self.state]

    def resend(self, names: frozenset[str]) -> None:
        """Note that these names must be sent, and that no snapshot is covered until they are."""
        self.state = CHANGED[self.state]
        self.to_resend = self.to_resend | names if self.to_resend else names
        self.sent_at = self.answered_at = NEVER

    def cover(self, number: int) -> None:
        """Note that a new snapshot brought nothing for this type."""
        if not self.state.is_dirty:
            self.sent_at = number
            if self.state is _IDLE:
                self.answered_at = number

    def name(self, names: tuple[str, ...]) -> None:
        """Note the names of a request that says all of them (SotW)."""
        self.names = names
        self.is_explicit = self.is_explicit or bool(names)

    def follow_parent(self) -> None:
        """Note that a parent goes out, so that the client may ask for the same again (SotW)."""
        self.is_parent_newer = True

    def repeat(self) -> None:
        """Resend all names: the client asked for them again after a parent was sent (SotW)."""
        self.is_parent_newer = False
        self.resend(self.subscription.names)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Drop what a smaller subscription does not cover, as the client has by itself."""
        is_answered = self.answered is self.sent
        self.sent = subscription.select(self.sent)
        self.answered = self.sent if is_answered else self.answered
        self.to_resend &= subscription.names
        if self.absent:
            self.absent = tuple([name for name in self.absent if name in subscription.names])

    def keep(self, goal: Resources, number: int) -> None:
        """Take a snapshot's resources for sent and answered: the client need not hear of them."""
        self.state = UNCHANGED[self.state]
        if self.answered is self.sent:
            self.answered = goal
        self.sent = goal
        self.sent_at = self.answered_at = number

    def begin(self, goal: Resources, number: int, messages: tuple[Response, ...]) -> None:
        """Begin the step to a snapshot's resources; there is at least one message."""
        self.state = BEGUN[self.state]
        if self.unsure:
            told = {each.name for message in messages for each in message.changed}
            self.unsure = self.unsure.intersection(goal.by_name).difference(told)
        self.sent = goal
        self.sent_at = number
        self.rest = messages
        self.is_one_by_one = False

    def send(self, nonce: str, now: float) -> None:
        """Note that the first message of the rest goes out."""
        rest = self.rest[1:]
        self.state = SENT_PART[self.state] if rest else SENT[self.state]
        self.inflight = self.rest[0]
        self.rest = rest
        self.nonce = nonce
        self.sent_time = now
        self.is_parent_newer = False

    def finish(self) -> Response:
        """Give the response in flight, which was answered, whatever the answer says."""
        response = self.inflight
        if response is None:
            raise IllegalMoveError(ANSWERED.event, self.state)
        self.state = ANSWERED[self.state]
        self.inflight = None
        if not self.rest:
            self.answered = self.sent
            self.answered_at = self.sent_at
        return response

    def time_out(self) -> None:
        """Stop waiting for the answer to what is in flight; it may still come."""
        response = self.inflight
        if response is None:
            raise IllegalMoveError(TIMED_OUT.event, self.state)
        self.state = TIMED_OUT[self.state]
        self.inflight = None
        if self.late is None:
            self.late = {}
        elif len(self.late) >= _LATE_KEPT:
            del self.late[next(iter(self.late))]
        self.late[self.nonce] = response

    def finish_late(self, nonce: str) -> Response | None:
        """Give the response that is answered after its time; None when there is no such."""
        return self.late.pop(nonce, None) if self.late else None

    def accept(self, response: Response) -> None:
        """Note that what was answered last was accepted."""
        if not self.rest:
            self.accepted = self.answered
        self.accepted_version = response.version
        if self.doubted:
            self.doubted, self.unsure, self.rejected = _NONE, _NONE, ()

    def hold(self, held: Resources) -> None:
        """Note what the client has from an earlier stream, before anything is sent."""
        self.sent = self.answered = self.accepted = held

    def fill(self) -> None:
        """Have names that nobody has answered with empty resources from now on."""
        self.is_filled = True
        self.change()

    def reject(self, response: Response) -> None:
        """Note a rejected response of which the client has applied who knows what.

        Nothing of most types, all but the bad resources of others (envoy#5806, envoy#32880).
        """
        self.state = CHANGED[self.state]
        self._lack(response)
        if len(self.rejected) >= _REJECTED_KEPT:
            first, second, *others = self.rejected
            self.rejected = (first.joined(second), *others)
        self.rejected = (*self.rejected, response)

    def reject_all(self, response: Response) -> None:
        """Note a rejected response that was complete, as the next one will be (SotW)."""
        self.rejected = (response,)
        self._lack(response)
        self.doubt()

    def _lack(self, response: Response) -> None:
        accepted = self.accepted.by_name
        brought = [each.name for each in response.changed if each.name not in accepted]
        self.unsure = self.unsure.union(brought)

    def doubt(self) -> None:
        """Note that a complete response was rejected or not answered (SotW).

        The client may have applied all of it, or nothing.
        """
        diff = self.sent.diff_from(self.accepted)
        self.doubted = self.doubted.union(diff.names, diff.removed)

    def including_doubted(self, goal: Resources, diff: Diff) -> Diff:
        """Add to a difference what the next complete response may change as well (SotW)."""
        doubted = self.doubted - diff.names
        if not doubted or not (diff.changed or diff.removed or self.is_due):
            return diff
        by_name = goal.by_name
        return diff.including(
            tuple([by_name[name] for name in sorted(doubted) if name in by_name]), ()
        )

    def reclaim(self, goal: Resources) -> None:
        """Resend the names of rejected responses of which any is to be something else.

        Before, they would only be rejected again. What is to be something else is left out.
        """
        wanted = goal.by_name
        kept = []
        for response in self.rejected:
            if response.differs(wanted):
                # Whatever was sent again since then is not in doubt.
                names = set(response.names_in(self.sent.by_name)).intersection(
                    response.names_in(wanted)
                )
                self.to_resend = self.to_resend.union(filter(self.subscription.covers, names))
            else:
                kept.append(response)
        self.rejected = tuple(kept)

    def offer(self) -> bool:
        """Have what was rejected sent again, though it is the same; False when nothing was."""
        if not self.has_rejected:
            return False
        if self.doubted:
            # Its next response is complete anyway.
            self.rejected = ()
            self.ask()
            return True
        names = {name for each in self.rejected for name in each.names_in(self.sent.by_name)}
        self.rejected = ()
        if names:
            self.is_one_by_one = True
            self.resend(frozenset(filter(self.subscription.covers, names)))
        else:
            self.ask()
        return True

    def take_absent(self, more: list[str], count: int) -> tuple[str, ...]:
        """Give so many names to resend of which nothing is there; the others' turn comes later."""
        absent = (*more, *self.absent)
        self.absent = absent[count:]
        return absent[:count]

    def take_to_resend(self) -> Iterable[str]:
        """Give the names to resend, in order, and forget them."""
        names, self.to_resend = self.to_resend, _NONE
        return sorted(names) if len(names) > 1 else names
