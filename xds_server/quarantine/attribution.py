"""Which objects made a rejected resource what it is.

In: the database with its provenance, the history of edits, and a judge, who is asked by inquiries
(see `docket`). Out: the guilty objects with what they are to be instead. Nothing is changed here:
what would be without an object's present value is made on a fork, and the judge reads it. So nobody
is convicted unless Envoy accepts the world without that value.

Of objects each of which alone would make the difference, those are guilty that are rejected in a
world without the others. An edit that only uncovers another object's old mistake is so told from
the mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from translators.database import Database, Failure, QueryKey
from translators.kinds import registry
from translators.model.resource import Resource
from translators.object_key import ObjectKey
from translators.proxy import Makers
from xds_server.quarantine.docket import Inquiry
from xds_server.serving.history import History
from xds_server.serving.makings import Making

TRIED_ALONE: Final = 32
"""Up to so many objects are tried one by one; of more the guilty are found by halving."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """An object that may have made a resource bad, and what it is to be instead.

    Attributes:
        key: The object.
        instead: Its earlier value; None: no object.
        edited: The revision of its last edit since all was good; 0 when it was not edited since.
    """

    key: ObjectKey
    instead: object | None
    edited: int


@dataclass(frozen=True, slots=True)
class Guilty:
    """Who is to blame. `uncovered_by` are edits that brought it to light; may be empty."""

    suspects: tuple[Suspect, ...]
    uncovered_by: tuple[ObjectKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Worlds:
    """What a resource would be if objects were something else.

    Attributes:
        ref: The query that makes it.
        listing: The query that lists it; None: it is part of one that is listed.
        bad: What it is now.
    """

    database: Database
    ref: QueryKey[Resource]
    listing: QueryKey[Makers] | None
    bad: Resource

    def is_over(self) -> bool:
        """Say whether it is something else by now."""
        return self.database.outcome(self.ref) != self.bad

    def resource(self, values: Mapping[ObjectKey, object | None]) -> Resource | None:
        """What it is with these values (None: no object).

        None when it is not made then.
        """
        fork = self.database.fork()
        for key, value in values.items():
            if value is None:
                fork.remove(key, fork.revision + 1)
            else:
                fork.set(key, value, fork.revision + 1)
        outcome = fork.outcome(self.ref)
        if not isinstance(outcome, Resource):
            return None
        if self.listing is not None:
            listed = fork.outcome(self.listing)
            if not isinstance(listed, Failure) and all(name != outcome.name for name, _ in listed):
                return None
        return outcome


def find_guilty(worlds: Worlds, history: History, making: Making) -> Inquiry[Guilty | None]:
    """Find the objects that made a resource bad.

    None when it is nobody's fault that can be told.
    """
    for suspects in _rounds(worlds.database, history, making, worlds.ref):
        guilty = yield from _among(worlds, suspects)
        if guilty is not None:
            return guilty
    return None


def changed_by(worlds: Worlds, history: History, making: Making) -> list[Suspect]:
    """The objects edited since a resource was good without whose edit it would be different."""
    policies = next(_rounds(worlds.database, history, making, worlds.ref))
    edited = [suspect for suspect in policies if suspect.edited][:TRIED_ALONE]
    return [each for each in edited if worlds.resource({each.key: each.instead}) != worlds.bad]


def parts_of(
    database: Database, ref: QueryKey[Resource], whole: Resource
) -> dict[Resource, QueryKey[Resource]]:
    """The resources that a resource is put together from, with the queries that make them.

    May be empty.
    """
    parts: dict[Resource, QueryKey[Resource]] = {}
    for read in database.dependencies(ref):
        if isinstance(read, QueryKey):
            outcome = database.outcome(read)
            if isinstance(outcome, Resource) and outcome != whole:
                parts[outcome] = read
    return parts


def _rounds(
    database: Database, history: History, making: Making, ref: QueryKey[Resource]
) -> Iterator[Sequence[Suspect]]:
    """Suspects, the likeliest first: policies and what was edited.

    Of what was never good, then everything else.
    """
    read = dict(database.provenance(ref))
    since = making.since if making.good is not None else 0
    edited = {key: revision or history.last_edit(key) for key, revision in read.items()}
    # An object that is gone may be read no more; its absence may be what is wrong.
    edited |= {
        key: history.last_edit(key)
        for key in history.edited_since(since)
        if database.input(key) is None
    }
    policies, others = list[Suspect](), list[Suspect]()
    for key in sorted(edited, key=lambda key: (registry.suspicion(key.kind), -edited[key], key)):
        now = database.input(key)
        is_edited = making.good is not None and edited[key] > since
        before = history.value_at(key, since, now)
        if is_edited and before != now:
            policies.append(Suspect(key, before, edited[key]))
        elif now is not None:
            earlier = next(history.values(key), None) if making.good is None else None
            group = policies if registry.is_policy(key.kind) else others
            group.append(Suspect(key, earlier, 0))
    yield policies
    if making.good is None:
        yield others


def _among(worlds: Worlds, suspects: Sequence[Suspect]) -> Inquiry[Guilty | None]:
    """Find the guilty among suspects that may have to be taken back together."""
    concerned = list[Suspect]()
    enough = list[Suspect]()
    for start in range(0, min(len(suspects), TRIED_ALONE), 8):
        made = {
            suspect: worlds.resource({suspect.key: suspect.instead})
            for suspect in suspects[start : min(start + 8, TRIED_ALONE)]
        }
        concerned += [suspect for suspect, resource in made.items() if resource != worlds.bad]
        rejected = yield _others(worlds.bad, made.values())
        enough += [
            suspect
            for suspect, resource in made.items()
            if resource != worlds.bad and resource not in rejected
        ]
    if len(enough) == 1:
        return Guilty(tuple(enough))
    if enough:
        return (yield from _tell_apart(worlds, enough))
    concerned += suspects[TRIED_ALONE:]
    if len(concerned) < 2 or not (yield from _is_mended(worlds, concerned)):
        return None
    return Guilty(tuple((yield from _smallest(worlds, [], concerned))))


def _tell_apart(worlds: Worlds, suspects: Sequence[Suspect]) -> Inquiry[Guilty]:
    """Find who is rejected without the others, of those each of whom makes the difference."""
    alone = {
        suspect: worlds.resource({other.key: None for other in suspects if other is not suspect})
        for suspect in suspects
        if worlds.database.input(suspect.key) is not None
    }
    rejected = yield _others(worlds.bad, alone.values())
    guilty = tuple(
        suspect
        for suspect, resource in alone.items()
        if resource == worlds.bad or resource in rejected
    )
    edited = [suspect for suspect in suspects if suspect.edited]
    if not guilty:
        # None is wrong by itself: they clash, and whoever came last is to see to it.
        return Guilty((max(edited, key=lambda each: each.edited) if edited else suspects[0],))
    uncovered_by = tuple(each.key for each in edited if each not in guilty)
    is_old = not any(suspect.edited for suspect in guilty)
    return Guilty(guilty, uncovered_by if is_old else ())


def _is_mended(worlds: Worlds, suspects: Iterable[Suspect]) -> Inquiry[bool]:
    """Say whether the resource is good when all of these are taken back."""
    resource = worlds.resource({suspect.key: suspect.instead for suspect in suspects})
    if resource is None:
        return True
    if resource == worlds.bad:
        return False
    rejected = yield (resource,)
    return resource not in rejected


def _smallest(
    worlds: Worlds, taken_back: list[Suspect], suspects: list[Suspect]
) -> Inquiry[list[Suspect]]:
    """Find few suspects that have to be taken back, given that all of them are enough.

    By halving; the first of them are preferred (QuickXplain, U. Junker, AAAI 2004).
    """
    if taken_back and (yield from _is_mended(worlds, taken_back)):
        return []
    if len(suspects) == 1:
        return suspects
    half = len(suspects) // 2
    first, second = suspects[:half], suspects[half:]
    of_second = yield from _smallest(worlds, taken_back + first, second)
    if not of_second:
        return (yield from _smallest(worlds, taken_back, first))
    of_first = yield from _smallest(worlds, taken_back + of_second, first)
    return of_first + of_second


def _others(bad: Resource, made: Iterable[Resource | None]) -> tuple[Resource, ...]:
    """What is not known to be bad, each once."""
    return tuple(dict.fromkeys(each for each in made if each is not None and each != bad))
