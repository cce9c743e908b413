"""What is served of translated results.

Shared slices, each what is made of one list of members, and unions of slices.

In: outcomes of the database, as edits of slices. Out: the resources of each union, edited only
where its slices were. A listing belongs to many slices, a slice to many unions, a union to many
groups of proxies, so that what they have in common is held and edited once.
"""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import QueryKey
from translators.model.resource import Resource
from translators.proxy import Maker, Makers, ResourceSet
from xds_server.ads.resources import EMPTY, Resources


class Listing:
    """A list of members that some slices have in common.

    Attributes:
        ref: The query that lists them.
        members: Name → member, as of when the slices last followed.
        slices: The slices.
    """

    __slots__ = ("members", "ref", "slices")

    def __init__(self, ref: QueryKey[Makers]) -> None:
        self.ref = ref
        self.members: dict[str, Maker] = {}
        self.slices: dict[SharedSlice, None] = {}

    def follow(self, members: Makers) -> tuple[list[str], dict[str, Maker]]:
        """Take over what the query lists now.

        The names that are gone, and the members that are new or different.
        """
        before, after = self.members, dict(members)
        self.members = after
        gone = [name for name in before if name not in after]
        fresh = {name: member for name, member in members if before.get(name) != member}
        return gone, fresh


class SharedSlice:
    """What is served of the members of one listing to those who hold a resource set.

    Attributes:
        type_url: The type of its resources.
        resource_set: Who makes them.
        listing: What there is.
        members: Name → the query that makes it.
        resources: Name → what is served.
        proven: Name → the last resource that a proxy took and that is served no more, with the
            revision it was current at.
        unions: The unions that use the slice.
        updated: Name → what is served since the unions last followed.
        removed: The names that are served no more since then.
    """

    __slots__ = (
        "listing",
        "members",
        "proven",
        "removed",
        "resource_set",
        "resources",
        "type_url",
        "unions",
        "updated",
    )  # fmt: skip

    def __init__(self, type_url: str, resource_set: ResourceSet, listing: Listing) -> None:
        self.type_url = type_url
        self.resource_set = resource_set
        self.listing = listing
        listing.slices[self] = None
        self.members: dict[str, QueryKey[Resource]] = {}
        self.resources: dict[str, Resource] = {}
        self.proven: dict[str, tuple[Resource, int]] = {}
        self.unions: dict[Union, None] = {}
        self.updated: dict[str, Resource] = {}
        self.removed: dict[str, None] = {}

    def put(self, name: str, resource: Resource) -> None:
        """Serve a resource."""
        self.resources[name] = resource
        self.updated[name] = resource
        self.removed.pop(name, None)

    def drop(self, name: str) -> None:
        """Serve nothing under a name."""
        if self.resources.pop(name, None) is not None:
            self.updated.pop(name, None)
            self.removed[name] = None


class Union:
    """The resources of some resource sets of one type.

    The union of their slices, which may share members.
    """

    __slots__ = ("resource_sets", "resources", "slices", "type_url")

    def __init__(
        self, type_url: str, resource_sets: tuple[ResourceSet, ...], slices: tuple[SharedSlice, ...]
    ) -> None:
        self.type_url = type_url
        self.resource_sets = resource_sets
        self.slices = slices
        resources = {name: made for shared in slices for name, made in shared.resources.items()}
        self.resources: Resources = EMPTY[type_url].edit(resources)
        for shared in slices:
            shared.unions[self] = None

    def follow(self, edited: Iterable[SharedSlice]) -> bool:
        """Take over the edits of these of its slices; whether anything differs."""
        updated: dict[str, Resource] = {}
        gone: dict[str, None] = {}
        for shared in edited:
            updated.update(shared.updated)
            gone.update(shared.removed)
        removed = [name for name in gone if not self._serves(name)]
        before = self.resources
        self.resources = before.edit(updated, removed)
        return self.resources is not before

    def _serves(self, name: str) -> bool:
        return any(name in shared.resources for shared in self.slices)
