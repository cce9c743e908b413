"""Objects that were found guilty: taken back, kept out, explained and, in the end, let in again.

In: who is guilty of which resource. Out: edits of the world, and what is held back. Which field of
an object is to blame is found afterwards, by an inquiry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from translators.kinds.registry import parse
from translators.model.resource import Resource
from translators.object_key import ObjectKey
from xds_server.quarantine.attribution import Guilty, Suspect, Worlds
from xds_server.quarantine.docket import Inquiry
from xds_server.quarantine.field_search import find_field
from xds_server.quarantine.locator import Locator
from xds_server.quarantine.rejection import Rejection
from xds_server.quarantine.words import named_field, shortened
from xds_server.serving.edits import Edits
from xds_server.serving.publisher import Publisher


class Convictions:
    """The objects that are held back.

    Attributes:
        rejections: What is held back now, by object.
    """

    def __init__(self, publisher: Publisher, edits: Edits, locator: Locator) -> None:
        self.rejections: dict[ObjectKey, Rejection] = {}
        self._publisher = publisher
        self._edits = edits
        self._locator = locator

    def convict(
        self,
        guilty: Guilty,
        worlds: Worlds,
        resource: Resource,
        words: str,
        proxies: tuple[str, ...],
    ) -> list[Rejection]:
        """Take guilty objects back, and admit their values no more.

        `words` are Envoy's about the resource.
        """
        database = self._publisher.database
        read = frozenset(key for key, _ in database.provenance(worlds.ref))
        instead = {
            suspect.key: suspect.instead
            for suspect in guilty.suspects
            if database.input(suspect.key) != suspect.instead
        }
        now = {key: (database.input(key), self._revision(key)) for key in instead}
        self._edits.put(instead)
        convicted = []
        for key, good in instead.items():
            known = self.rejections.get(key)
            # If what it was taken back to was bad as well, what counts is what was written.
            value, revision = now[key] if known is None else (known.value, known.revision)
            self._edits.keep_out(key, value)
            rejection = Rejection(
                key=key,
                value=value,
                good=good,
                resource=resource.stub(),
                reason=shortened(words),
                path="",
                place="",
                revision=revision,
                proxies=proxies,
                is_serving=good is not None,
                read=read | {key},
                uncovered_by=guilty.uncovered_by,
                ref=worlds.ref,
                document=self._edits.document(key, value),
                good_document=self._edits.document(key, good)
                or (known.good_document if known is not None and known.good == good else None),
            )
            hint = named_field(self._locator.find_values(key), words)
            self.rejections[key] = self._placed(rejection, hint)
            convicted.append(self.rejections[key])
        return convicted

    def explain(self, rejection: Rejection, worlds: Worlds) -> Inquiry[Rejection]:
        """Find the field that is to blame, and name it in what is held back."""
        key = rejection.key
        if key is None or rejection.document is None:
            return rejection
        absent = worlds.resource({key: None}) if rejection.good is None else None

        def made(document: object) -> Resource | None:
            parsed = parse(document).object
            if parsed is None or parsed.key != key:
                return None
            resource = worlds.resource({key: parsed})
            return None if resource == absent else resource

        path = yield from find_field(
            rejection.document, rejection.good_document, rejection.path, made
        )
        if self.rejections.get(key) is not rejection:
            return rejection
        explained = self.rejections[key] = self._placed(rejection, path)
        return explained

    def lift(self, key: ObjectKey) -> Rejection:
        """Hold an object back no more, as it is another or gone."""
        return self.rejections.pop(key)

    def readmit(self, rejection: Rejection) -> None:
        """Give an object the value again for which it was held back."""
        if rejection.key is not None:
            del self.rejections[rejection.key]
            self._edits.readmit(rejection.key, rejection.value)

    def restore(self, rejection: Rejection) -> Rejection | None:
        """Hold an object back as before a restart; None when it is not what it was then."""
        key = rejection.key
        if key is None or self._publisher.database.input(key) != rejection.value:
            return None
        revision = self._revision(key)
        self._edits.put({key: rejection.good})
        self._edits.keep_out(key, rejection.value)
        restored = replace(rejection, revision=revision)
        self.rejections[key] = self._placed(restored, rejection.path)
        return self.rejections[key]

    def nobody(
        self, worlds: Worlds, resource: Resource, words: str, proxies: tuple[str, ...]
    ) -> Rejection:
        """What is held of a resource without a guilty object."""
        return Rejection(
            key=None,
            value=None,
            good=None,
            resource=resource.stub(),
            reason=shortened(words),
            path="",
            place="",
            revision=self._publisher.revision,
            proxies=proxies,
            is_serving=False,
            read=frozenset(key for key, _ in self._publisher.database.provenance(worlds.ref)),
            ref=worlds.ref,
        )

    def suspected(self, rejection: Rejection, suspect: Suspect, words: str) -> Rejection:
        """The same, with the one object that changed; it is named and not touched."""
        key = suspect.key
        named = replace(rejection, key=key, revision=suspect.edited or rejection.revision)
        return self._placed(named, named_field(self._locator.find_values(key), words))

    def made_of(self, rejection: Rejection) -> Iterator[Resource]:
        """What would be made of a rejected resource's query if the value were let in again."""
        if rejection.key is None:
            return
        fork = self._publisher.database.fork()
        if rejection.value is None:
            fork.remove(rejection.key, fork.revision + 1)
        else:
            fork.set(rejection.key, rejection.value, fork.revision + 1)
        name = rejection.resource.name
        refs = (rejection.ref,) if rejection.ref is not None else ()
        for ref in refs or self._publisher.makings.makers(rejection.resource.type_url, name):
            outcome = fork.outcome(ref)
            if isinstance(outcome, Resource):
                yield outcome

    def _placed(self, rejection: Rejection, path: str) -> Rejection:
        """The rejection with the field that is to blame, and where that is written."""
        key = rejection.key
        place = self._locator.locate(key, path) if key is not None else None
        return replace(rejection, path=path, place=str(place) if place is not None else "")

    def _revision(self, key: ObjectKey) -> int:
        """The revision that brought an object's present value, or took it away."""
        return self._publisher.database.input_revision(key) or self._edits.history.last_edit(key)
