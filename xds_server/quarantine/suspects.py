"""What can be guilty of a rejection: resources, and the objects that make them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from translators.database import QueryKey
from translators.model.resource import Resource
from translators.object_key import ObjectKey
from xds_server.ads.stream import Stream
from xds_server.quarantine.attribution import Locator, named_field, named_resources
from xds_server.serving.edits import Edits
from xds_server.serving.publisher import Publisher

_WORDS_FOR = 64
"""Envoy's words are compared with the text of so many objects at most."""


@dataclass(frozen=True, slots=True)
class SuspectResources:
    """Resources that were rejected in one response."""

    publisher: Publisher
    resources: tuple[Resource, ...]

    def __len__(self) -> int:
        return len(self.resources)

    def split(self, reason: str) -> tuple[SuspectResources, SuspectResources]:
        """Those that Envoy does not name and those that it does, or halves."""
        named = named_resources(self.resources, reason)
        if 0 < len(named) < len(self.resources):
            others = tuple(resource for resource in self.resources if resource not in named)
            return SuspectResources(self.publisher, others), SuspectResources(
                self.publisher, tuple(named)
            )
        half = (len(self.resources) + 1) // 2
        return (
            SuspectResources(self.publisher, self.resources[:half]),
            SuspectResources(self.publisher, self.resources[half:]),
        )

    def let_in(self) -> None:
        """Serve them."""
        self.publisher.serve(self.resources)

    def keep_out(self) -> None:
        """Serve what was last proven instead."""
        self.publisher.withhold(self.resources)

    def acquit(self) -> None:
        """Nothing is left to do."""

    def made(self) -> frozenset[Resource]:
        """Those that are still what the world makes."""
        current = self.publisher.current
        return frozenset(
            [each for each in self.resources if each in current(each.type_url, each.name)]
        )

    def awaited(self, accuser: Stream | None) -> set[Resource]:
        """All that are made and not accepted: what was rejected is sent again."""
        if accuser is None:
            unproven = self.publisher.acceptance.unproven
            return {resource for resource in self.made() if resource in unproven}
        return {resource for resource in self.made() if not has_accepted(accuser, resource)}

    def remaining(self, accuser: Stream | None) -> SuspectResources:
        """Those that are awaited."""
        awaited = self.awaited(accuser)
        return SuspectResources(
            self.publisher, tuple(each for each in self.resources if each in awaited)
        )

    def is_whole(self) -> bool:
        """Whether all of them are still made."""
        return len(self.made()) == len(self.resources)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An object's rejected value and what it was when all was good (None: absent).

    `introduced` is the revision of the rejected value, `refs` are the queries that made the
    rejected resource.
    """

    rejected: object | None
    good: object | None
    introduced: int
    resource: Resource
    refs: tuple[QueryKey[Resource], ...]


class Withdrawals:
    """The objects that are under suspicion, whether they are in the world now or not."""

    def __init__(self, publisher: Publisher, edits: Edits) -> None:
        self.records: dict[ObjectKey, Withdrawal] = {}
        self.publisher = publisher
        self._edits = edits

    def take_back(self, keys: Collection[ObjectKey]) -> None:
        """Give objects their good values."""
        self._edits.put({key: self.records[key].good for key in keys if key in self.records})

    def reinstate(self, keys: Collection[ObjectKey]) -> None:
        """Give objects their rejected values."""
        self._edits.put({key: self.records[key].rejected for key in keys if key in self.records})


@dataclass(frozen=True, slots=True)
class SuspectObjects:
    """Objects that may have made a resource what was rejected, the likeliest first."""

    withdrawals: Withdrawals
    locator: Locator
    keys: tuple[ObjectKey, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def split(self, reason: str) -> tuple[SuspectObjects, SuspectObjects]:
        """Those of which Envoy repeats nothing, and the others; else the less and more likely."""
        named: tuple[ObjectKey, ...] = ()
        if len(self.keys) <= _WORDS_FOR:
            named = tuple(key for key in self.keys if named_field(self.locator, key, reason))
        if not 0 < len(named) < len(self.keys):
            named = self.keys[: (len(self.keys) + 1) // 2]
        others = tuple(key for key in self.keys if key not in named)
        return self._some(others), self._some(named)

    def let_in(self) -> None:
        """Give them the values that are suspected."""
        self.withdrawals.reinstate(self.keys)

    def keep_out(self) -> None:
        """Give them their good values."""
        self.withdrawals.take_back(self.keys)

    def acquit(self) -> None:
        """Forget what else they could have been."""
        for key in self.keys:
            self.withdrawals.records.pop(key, None)

    def made(self) -> frozenset[Resource]:
        """What the queries of the resources that were rejected because of them give now."""
        records, database = self.withdrawals.records, self.withdrawals.publisher.database
        refs = {ref for key in self.keys if key in records for ref in records[key].refs}
        outcomes = map(database.outcome, refs)
        return frozenset([outcome for outcome in outcomes if isinstance(outcome, Resource)])

    def remaining(self, accuser: Stream | None) -> SuspectObjects:
        """Those that were not edited since."""
        del accuser
        return self._some(tuple(key for key in self.keys if key in self.withdrawals.records))

    def awaited(self, accuser: Stream | None) -> set[Resource]:
        """What nobody has accepted yet."""
        del accuser
        unproven = self.withdrawals.publisher.acceptance.unproven
        return {resource for resource in self.made() if resource in unproven}

    def is_whole(self) -> bool:
        """Whether none of them was edited since."""
        return all(key in self.withdrawals.records for key in self.keys)

    def _some(self, keys: tuple[ObjectKey, ...]) -> SuspectObjects:
        return SuspectObjects(self.withdrawals, self.locator, keys)


def has_accepted(stream: Stream, resource: Resource) -> bool:
    """Whether a proxy has accepted a resource and not got another one of its name since."""
    watched = stream.watched.get(resource.type_url)
    return watched is not None and watched.accepted.by_name.get(resource.name) == resource
