"""What Envoy rejected goes back to what was good, and the object that caused it is found.

On a NACK the resources of the rejected response that nobody has accepted yet are suspects. The
guilty ones among them are found by trials; a guilty resource is withheld: every proxy keeps its
last proven bytes. Its provenance says which objects made it; those that changed since it was last
good are suspects in turn, and the guilty one is reverted in the world. Everything else goes on,
also later edits of other objects. A new value of the reverted object is tried; the rejected bytes
never are.

What some proxy has accepted a while ago is not withheld because another one rejects it: then it is
that proxy which is odd.

The quarantine acts when it is told to: on notes of its inbox, on edits, and as time passes. What it
did is its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from weakref import WeakSet

from translators.model.resource import Resource
from translators.object_key import ObjectKey
from xds_server.ads.diff import Response
from xds_server.ads.resources import Resources
from xds_server.ads.stream import Stream
from xds_server.quarantine.attribution import (
    Locator,
    is_sure,
    named_field,
    named_resources,
    new_field,
    suspects,
)
from xds_server.quarantine.group_testing import GroupTesting, Suspects
from xds_server.quarantine.inbox import Accepted, Claimed, Gone, Note, Rejected
from xds_server.quarantine.suspects import (
    SuspectObjects,
    SuspectResources,
    Withdrawal,
    Withdrawals,
    has_accepted,
)
from xds_server.serving.edits import Committed, Edits
from xds_server.serving.publisher import Making, Publisher

DISPUTED_SECONDS = 30.0
"""So long after its first ACK a resource can still be found guilty."""
REJECTED_LIMIT = 1024
"""Rejected resources that are remembered, so that they are not sent again."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An object that is held back, or a resource without one.

    Attributes:
        key: The object; None when none could be found, and then the resource alone is held.
        value: What was rejected; None: the object's absence.
        good: What the world has instead; None: the object is absent.
        resource: Name of the resource that was rejected.
        reason: Envoy's words.
        path: The field that is to blame, as far as is known.
        place: Where that is written, such as file:line; empty when unknown.
        revision: The revision that brought it.
        proxies: Ids of proxies that are known to have rejected it.
        is_serving: Whether there are last good bytes, which are served instead.
    """

    key: ObjectKey | None
    value: object | None
    good: object | None
    resource: Resource
    reason: str
    path: str
    place: str
    revision: int
    proxies: tuple[str, ...]
    is_serving: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """What the quarantine did at one time.

    Attributes:
        has_moved: Whether it did anything by itself: there may be new revisions, and what was under
            suspicion may be so no more.
        rejected: What was found guilty and is held back now.
        lifted: What was held back and is gone or has a new value, which is tried.
    """

    has_moved: bool = False
    rejected: tuple[Rejection, ...] = ()
    lifted: tuple[Rejection, ...] = ()


class Quarantine:
    """Holds, tries and attributes rejected resources.

    Attributes:
        rejections: What is held back now, by object.
        unexplained: The same for resources without a guilty object.
    """

    def __init__(
        self, publisher: Publisher, edits: Edits, locator: Locator, now: Callable[[], float]
    ) -> None:
        self.rejections: dict[ObjectKey, Rejection] = {}
        self.unexplained: dict[Resource, Rejection] = {}
        self._publisher = publisher
        self._acceptance = publisher.acceptance
        self._edits = edits
        self._history = edits.history
        self._locator = locator
        self._now = now
        self._withdrawals = Withdrawals(publisher, edits)
        self._rejected: dict[Resource, str] = {}
        self._disputed: dict[Resource, float] = {}
        self._claims: WeakSet[Resources] = WeakSet()
        self._trials = GroupTesting(self._convict, self._rejected, now)
        self._found: list[Rejection] = []
        self._lifted: list[Rejection] = []

    @property
    def is_trying(self) -> bool:
        """Whether anything is under suspicion."""
        return not self._trials.is_idle

    def all(self) -> Iterator[Rejection]:
        """Everything that is held back, objects first."""
        yield from self.rejections.values()
        yield from self.unexplained.values()

    def work(self, notes: Sequence[Note]) -> Progress:
        """Act on what streams said, in this order."""
        has_moved = False
        for note in notes:
            match note:
                case Accepted(response, by):
                    has_moved |= self._accepted(response.changed, by)
                case Rejected(response, type_url, reason, by):
                    # If anything in it is something else by now, that may have been the cause; the
                    # rest is sent again and judged then.
                    if not response.differs(by.watch.snapshot().resources(type_url).by_name):
                        has_moved |= self._accuse_of(response.changed, reason, by)
                case Claimed(held):
                    for resources, responses in held:
                        self._claimed(resources, responses)
                case Gone(by):
                    has_moved |= self._gone(by)
        return self._progress(has_moved=has_moved)

    def follow(self, committed: Committed) -> Progress:
        """Act on an edit of a source: what it is about is judged anew."""
        for key in committed.admitted:
            self._withdrawals.records.pop(key, None)
        for key in committed.lifted:
            self._lifted.append(self.rejections.pop(key))
        if committed.changed:
            self._look_again()
        return self._progress(has_moved=False)

    def tick(self) -> Progress:
        """Go on when nobody answered a trial in time, and forget what has grown old.

        For every second or so.
        """
        if not self._trials.is_idle:
            self._trials.tick()
            return self._progress(has_moved=True)
        horizon = self._now() - DISPUTED_SECONDS
        while self._disputed:
            oldest = next(iter(self._disputed))
            if self._disputed[oldest] > horizon:
                break
            del self._disputed[oldest]
        if not self._acceptance.unproven and not self._disputed:
            self._history.clear()
        else:
            self._acceptance.prune(self._is_made)
        return Progress()

    def _progress(self, *, has_moved: bool) -> Progress:
        """What was done since the last answer."""
        progress = Progress(has_moved, tuple(self._found), tuple(self._lifted))
        self._found.clear()
        self._lifted.clear()
        return progress

    def _accepted(self, resources: Collection[Resource], by: Stream) -> bool:
        now = self._now()
        for resource in self._acceptance.prove(resources):
            self._disputed[resource] = now
        if self._trials.is_idle:
            return False
        self._trials.accept(resources, by)
        return True

    def _claimed(self, resources: Resources, responses: tuple[Response, ...]) -> None:
        """A proxy that has just come has accepted what it holds, be it from an earlier stream."""
        if resources in self._claims:
            return
        doubtful = {name for response in responses for name in response.names_in(resources.by_name)}
        if not doubtful:
            self._claims.add(resources)
        self._acceptance.claim(resources.by_name, doubtful)

    def _accuse_of(self, resources: Collection[Resource], reason: str, by: Stream) -> bool:
        """A proxy rejected a response with these resources, all of which it is still to have."""
        unproven = self._acceptance.unproven
        accused = tuple(
            resource
            for resource in resources
            if (resource in unproven or resource in self._disputed)
            and not has_accepted(by, resource)
        )
        for resource in accused:
            self._disputed.pop(resource, None)
            self._acceptance.doubt(resource, self._publisher.revision)
        if not accused:
            return False
        pending = self._trials.pending
        if all(each in pending for each in accused):
            self._trials.reject(reason, by)
        else:
            if any(each in pending for each in accused):
                self._trials.abandon()
            self._accuse(accused, reason, by)
        return True

    def _gone(self, stream: Stream) -> bool:
        if self._trials.is_idle:
            return False
        self._trials.leave(stream)
        return True

    def _accuse(self, accused: tuple[Resource, ...], reason: str, by: Stream) -> None:
        named = named_resources(accused, reason)
        groups = [(resource,) for resource in named] if named and is_sure(accused) else [accused]
        for group in groups:
            self._trials.accuse(SuspectResources(self._publisher, group), reason, by)

    def _convict(self, guilty: Suspects, reason: str, accuser: Stream | None) -> None:
        if isinstance(guilty, SuspectResources):
            self._attribute(guilty.resources[0], reason, accuser)
        elif isinstance(guilty, SuspectObjects):
            self._reject(guilty.keys[0], reason, accuser)

    def _attribute(self, resource: Resource, reason: str, accuser: Stream | None = None) -> None:
        """Withhold a guilty resource and accuse the objects that made it what it is."""
        made_at = self._acceptance.settle(resource, self._publisher.revision)
        self._keep_rejected(resource, reason)
        makings = self._publisher.making(resource)
        self._publisher.withhold((resource,))
        database = self._publisher.database
        for making in makings:
            suspected = suspects(database, self._history, making, self._rejected)
            for key, good in suspected.items():
                self._withdrawals.records[key] = Withdrawal(
                    database.input(key),
                    good,
                    database.input_revision(key) or self._history.last_edit(key),
                    resource,
                    tuple(each.ref for each in makings),
                )
            if suspected:
                accused = SuspectObjects(self._withdrawals, self._locator, tuple(suspected))
                self._trials.accuse(accused, reason, accuser)
                return
        if makings:
            self._hold_unexplained(resource, reason, accuser, makings, made_at)

    def _hold_unexplained(
        self,
        resource: Resource,
        reason: str,
        accuser: Stream | None,
        makings: Collection[Making],
        revision: int,
    ) -> None:
        rejection = self.unexplained[resource] = Rejection(
            None, None, None, resource, reason, "", "",
            revision,
            _ids(accuser),
            any(making.good is not None for making in makings),
        )  # fmt: skip
        self._found.append(rejection)

    def _reject(self, key: ObjectKey, reason: str, accuser: Stream | None) -> None:
        """Revert a guilty object."""
        self._withdrawals.take_back((key,))
        record = self._withdrawals.records.pop(key, None)
        if record is None:
            return
        known = self.rejections.get(key)
        if known is not None:
            # What it was reverted to was bad as well: what counts is what was written.
            record = replace(record, rejected=known.value, introduced=known.revision)
        path = named_field(self._locator, key, reason)
        path = path or new_field(self._locator, key, record.good)
        place = self._locator.locate(key, path)
        rejection = Rejection(
            key, record.rejected, record.good, record.resource, reason, path,
            str(place) if place is not None else "",
            record.introduced,
            _ids(accuser),
            record.good is not None,
        )  # fmt: skip
        self.rejections[key] = rejection
        self._edits.keep_out(key, rejection.value)
        self._found.append(rejection)

    def _look_again(self) -> None:
        """After an edit.

        Rejected bytes that are made again are guilty without being sent, and what is not made is
        not suspected.
        """
        for resource in [each for each in self.unexplained if not self._is_made(each)]:
            self._lifted.append(self.unexplained.pop(resource))
        for resource, reason in list(self._rejected.items()):
            if resource not in self.unexplained and self._is_made(resource):
                self._attribute(resource, reason)
        self._trials.follow()

    def _keep_rejected(self, resource: Resource, reason: str) -> None:
        self._rejected.pop(resource, None)
        self._rejected[resource] = reason
        if len(self._rejected) > REJECTED_LIMIT:
            oldest = next((each for each in self._rejected if not self._is_made(each)), None)
            if oldest is not None:
                del self._rejected[oldest]
                self._acceptance.withheld.discard(oldest)

    def _is_made(self, resource: Resource) -> bool:
        return resource in self._publisher.current(resource.type_url, resource.name)


def _ids(accuser: Stream | None) -> tuple[str, ...]:
    return (accuser.node.id,) if accuser is not None else ()
