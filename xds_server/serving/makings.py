"""Which queries make what slices serve, and under which names.

Slices come and go, and their members with them; what makes a member stays pinned in the database
for as long as a slice has it. Questions about a resource are answered from there: how it is made
now, whatever is served of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from translators.database import Database, QueryKey
from translators.model.resource import Resource
from translators.proxy import Makers
from xds_server.serving.unions import SharedSlice


@dataclass(frozen=True, slots=True)
class Making:
    """How a resource comes about.

    Attributes:
        ref: The query that makes it.
        listing: The query that lists it.
        good: What was last proven under its name; None when nothing was.
        since: The newest revision at which that was current; 0 when nothing was.
    """

    ref: QueryKey[Resource]
    listing: QueryKey[Makers]
    good: Resource | None
    since: int


class Makings:
    """The queries behind what is served."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._slices: dict[str, dict[SharedSlice, None]] = {}
        self._owners: dict[QueryKey[object], dict[SharedSlice, str]] = {}

    def begin(self, slices: Iterable[SharedSlice]) -> None:
        """Take slices in, which have no members yet."""
        for shared in slices:
            self._slices.setdefault(shared.type_url, {})[shared] = None

    def end(self, shared: SharedSlice) -> None:
        """Let a slice go, with all of its members."""
        for ref in shared.members.values():
            self.disown(shared, ref)
        del self._slices[shared.type_url][shared]

    def own(self, shared: SharedSlice, name: str, ref: QueryKey[Resource]) -> bool:
        """Note that a slice has a member that a query makes; whether another slice has it too."""
        self._database.pin(ref)
        owners = self._owners.setdefault(ref, {})
        is_common = bool(owners)
        owners[shared] = name
        return is_common

    def disown(self, shared: SharedSlice, ref: QueryKey[Resource]) -> None:
        """Note that a slice has what a query makes no more."""
        owners = self._owners[ref]
        del owners[shared]
        if not owners:
            del self._owners[ref]
        self._database.unpin(ref)

    def owners(self, ref: QueryKey[object]) -> Mapping[SharedSlice, str]:
        """The slices that have what a query makes, and as what; empty for other queries."""
        return self._owners.get(ref, {})

    def slices(self, type_url: str) -> Collection[SharedSlice]:
        """The slices of a type."""
        return self._slices.get(type_url, ())

    def making(self, resource: Resource) -> tuple[Making, ...]:
        """How this very resource is made now, withheld or not; several ways when scopes differ."""
        makings: dict[QueryKey[Resource], Making] = {}
        for shared in self.slices(resource.type_url):
            ref = shared.members.get(resource.name)
            if ref is None or ref in makings or self._database.outcome(ref) != resource:
                continue
            good, since = shared.proven.get(resource.name, (None, 0))
            makings[ref] = Making(ref, shared.listing.ref, good, since)
        return tuple(makings.values())

    def makers(self, type_url: str, name: str) -> tuple[QueryKey[Resource], ...]:
        """The queries that make what proxies hold under a name; several when scopes differ."""
        slices = self.slices(type_url)
        return tuple({shared.members[name]: None for shared in slices if name in shared.members})

    def listings(self, ref: QueryKey[object]) -> tuple[tuple[QueryKey[Makers], str], ...]:
        """The queries that list what a query makes, and as what; none for other queries."""
        listed = ((shared.listing.ref, name) for shared, name in self.owners(ref).items())
        return tuple(dict.fromkeys(listed))

    def current(self, type_url: str, name: str) -> tuple[Resource, ...]:
        """What is made under this name now, withheld or not; several when scopes differ."""
        outcomes = map(self._database.outcome, self.makers(type_url, name))
        return tuple({made: None for made in outcomes if isinstance(made, Resource)})
