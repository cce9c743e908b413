"""What Envoy refused goes back to what was good, and the object that caused it is found and held back.

On a NACK the resources of the refused response that nobody has accepted yet are suspects. The guilty ones among them are found by trials; a
guilty resource is held: every proxy keeps its last proven bytes. Its provenance says which objects made it; those that
changed since it was last good are suspects in turn, and the guilty one is reverted in the world. Everything else goes on,
also later edits of other objects. A new value of the reverted object is tried; the refused bytes never are.

What some proxy has accepted a while ago is not held because another one refuses it: then it is that proxy which is odd.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from translators.model.resource import Resource
from translators.object_key import ObjectKey
from xds_server.ads.snapshot import Snapshot
from xds_server.ads.stream import Stream
from xds_server.attribution import (
    History,
    Locator,
    is_sure,
    named_field,
    named_resources,
    new_field,
    suspects,
)
from xds_server.publisher import Making, Publisher
from xds_server.suspects import Objects, Resources, Withdrawal, Withdrawals, has_accepted
from xds_server.trials import Suspects, Trials

DISPUTED_SECONDS = 30.0
"""So long after its first ACK a resource can still be found guilty."""
REFUSED_LIMIT = 1024
"""Refused resources that are remembered, so that they are not sent again."""
_UNPROVEN_SLACK = 4096


@dataclass(frozen=True, slots=True)
class Rejection:
    """An object that is held back, or a resource without one.

    Attributes:
        key: The object; None when none could be found, and then the resource alone is held.
        value: What was refused; None: the object's absence.
        good: What the world has instead; None: the object is absent.
        resource: Name of the resource that was refused.
        reason: Envoy's words.
        path: The field that is to blame, as far as is known.
        place: Its file:line.
        revision: The revision that brought it.
        proxies: Ids of proxies that are known to have refused it.
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


class RejectionObserver(Protocol):
    """Who is told of what the quarantine does."""

    def rejected(self, rejection: Rejection) -> None:
        """Something was found guilty and is held back."""

    def lifted(self, rejection: Rejection) -> None:
        """What was held back is gone or has a new value, which is tried."""

    def progressed(self) -> None:
        """The quarantine did something by itself: there may be new revisions, and what was under suspicion may be so no more."""


