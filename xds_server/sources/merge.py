"""Several sources as one.

Who owns an object, what is wrong everywhere, and whether all have been read.

In: batches of each source. Out: one batch of what differs in all. Sources have an order, and of two
that define the same object the earlier one owns it; the other one's object has a problem that names
both, and is used as soon as the owner has it no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from translators.model.config_object import ConfigObject
from translators.model.origin import Origin, Problem, Severity
from translators.object_key import ObjectKey
from xds_server.sources.batch import Batch, Written, by_place
from xds_server.sources.source import Source


@dataclass(slots=True)
class _Contribution:
    """What one source has published."""

    objects: dict[ObjectKey, ConfigObject[object]] = field(default_factory=dict)
    origins: dict[ObjectKey, Origin] = field(default_factory=dict)
    written: dict[ObjectKey, Written] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def take(self, batch: Batch) -> None:
        """Take in a batch of the source."""
        self.objects.update(batch.set)
        self.origins.update(batch.origins)
        self.written.update(batch.written)
        for key in batch.removed:
            self.objects.pop(key, None)
            self.origins.pop(key, None)
            self.written.pop(key, None)
        self.problems = batch.problems


class Merge:
    """What all sources say together."""

    def __init__(self) -> None:
        self._sources: tuple[Source, ...] = ()
        self._contributions: list[_Contribution] = []
        self._contested: dict[ObjectKey, None] = {}

    def follow(self, sources: Sequence[Source]) -> None:
        """Begin with these sources, the one that owns what several define first."""
        self._sources = tuple(sources)
        self._contributions = [_Contribution() for _ in sources]

    @property
    def has_synced(self) -> bool:
        """Whether each source has published everything once."""
        return all(source.has_synced for source in self._sources)

    def take(self, number: int, batch: Batch) -> Batch:
        """Take in a batch of the source of this number, from 0.

        What differs in all, with the problems of all.
        """
        self._contributions[number].take(batch)
        if len(self._contributions) == 1:
            return batch
        new: dict[ObjectKey, ConfigObject[object]] = {}
        gone: set[ObjectKey] = set()
        origins: dict[ObjectKey, Origin] = {}
        written: dict[ObjectKey, Written] = {}
        for key in (*batch.set, *batch.removed, *batch.origins):
            owners = self._owners(key)
            if len(owners) > 1:
                self._contested[key] = None
            else:
                self._contested.pop(key, None)
            if not owners:
                gone.add(key)
            elif owners[0] >= number:
                # It is this source's, or was until now; what an earlier one has stays as it is.
                owner = self._contributions[owners[0]]
                if owners[0] != number or key in batch.set:
                    new[key] = owner.objects[key]
                    if key in owner.written:
                        written[key] = owner.written[key]
                if key in owner.origins:
                    origins[key] = owner.origins[key]
        return Batch(new, frozenset(gone), origins, self._problems(), written)

    def locate(self, key: ObjectKey, path: str = "") -> Origin | None:
        """Where a field of an object is written, as its owner says; None for an unknown object."""
        owners = self._owners(key)
        return self._sources[owners[0]].locate(key, path) if owners else None

    def find_values(self, key: ObjectKey) -> Iterator[tuple[str, str]]:
        """Every scalar of an object as its owner has it, as (field path, text)."""
        owners = self._owners(key)
        return self._sources[owners[0]].find_values(key) if owners else iter(())

    def _owners(self, key: ObjectKey) -> list[int]:
        """The numbers of the sources that define an object, the one that owns it first."""
        return [number for number, each in enumerate(self._contributions) if key in each.objects]

    def _problems(self) -> tuple[Problem, ...]:
        problems = [problem for each in self._contributions for problem in each.problems]
        for key in self._contested:
            first, *others = self._owners(key)
            owner = self._contributions[first].origins.get(key)
            problems += [self._conflict(key, owner, number) for number in others]
        return tuple(sorted(problems, key=by_place))

    def _conflict(self, key: ObjectKey, owner: Origin | None, number: int) -> Problem:
        origin = self._contributions[number].origins.get(key)
        message = f"{key} is defined at {owner} too, which is used; remove one"
        return Problem(Severity.ERROR, message, "", key, origin)
