"""What our own bugs cost: the queries that raise now, and the objects that they are about.

In: the failures that the database knows of. Out: problems on objects, for as long as it is so.

An object is to blame when without it the query would not raise, or nobody would ask for what it
makes; policies first, since without its service nobody asks for a host at all. That is tried on
forks of the database, for so many failures and objects as is quickly done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from translators.database import Database, Failure, QueryKey
from translators.kinds import registry
from translators.model.origin import Problem, Severity
from translators.names import ClusterName
from translators.object_key import ObjectKey
from translators.world import services_of_host
from xds_server.quarantine.locator import Locator
from xds_server.quarantine.words import named_field, shortened
from xds_server.serving.filing import FILING
from xds_server.serving.publisher import Publisher

FAILURES_TOLD = 64
"""So many failures are told one by one; the others are counted."""
OBJECTS_TRIED = 64
"""Up to so many objects are tried at one time, of all failures together."""

_ROOTS_ASKED = 8
"""So many of the results that a failed query spoils are asked what they are about."""
_NAMES = (str, ClusterName)
"""What of a query's key says which resource it is about."""

_Read: TypeAlias = tuple[tuple[ObjectKey, int | None], ...]
"""What a query read → the revision of its present value."""


@dataclass(frozen=True, slots=True)
class FailedQuery:
    """A query that raises now.

    Attributes:
        failure: What it raised.
        revision: The newest revision that made it raise, or its objects what they are.
        problems: What it means for objects; one without an object when none is known.
    """

    failure: Failure
    revision: int
    problems: tuple[Problem, ...]