class Quarantine:
    """Holds, tries and attributes refused resources.

    Attributes:
        rejections: What is held back now, by object.
        unexplained: The same for resources without a guilty object.
        edited: The newest revision that came from a source; later ones are the quarantine's own.
    """

    def __init__(
        self,
        publisher: Publisher,
        locator: Locator,
        observer: RejectionObserver,
        now: Callable[[], float],
    ) -> None:
        self.rejections: dict[ObjectKey, Rejection] = {}
        self.unexplained: dict[Resource, Rejection] = {}
        self.edited = publisher.revision
        self._publisher = publisher
        self._locator = locator
        self._observer = observer
        self._now = now
        self._history = History()
        self._withdrawals = Withdrawals(publisher, self._history)
        self._refused: dict[Resource, str] = {}
        self._disputed: dict[Resource, float] = {}
        self._unproven_kept = _UNPROVEN_SLACK
        self._trials = Trials(self._convict, self._refused, now)

    @property
    def is_trying(self) -> bool:
        """Whether anything is under suspicion."""
        return not self._trials.is_idle

    def commit(self, values: Mapping[ObjectKey, object], removed: Collection[ObjectKey]) -> bool:
        """Commits edits of a source, except values that are held back; False when nothing changed."""
        admitted = dict(values)
        lifted = False
        for key in (*values, *removed):
            rejection = self.rejections.get(key)
            if rejection is not None and key in admitted and admitted[key] == rejection.value:
                del admitted[key]
                continue
            self._withdrawals.records.pop(key, None)
            if rejection is not None:
                del self.rejections[key]
                lifted = True
                self._observer.lifted(rejection)
        changed = self._withdrawals.commit(admitted, removed)
        if lifted and not changed:
            self._publisher.touch()
        if changed or lifted:
            self.edited = self._publisher.revision
            self._look_again()
        return changed or lifted

    def proven(self, resources: Collection[Resource], by: Stream) -> None:
        """A proxy accepted these."""
        unproven = self._publisher.unproven
        now = self._now()
        for resource in resources:
            if unproven.pop(resource, None) is not None:
                self._disputed[resource] = now
        if not self._trials.is_idle:
            self._trials.accept(resources, by)
            self._observer.progressed()

    def claimed(self, snapshot: Snapshot, doubtful: Collection[str]) -> None:
        """A proxy has these already, except what is doubtful: it accepted them before."""
        unproven, held = self._publisher.unproven, snapshot.resources
        if len(unproven) < len(held):
            found = [each for each in unproven if held.get(each.name) == each]
        else:
            found = [each for each in held.values() if each in unproven]
        for resource in found:
            if resource.name not in doubtful:
                del unproven[resource]

    def refused(self, resources: Collection[Resource], reason: str, by: Stream) -> None:
        """A proxy refused a response with these resources, all of which it is still to have."""
        unproven = self._publisher.unproven
        accused = tuple(
            resource
            for resource in resources
            if (resource in unproven or resource in self._disputed)
            and not has_accepted(by, resource)
        )
        for resource in accused:
            self._disputed.pop(resource, None)
            unproven.setdefault(resource, self._publisher.revision)
        if not accused:
            return
        pending = self._trials.pending
        if all(each in pending for each in accused):
            self._trials.refuse(reason, by)
        else:
            if any(each in pending for each in accused):
                self._trials.abandon()
            self._accuse(accused, reason, by)
        self._observer.progressed()

    def gone(self, stream: Stream) -> None:
        """A proxy is not connected any more."""
        if not self._trials.is_idle:
            self._trials.leave(stream)
            self._observer.progressed()

    def tick(self) -> None:
        """Goes on when nobody answered a trial in time, and forgets what has grown old; call it every second or so."""
        if not self._trials.is_idle:
            self._trials.tick()
            self._observer.progressed()
            return
        horizon = self._now() - DISPUTED_SECONDS
        while self._disputed:
            oldest = next(iter(self._disputed))
            if self._disputed[oldest] > horizon:
                break
            del self._disputed[oldest]
        unproven = self._publisher.unproven
        if not unproven and not self._disputed:
            self._history.clear()
        elif len(unproven) > self._unproven_kept:
            for resource in [each for each in unproven if not self._is_made(each)]:
                del unproven[resource]
            self._unproven_kept = 2 * len(unproven) + _UNPROVEN_SLACK

    def _accuse(self, accused: tuple[Resource, ...], reason: str, by: Stream) -> None:
        named = named_resources(accused, reason)
        groups = [(found,) for found in named] if named and is_sure(accused) else [accused]
        for group in groups:
            self._trials.accuse(Resources(self._publisher, group), reason, by)

    def _convict(self, guilty: Suspects, reason: str, accuser: Stream | None) -> None:
        if isinstance(guilty, Resources):
            self._attribute(guilty.found[0], reason, accuser)
        elif isinstance(guilty, Objects):
            self._reject(guilty.keys[0], reason, accuser)

    def _attribute(self, resource: Resource, reason: str, accuser: Stream | None = None) -> None:
        """Holds a guilty resource and accuses the objects that made it what it is."""
        made_at = self._publisher.unproven.pop(resource, self._publisher.revision)
        self._keep_refused(resource, reason)
        makings = self._publisher.making(resource)
        self._publisher.hold((resource,))
        database = self._publisher.database
        for making in makings:
            found = suspects(database, self._history, making, self._refused)
            for key, good in found.items():
                self._withdrawals.records[key] = Withdrawal(
                    database.input(key),
                    good,
                    database.input_revision(key) or self._history.last_edit(key),
                    resource,
                    tuple(each.ref for each in makings),
                )
            if found:
                accused = Objects(self._withdrawals, self._locator, tuple(found))
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
        self._observer.rejected(rejection)

    def _reject(self, key: ObjectKey, reason: str, accuser: Stream | None) -> None:
        """Reverts a guilty object."""
        self._withdrawals.take_back((key,))
        record = self._withdrawals.records.pop(key, None)
        if record is None:
            return
        known = self.rejections.get(key)
        if known is not None:
            # What it was reverted to was bad as well: what counts is what was written.
            record = replace(record, refused=known.value, introduced=known.revision)
        path = named_field(self._locator, key, reason)
        path = path or new_field(self._locator, key, record.good)
        place = self._locator.locate(key, path)
        rejection = Rejection(
            key, record.refused, record.good, record.resource, reason, path,
            f"{place[0]}:{place[1]}" if place is not None else "",
            record.introduced,
            _ids(accuser),
            record.good is not None,
        )  # fmt: skip
        self.rejections[key] = rejection
        self._observer.rejected(rejection)

    def _look_again(self) -> None:
        """After an edit: refused bytes that are made again are guilty without being sent, and what is not made is not suspected."""
        for resource in [each for each in self.unexplained if not self._is_made(each)]:
            self._observer.lifted(self.unexplained.pop(resource))
        for resource, reason in list(self._refused.items()):
            if resource not in self.unexplained and self._is_made(resource):
                self._attribute(resource, reason)
        self._trials.follow()

    def _keep_refused(self, resource: Resource, reason: str) -> None:
        self._refused.pop(resource, None)
        self._refused[resource] = reason
        if len(self._refused) > REFUSED_LIMIT:
            oldest = next((each for each in self._refused if not self._is_made(each)), None)
            if oldest is not None:
                del self._refused[oldest]
                self._publisher.held.discard(oldest)

    def _is_made(self, resource: Resource) -> bool:
        return resource in self._publisher.current(resource.type_url, resource.name)


def _ids(accuser: Stream | None) -> tuple[str, ...]:
    return (accuser.node.id,) if accuser is not None else ()
