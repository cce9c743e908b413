"""What can be guilty of a refusal: resources, and the objects that make them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from translators.database import QueryKey
from translators.model.resource import Resource
from translators.object_key import ObjectKey
from xds_server.ads.stream import Stream
from xds_server.attribution import History, Locator, named_field, named_resources
from xds_server.publisher import Publisher

_WORDS_FOR = 64
"""Envoy's words are compared with the text of so many objects at most."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources that were refused in one response."""

    publisher: Publisher
    found: tuple[Resource, ...]

    def __len__(self) -> int:
        return len(self.found)

    def split(self, reason: str) -> tuple[Resources, Resources]:
        """Those that Envoy does not name and those that it does, or halves."""
        named = named_resources(self.found, reason)
        if 0 < len(named) < len(self.found):
            others = tuple(found for found in self.found if found not in named)
            return Resources(self.publisher, others), Resources(self.publisher, tuple(named))
        half = (len(self.found) + 1) // 2
        return (
            Resources(self.publisher, self.found[:half]),
            Resources(self.publisher, self.found[half:]),
        )

    def let_in(self) -> None:
        """Serves them."""
        self.publisher.release(self.found)

    def keep_out(self) -> None:
        """Serves what was last proven instead."""
        self.publisher.hold(self.found)

    def acquit(self) -> None:
        """Nothing is left to do."""

    def made(self) -> frozenset[Resource]:
        """Those that are still what the world makes."""
        current = self.publisher.current
        return frozenset(
            [found for found in self.found if found in current(found.type_url, found.name)]
        )

    def awaited(self, accuser: Stream | None) -> set[Resource]:
        """All that are made and not accepted: what was refused is sent again."""
        if accuser is None:
            return {found for found in self.made() if found in self.publisher.unproven}
        return {found for found in self.made() if not has_accepted(accuser, found)}

    def remaining(self, accuser: Stream | None) -> Resources:
        """Those that are awaited."""
        awaited = self.awaited(accuser)
        return Resources(self.publisher, tuple(each for each in self.found if each in awaited))

    def is_whole(self) -> bool:
        """Whether all of them are still made."""
        return len(self.made()) == len(self.found)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An object's refused value and what it was when all was good (None: absent).

    ``introduced`` is the revision of the refused value, ``refs`` are the queries that made the refused resource.
    """

    refused: object | None
    good: object | None
    introduced: int
    resource: Resource
    refs: tuple[QueryKey[Resource], ...]


class Withdrawals:
    """The objects that are under suspicion, whether they are in the world now or not."""

    def __init__(self, publisher: Publisher, history: History) -> None:
        self.records: dict[ObjectKey, Withdrawal] = {}
        self.publisher = publisher
        self._history = history

    def commit(self, values: Mapping[ObjectKey, object], removed: Collection[ObjectKey]) -> bool:
        """Edits the world and remembers what was there; False when nothing changed."""
        database = self.publisher.database
        before = {key: database.input(key) for key in (*values, *removed)}
        changed = self.publisher.commit(values, removed)
        if changed:
            self._history.remember(
                {key: value for key, value in before.items() if database.input(key) != value},
                self.publisher.revision,
            )
        return changed

    def take_back(self, keys: Collection[ObjectKey]) -> None:
        """Gives objects their good values."""
        self._set({key: self.records[key].good for key in keys if key in self.records})

    def reinstate(self, keys: Collection[ObjectKey]) -> None:
        """Gives objects their refused values."""
        self._set({key: self.records[key].refused for key in keys if key in self.records})

    def _set(self, values: Mapping[ObjectKey, object | None]) -> None:
        self.commit(
            {key: value for key, value in values.items() if value is not None},
            [key for key, value in values.items() if value is None],
        )


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects that may have made a resource what was refused, the likeliest first."""

    withdrawals: Withdrawals
    locator: Locator
    keys: tuple[ObjectKey, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def split(self, reason: str) -> tuple[Objects, Objects]:
        """Those of which Envoy repeats nothing and those of which it does, or the less and the more likely half."""
        named: tuple[ObjectKey, ...] = ()
        if len(self.keys) <= _WORDS_FOR:
            named = tuple(key for key in self.keys if named_field(self.locator, key, reason))
        if not 0 < len(named) < len(self.keys):
            named = self.keys[: (len(self.keys) + 1) // 2]
        others = tuple(key for key in self.keys if key not in named)
        return self._some(others), self._some(named)

    def let_in(self) -> None:
        """Gives them the values that are suspected."""
        self.withdrawals.reinstate(self.keys)

    def keep_out(self) -> None:
        """Gives them their good values."""
        self.withdrawals.take_back(self.keys)

    def acquit(self) -> None:
        """Forgets what else they could have been."""
        for key in self.keys:
            self.withdrawals.records.pop(key, None)

    def made(self) -> frozenset[Resource]:
        """What the queries of the resources that were refused because of them give now."""
        records, database = self.withdrawals.records, self.withdrawals.publisher.database
        refs = {ref for key in self.keys if key in records for ref in records[key].refs}
        outcomes = map(database.outcome, refs)
        return frozenset([found for found in outcomes if isinstance(found, Resource)])

    def remaining(self, accuser: Stream | None) -> Objects:
        """Those that were not edited since."""
        del accuser
        return self._some(tuple(key for key in self.keys if key in self.withdrawals.records))

    def awaited(self, accuser: Stream | None) -> set[Resource]:
        """What nobody has accepted yet."""
        del accuser
        unproven = self.withdrawals.publisher.unproven
        return {found for found in self.made() if found in unproven}

    def is_whole(self) -> bool:
        """Whether none of them was edited since."""
        return all(key in self.withdrawals.records for key in self.keys)

    def _some(self, keys: tuple[ObjectKey, ...]) -> Objects:
        return Objects(self.withdrawals, self.locator, keys)


def has_accepted(stream: Stream, resource: Resource) -> bool:
    """Whether a proxy has accepted a resource and not got another one of its name since."""
    exchange = stream.exchanges.get(resource.type_url)
    return exchange is not None and exchange.accepted.resources.get(resource.name) == resource