class Failures:
    """The failures that there are.

    Attributes:
        queries: What raises now; of very many the first.
        problems: What that means for objects, each thing once.
    """

    def __init__(self, publisher: Publisher, locator: Locator) -> None:
        self.queries: tuple[FailedQuery, ...] = ()
        self.problems: tuple[Problem, ...] = ()
        self._publisher = publisher
        self._database: Database = publisher.database
        self._locator = locator
        self._followed: tuple[tuple[Failure, ...], int] = ((), 0)
        self._since: dict[Failure, int] = {}
        self._told: dict[tuple[ObjectKey | None, str], Problem] = {}
        self._objects: dict[Failure, tuple[_Read, tuple[ObjectKey, ...]]] = {}

    def follow(self, *, is_edit: bool, is_read: bool = False) -> tuple[Failure, ...]:
        """Look what raises now; returns what did not raise when this was last asked.

        Args:
            is_edit: The newest revision is what brought it, and not a proxy that came.
            is_read: Documents were read anew, so that objects may stand elsewhere.
        """
        failures = (*self._publisher.filing.failures.values(), *self._database.failures())
        revision = self._publisher.revision
        if not (failures or self._since):
            return ()
        if (failures, revision) == self._followed and not is_read:
            return ()
        self._followed = (failures, revision)
        since = self._since
        fresh = tuple(failure for failure in failures if failure not in since)
        self._since = {
            failure: since.get(failure, revision if is_edit else 0) for failure in failures
        }
        told = failures[:FAILURES_TOLD]
        known, self._objects = self._objects, {}
        tries = iter(range(OBJECTS_TRIED))
        for failure in told:
            if failure.origin.query is FILING:
                self._objects[failure] = (), tuple(self._named(failure.origin.key))
                continue
            read = self._read(failure.origin)
            before, objects = known.get(failure, (None, ()))
            if before != read:
                objects = self._blamed(failure, read, tries)
            self._objects[failure] = read, objects
        self._told.clear()
        self.queries = tuple(map(self._query, told))
        problems = dict.fromkeys(problem for query in self.queries for problem in query.problems)
        if len(told) < len(failures):
            more = f"{len(failures) - len(told)} more queries fail by bugs of chancery's"
            problems[Problem(Severity.ERROR, more)] = None
        self.problems = tuple(problems)
        return fresh

    def _query(self, failure: Failure) -> FailedQuery:
        _, objects = self._objects[failure]
        edited = (self._database.input_revision(key) or 0 for key in objects)
        revision = max(self._since[failure], *edited, 0) or self._publisher.revision
        problems = [self._problem(failure, key) for key in objects]
        return FailedQuery(failure, revision, tuple(problems or [self._problem(failure, None)]))

    def _read(self, origin: QueryKey[object]) -> _Read:
        """What a failed query read, and what else was read for what it spoils."""
        read = dict(self._database.provenance(origin))
        for root in self._database.pinned_above(origin, _ROOTS_ASKED):
            read.update(self._database.provenance(root))
        return tuple(read.items())

    def _blamed(self, failure: Failure, read: _Read, tries: Iterator[int]) -> tuple[ObjectKey, ...]:
        """The objects without which, or without all of which, the query would not raise."""
        own = {key for key, _ in self._database.provenance(failure.origin)}
        present = [key for key, revision in read if revision is not None]
        present.sort(key=lambda key: (registry.suspicion(key.kind), key))
        mine = [key for key in present if key in own]
        for is_policy in (True, False):
            group = [key for key in mine if registry.is_policy(key.kind) is is_policy]
            alone = self._alone(failure, group, tries)
            if alone:
                return alone
            if len(group) > 1 and next(tries, None) is not None and self._mends(failure, group):
                return tuple(group)
        # It raised before it read what matters.
        named = tuple(dict.fromkeys(self._named(failure.origin.key)))
        return named or self._alone(failure, [key for key in present if key not in own], tries)

    def _alone(
        self, failure: Failure, group: Iterable[ObjectKey], tries: Iterator[int]
    ) -> tuple[ObjectKey, ...]:
        """Those of a group without one of which the query would not raise."""
        return tuple(
            key for key, _ in zip(group, tries, strict=False) if self._mends(failure, (key,))
        )

    def _named(self, part: object) -> Iterator[ObjectKey]:
        """The objects that a query's key names, or the services of a host in it."""
        if isinstance(part, ObjectKey):
            yield part
        elif isinstance(part, tuple):
            for inner in part:
                yield from self._named(inner)
        elif isinstance(part, str):
            host, _, _ = part.rpartition("/")[2].partition(":")
            services = self._database.outcome(services_of_host.ref(host))
            if not isinstance(services, Failure):
                yield from (service.source for service in services)

    def _mends(self, failure: Failure, keys: Iterable[ObjectKey]) -> bool:
        """Whether the query would not raise, or not be asked, if there were not these objects."""
        fork = self._database.fork()
        for key in keys:
            fork.remove(key, fork.revision + 1)
        if not isinstance(fork.outcome(failure.origin), Failure):
            return True
        roots = self._database.pinned_above(failure.origin, _ROOTS_ASKED)
        listings = [listed for root in roots for listed in self._publisher.makings.listings(root)]
        for listing, name in listings:
            members = fork.outcome(listing)
            if isinstance(members, Failure) or name in dict(members):
                return False
        return bool(listings)

    def _problem(self, failure: Failure, key: ObjectKey | None) -> Problem:
        """What a failure means for an object; the same for all queries that it makes fail so."""
        error = _error(failure)
        problem = self._told.get((key, error))
        if problem is None:
            problem = Problem(Severity.ERROR, _message(failure, error))
            if key is not None:
                path = named_field(self._locator.find_values(key), str(failure.exception))
                place = self._locator.locate(key, path)
                problem = replace(problem, path=path, key=key, origin=place)
            self._told[key, error] = problem
        return problem


def _error(failure: Failure) -> str:
    return shortened(f"{type(failure.exception).__name__}: {failure.exception}")


def _message(failure: Failure, error: str) -> str:
    query, key = failure.origin
    names = (str(part) for part in key if isinstance(part, _NAMES))
    about = " ".join((query.name.removeprefix("_"), *names))
    return (
        f"cannot be translated, by a bug of chancery's: {error} (in {about}); what was made of it "
        "before stays, and all else goes on"
    )
