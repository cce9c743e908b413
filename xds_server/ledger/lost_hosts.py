"""What authors are told of hosts that another object has, `translators.world.lost_hosts`.

Nothing is served otherwise for it. What is lost is looked for in the buckets whose objects changed;
where it stands is the line of the document, which is known without reading it again.
"""

from __future__ import annotations

from itertools import chain

from translators.database import Database, Failure
from translators.model.origin import Origin, Problem, Severity
from translators.object_key import ObjectKey
from translators.world import BUCKETS, LostHost, lost_hosts
from xds_server.sources.batch import Batch

MOST_TOLD = 200
"""How many are told; who has more will not read them."""


class LostHosts:
    """Follows the world of a database.

    Args:
        database: The world; what is lost is kept up to date in it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._refs = tuple(lost_hosts.ref(bucket) for bucket in BUCKETS)
        self._origins: dict[ObjectKey, Origin] = {}
        self._lost: tuple[LostHost, ...] = ()
        self._has_moved = False
        self._problems: tuple[Problem, ...] = ()
        for ref in self._refs:
            database.pin(ref)

    def follow(self, batch: Batch) -> None:
        """Note where the objects of an edit stand."""
        self._origins.update(batch.origins)
        for key in batch.removed:
            self._origins.pop(key, None)
        self._has_moved = self._has_moved or bool(batch.origins)

    def problems(self) -> tuple[Problem, ...]:
        """Everything that is lost now, by object."""
        outcomes = map(self._database.outcome, self._refs)
        lost = tuple(
            chain.from_iterable(each for each in outcomes if not isinstance(each, Failure))
        )
        if lost != self._lost or self._has_moved:
            self._lost, self._has_moved = lost, False
            self._problems = tuple(map(self._problem, sorted(lost)[:MOST_TOLD]))
        return self._problems

    def _problem(self, lost: LostHost) -> Problem:
        winner = self._origins.get(lost.winner)
        return Problem(
            Severity.WARNING,
            lost.message("" if winner is None else str(winner)),
            lost.path,
            lost.loser,
            self._origins.get(lost.loser),
        )
