"""What is held back and why, and what the quarantine did at one time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from translators.database import QueryKey
from translators.model.resource import Resource
from translators.object_key import ObjectKey


@dataclass(frozen=True, slots=True, eq=False)
class Rejection:
    """An object that is held back, or a resource without one.

    Attributes:
        key: The object; None when none could be found, and then the resource alone is held.
        value: What was rejected; None: the object's absence.
        good: What the world has instead; None: the object is absent.
        resource: The resource that was rejected.
        reason: Envoy's words, for a person.
        path: The field that is to blame; empty when it is not known.
        place: Where that is written, such as file:line; empty when unknown.
        revision: The revision that brought it.
        proxies: Ids of proxies that are known to have rejected it.
        is_serving: Whether there are last good bytes, which are served instead.
        read: The objects that the rejected resource was made from: when one of them changes, it
            may be good.
        is_withheld: Whether it is kept from everybody; else each proxy that rejects it keeps what
            it has.
        uncovered_by: Objects whose edits brought an older mistake to light.
        ref: The query that made the resource; None: that is not known any more.
        document: What is written of the object, as YAML gives it; None: it is not known.
        good_document: The same for what the world has instead.
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
    read: Collection[ObjectKey] = frozenset()
    is_withheld: bool = True
    uncovered_by: tuple[ObjectKey, ...] = ()
    ref: QueryKey[Resource] | None = None
    document: object | None = None
    good_document: object | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What the quarantine did at one time.

    Attributes:
        rejected: What was found guilty and is held back now.
        explained: What was held back already, and of which the field was found now.
        lifted: What was held back and is so no more: it is gone, has a new value, or is accepted.
        carried: The revisions of which something had to wait for the judge, up to the one that
            brings it; empty when nothing had to.
    """

    rejected: tuple[Rejection, ...] = ()
    explained: tuple[Rejection, ...] = ()
    lifted: tuple[Rejection, ...] = ()
    carried: range = range(0)


class Deeds:
    """What the quarantine does, gathered until it tells of it; see `Progress`."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.rejected: list[Rejection] = []
        self.explained: list[Rejection] = []
        self.lifted: list[Rejection] = []
        self.carried = range(0)

    def take(self) -> Progress:
        """What was done since this was last asked."""
        progress = Progress(
            tuple(self.rejected), tuple(self.explained), tuple(self.lifted), self.carried
        )
        self._begin()
        return progress
