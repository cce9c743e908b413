"""What an Envoy rejects is judged by an Envoy of our own, and what that rejects is withheld.

A NACK is a question, not a verdict. The resources of the rejected response that nobody has accepted
yet are put to the judge. What it rejects too is withheld from everybody: every proxy keeps its last
proven bytes. Provenance says which objects made it; the guilty one is reverted in the world, alone,
when the judge accepts what is made without its value. Everything else goes on, also later edits of
other objects. What the judge accepts is the affair of the proxy that rejects it alone.

What nobody has accepted for a while, and all that is made when the first proxy comes, is put to the
judge without being asked for.

Without a judge a NACK concerns the proxies that reject. No proxy can take from another what that
one has accepted, nor keep from it what was never good: only what all proxies rejected that were
offered it is withheld, and what was proven before is served to newcomers instead.

Verdicts end: when the object is gone or has another value, when another object changes that the
rejected resource was made from, and after a while anyway, as the judge can be asked again.

The quarantine acts when it is told to: on notes of its inbox, on edits, and as time passes. What it
did is its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final
from weakref import WeakSet

from translators.model.resource import Resource
from translators.object_key import ObjectKey
from xds_server.ads.diff import Response
from xds_server.ads.resources import Resources
from xds_server.ads.stream import Stream
from xds_server.judge.bootstrap import can_judge
from xds_server.quarantine.attribution import Worlds, changed_by, find_guilty, parts_of
from xds_server.quarantine.convictions import Convictions
from xds_server.quarantine.docket import Docket, Inquiry, Urgency
from xds_server.quarantine.inbox import Accepted, Claimed, Gone, Judged, Note, Rejected, Unjudged
from xds_server.quarantine.locator import Locator
from xds_server.quarantine.offers import Offers
from xds_server.quarantine.rejecters import Rejecters
from xds_server.quarantine.rejection import Deeds, Progress, Rejection
from xds_server.serving.edits import Committed, Edits
from xds_server.serving.groups import Member
from xds_server.serving.makings import Making
from xds_server.serving.publisher import Publisher

REJECTED_LIMIT: Final = 1024
"""Rejected resources that are remembered, so that they are not sent again."""
RETRY_SECONDS: Final = 60.0
"""So long a verdict stands before the judge is asked again."""
REVIEWED_AT_ONCE: Final = 400
"""So many resources are put to the judge at a time when nobody waits for it."""


class Quarantine:
    """Holds back what is rejected, and attributes it.

    Attributes:
        docket: What is to be judged.
        unexplained: Resources that are held back without a guilty object, and those that proxies
            reject while there is no judge.
    """

    def __init__(
        self, publisher: Publisher, edits: Edits, locator: Locator, now: Callable[[], float]
    ) -> None:
        self.docket = Docket()
        self.unexplained: dict[Resource, Rejection] = {}
        self._publisher = publisher
        self._acceptance = publisher.acceptance
        self._history = edits.history
        self._now = now
        self._convictions = Convictions(publisher, edits, locator)
        self._offers = Offers(now)
        self._rejected: dict[Resource, str] = {}
        self._rejecters = Rejecters()
        self._claims: WeakSet[Resources] = WeakSet()
        self._looked_into: dict[Rejection, float] = {}
        self._puzzling: dict[Rejection, None] = {}
        self._is_reviewing = False
        self._deeds = Deeds()

    @property
    def rejections(self) -> dict[ObjectKey, Rejection]:
        """What is held back now, by object."""
        return self._convictions.rejections

    @property
    def is_examining(self) -> bool:
        """Whether what is made and was never accepted is being judged."""
        return self._is_reviewing or self.docket.has(Urgency.VERDICT)

    @property
    def is_trying(self) -> bool:
        """Whether anything is under suspicion, or is not known of what is held back."""
        return self.docket.has(Urgency.DETAIL)

    def all(self) -> Iterator[Rejection]:
        """Everything that is held back, objects first."""
        yield from self.rejections.values()
        yield from self.unexplained.values()

    def work(self, notes: Sequence[Note]) -> Progress:
        """Act on what streams and the judge said, in this order."""
        for note in notes:
            match note:
                case Accepted(response, _):
                    self._accepted(response.changed)
                case Rejected(response, type_url, reason, by):
                    # If anything in it is something else by now, that may have been the cause; the
                    # rest is sent again and judged then.
                    if not response.differs(by.watch.snapshot().resources(type_url).by_name):
                        self._question(response, type_url, reason, by)
                case Claimed(held):
                    for resources, responses in held:
                        self._claimed(resources, responses)
                case Gone(by):
                    self._gone(by)
                case Judged(asked, rejected):
                    self.docket.answer(asked, rejected)
                case Unjudged():
                    self._unjudged()
        self._release()
        return self._deeds.take()

    def follow(self, committed: Committed) -> Progress:
        """Act on an edit of a source: what it is about is judged anew."""
        lifted = [self._convictions.lift(key) for key in committed.lifted]
        for rejection in lifted:
            self._puzzling.pop(rejection, None)
        self._deeds.lifted += lifted
        if committed.changed:
            self._look_again()
            touched = set(committed.admitted)
            for rejection in [each for each in self.all() if not touched.isdisjoint(each.read)]:
                self._retry(rejection)
        if self._acceptance.pending:
            self.docket.open(self._examine(tuple(self._acceptance.pending)))
        self._release()
        return self._deeds.take()

    def joined(self) -> None:
        """Act on a proxy that came: of what is made for it, much may be new."""
        if not self._is_reviewing and not self.docket.is_closed:
            self._is_reviewing = True
            self.docket.open(self._review(), Urgency.REVIEW)

    def tick(self) -> Progress:
        """Act on what time alone brings about.

        For every second or so.
        """
        self._offers.tick()
        self.joined()
        horizon = self._now() - RETRY_SECONDS
        for rejection in list(self.all()):
            if self._looked_into.setdefault(rejection, self._now()) <= horizon:
                self._looked_into[rejection] = self._now()
                self._retry(rejection)
        if self._looked_into:
            held = set(self.all())
            for rejection in [each for each in self._looked_into if each not in held]:
                del self._looked_into[rejection]
        if not self._acceptance.unproven and not self.docket.has(Urgency.VERDICT):
            self._history.clear()
        else:
            self._acceptance.prune(self._is_made)
        return self._deeds.take()

    def restore(self, rejections: Iterable[Rejection]) -> list[Rejection]:
        """Hold objects back as before a restart; those that are what they were then."""
        restored = map(self._convictions.restore, rejections)
        return [rejection for rejection in restored if rejection is not None]

    # What proxies say.

    def _accepted(self, resources: Collection[Resource]) -> None:
        for resource in self._acceptance.prove(resources):
            self._rejecters.accepted(resource)
            if resource in self.unexplained:
                self._deeds.lifted.append(self.unexplained.pop(resource))

    def _gone(self, by: Stream) -> None:
        self._offers.leave(by)
        if isinstance(by.watch, Member):
            self._rejecters.leave(by.watch)

    def _claimed(self, resources: Resources, responses: tuple[Response, ...]) -> None:
        """A proxy that has just come has accepted what it holds, be it from an earlier stream."""
        if resources in self._claims:
            return
        doubtful = {name for response in responses for name in response.names_in(resources.by_name)}
        if not doubtful:
            self._claims.add(resources)
        self._acceptance.claim(resources.by_name, doubtful)

    def _question(self, response: Response, type_url: str, reason: str, by: Stream) -> None:
        """A proxy rejected a response, all of which it is still to have."""
        unproven = self._acceptance.unproven
        doubtful = tuple(each for each in response.changed if each in unproven)
        if isinstance(by.watch, Member):
            is_sure = len(response.changed) == 1
            self._rejecters.note(response.changed if is_sure else doubtful, by.watch)
        if self.docket.is_closed:
            if len(response.changed) == 1 and doubtful:
                self._hold_by_vote(doubtful[0], reason)
            self._offers.note(by, type_url, len(response.changed))
        else:
            self.docket.open(self._answer(response, type_url, by))

    def _answer(self, response: Response, type_url: str, by: Stream) -> Inquiry[None]:
        """Find out whether what a proxy rejected is bad, or just not for this proxy."""
        yield from self._examine(tuple(filter(can_judge, response.changed)))
        goal = by.watch.snapshot().resources(type_url)
        if not response.differs(goal.by_name):
            self._offers.note(by, type_url, len(response.changed))

    # What the judge says.

    def _review(self) -> Inquiry[None]:
        """Have everything judged that nobody has accepted yet."""
        while True:
            asked = [
                resource
                for resource in self._acceptance.unproven
                if self.docket.verdict(resource) is None and can_judge(resource)
            ][:REVIEWED_AT_ONCE]
            if not asked:
                break
            yield from self._examine(asked)
        self._is_reviewing = False

    def _examine(self, resources: Collection[Resource]) -> Inquiry[None]:
        """Have resources judged, and act on it."""
        rejected = yield resources
        self._acceptance.prove([each for each in resources if each not in rejected])
        unproven = self._acceptance.unproven
        doubtful = {each: words for each, words in rejected.items() if each in unproven}
        for resource, words in doubtful.items():
            self._keep_rejected(resource, words)
            self._attribute(resource, words)
        self._publisher.withhold(doubtful)
        for resource, words in rejected.items():
            if resource not in self._rejected and self._is_made(resource):
                # Some proxy has it, and nobody takes it away from that one.
                self._dispute(resource, words)

    def _attribute(self, resource: Resource, words: str) -> None:
        self._acceptance.settle(resource, self._publisher.revision)
        makings = self._publisher.makings.making(resource)
        if makings:
            self.docket.open(self._find_part(resource, words, makings))

    def _find_part(
        self, resource: Resource, words: str, makings: Sequence[Making]
    ) -> Inquiry[None]:
        """Find which part of a resource is rejected by itself, and who made that."""
        making = makings[0]
        database = self._publisher.database
        parts = parts_of(database, making.ref, resource)
        judged = tuple(filter(can_judge, parts))
        rejected = (yield judged) if judged else {}
        for part, reason in rejected.items():
            worlds = Worlds(database, parts[part], None, part)
            self.docket.open(self._find_guilty(worlds, making, resource, reason))
        if not rejected:
            worlds = Worlds(database, making.ref, making.listing, resource)
            yield from self._find_guilty(worlds, making, resource, words)

    def _find_guilty(
        self, worlds: Worlds, making: Making, resource: Resource, words: str
    ) -> Inquiry[None]:
        """Find who made a resource bad, and take that back."""
        if worlds.is_over():
            return
        revision = self._publisher.revision
        guilty = yield from find_guilty(worlds, self._history, making)
        if worlds.is_over():
            return
        proxies = self._rejecters.ids(resource)
        if guilty is None:
            self._hold_unexplained(worlds, resource, words, making, revision)
            return
        for rejection in self._convictions.convict(guilty, worlds, worlds.bad, words, proxies):
            self._deeds.rejected.append(rejection)
            self._puzzling[rejection] = None
            self.docket.open(self._explain(rejection, worlds), Urgency.DETAIL)

    def _explain(self, rejection: Rejection, worlds: Worlds) -> Inquiry[None]:
        explained = yield from self._convictions.explain(rejection, worlds)
        if rejection in self._puzzling:
            del self._puzzling[rejection]
            self._deeds.explained.append(explained)

    def _hold_unexplained(
        self, worlds: Worlds, resource: Resource, words: str, making: Making, revision: int
    ) -> None:
        rejection = self._convictions.nobody(worlds, resource, words, self._rejecters.ids(resource))
        self.unexplained[resource.stub()] = replace(
            rejection, revision=revision, is_serving=making.good is not None
        )
        self._deeds.rejected.append(self.unexplained[resource])

    # Without a judge.

    def _unjudged(self) -> None:
        self.docket.close()
        self._is_reviewing = False
        self._deeds.explained += self._puzzling
        self._puzzling.clear()

    def _hold_by_vote(self, resource: Resource, words: str) -> None:
        """Note that a proxy rejects a resource; withhold it if all do, and it was good once."""
        voters = self._rejecters.members(resource)
        making = self._dispute(resource, words)
        if making is not None and making.good and self._publisher.holders(resource) <= voters:
            self.unexplained[resource] = replace(self.unexplained[resource], is_withheld=True)
            self._keep_rejected(resource, words)
            self._publisher.withhold((resource,))

    def _dispute(self, resource: Resource, words: str) -> Making | None:
        """Name a resource that some proxy rejects and that is served all the same.

        How it is made; None when it is not made any more.
        """
        making = next(iter(self._publisher.makings.making(resource)), None)
        if making is None:
            return None
        known = self.unexplained.get(resource)
        if known is not None:
            proxies = self._rejecters.ids(resource)
            self.unexplained[resource] = replace(known, proxies=proxies)
            return making
        worlds = Worlds(self._publisher.database, making.ref, making.listing, resource)
        suspects = changed_by(worlds, self._history, making)
        rejection = self._convictions.nobody(worlds, resource, words, self._rejecters.ids(resource))
        if len(suspects) == 1:
            rejection = self._convictions.suspected(rejection, suspects[0], words)
        self.unexplained[resource.stub()] = replace(
            rejection, is_serving=making.good is not None, is_withheld=False
        )
        self._deeds.rejected.append(self.unexplained[resource])
        return making

    # What ends a verdict.

    def _look_again(self) -> None:
        """After an edit.

        Rejected bytes that are made again are guilty without being sent.
        """
        for resource in [each for each in self.unexplained if not self._is_made(each)]:
            self._deeds.lifted.append(self.unexplained.pop(resource))
        for resource, words in list(self._rejected.items()):
            if resource not in self.unexplained and self._is_made(resource):
                self._attribute(resource, words)

    def _retry(self, rejection: Rejection) -> None:
        """Have a verdict looked into again."""
        if not self.docket.is_closed:
            self.docket.open(self._judge_again(rejection), Urgency.REVIEW)
        elif self.unexplained.get(rejection.resource) is rejection:
            self._let_in(rejection)

    def _judge_again(self, rejection: Rejection) -> Inquiry[None]:
        made = self._retried(rejection)
        for resource in made:
            self.docket.forget(resource)
        rejected = yield made
        if made and not rejected and rejection in self.all():
            self._let_in(rejection)

    def _retried(self, rejection: Rejection) -> tuple[Resource, ...]:
        """What is to be read again to see whether a verdict still holds."""
        held = rejection.resource
        if self.unexplained.get(held) is rejection:
            made = self._publisher.makings.current(held.type_url, held.name)
            return tuple(each for each in made if each == held and can_judge(each))
        return tuple(filter(can_judge, self._convictions.made_of(rejection)))

    def _let_in(self, rejection: Rejection) -> None:
        """Hold something back no more."""
        back = (rejection.resource, *self._retried(rejection))
        for resource in back:
            self._rejected.pop(resource, None)
        self._publisher.serve(back)
        if self.unexplained.get(rejection.resource) is rejection:
            del self.unexplained[rejection.resource]
        else:
            self._convictions.readmit(rejection)
        self._deeds.lifted.append(rejection)

    def _release(self) -> None:
        """Serve what had to wait for the judge, once nothing is under suspicion any more."""
        pending = self._acceptance.pending
        if pending and not self.docket.has(Urgency.VERDICT):
            released = [each for each in pending if each not in self._rejected]
            first = min(pending.values())
            pending.clear()
            self._publisher.release(released)
            self._deeds.carried = range(first, self._publisher.revision)

    def _keep_rejected(self, resource: Resource, words: str) -> None:
        self._rejected.pop(resource, None)
        self._rejected[resource.stub()] = words
        if len(self._rejected) > REJECTED_LIMIT:
            oldest = next((each for each in self._rejected if not self._is_made(each)), None)
            if oldest is not None:
                del self._rejected[oldest]
                self._acceptance.withheld.discard(oldest)

    def _is_made(self, resource: Resource) -> bool:
        return resource in self._publisher.makings.current(resource.type_url, resource.name)
