"""From the database to what streams are sent: slices, unions and snapshots.

Edits of inputs come in as commits. A commit settles the database, turns the changed results into
edits of the slices that own them, applies those to the unions (one per type and set of slices) and
gives every group of proxies whose unions changed a new snapshot. Cost follows the changed results
and the groups that hold them, never the size of the mesh.

A group is all proxies with equal scopes on one wire. A few groups stay after their last proxy left,
so that a reconnect finds them ready.

A resource that is withheld (see `Acceptance`) is not served: wherever it would be, the last proven
one of the same name is served instead, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from translators.database import Database, Failure, QueryKey
from translators.model.proxy_node import ProxyNode
from translators.model.resource import Resource
from translators.object_key import ObjectKey
from translators.proxy import Maker, Makers, ResourceSet, Scope, resource_sets, scope_of
from xds_server.ads.snapshot import Snapshot
from xds_server.serving.acceptance import Acceptance
from xds_server.serving.filing import Filing
from xds_server.serving.groups import Group, Member
from xds_server.serving.idle import IdleGroups
from xds_server.serving.makings import Makings
from xds_server.serving.unions import Listing, SharedSlice, Union


class Publisher:
    """Holds the database; takes commits; gives proxies their snapshots.

    Attributes:
        revision: The newest revision; 0 before the first commit.
        acceptance: What nobody has accepted yet, and what is withheld.
        makings: The queries behind what is served.
        must_wait: Whether a resource that an edit made is to be judged before it is served.
        filing: The way of objects into the database, and those that could not go it.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.revision = 0
        self.acceptance = Acceptance()
        self.makings = Makings(database)
        self.must_wait: Callable[[Resource], bool] = _never
        self._is_edit = False
        self.filing = Filing(database)
        self._listings: dict[QueryKey[object], Listing] = {}
        self._slices: dict[ResourceSet, tuple[SharedSlice, ...]] = {}
        self._unions: dict[tuple[ResourceSet, ...], Union] = {}
        self._holders: dict[Union, dict[Group, None]] = {}
        self._groups: dict[tuple[Scope, bool], Group] = {}
        self._idle = IdleGroups()
        self._nodes: dict[QueryKey[object], dict[Member, None]] = {}
        self._dirty: dict[SharedSlice, None] = {}
        self._moved: dict[Member, None] = {}
        self._superseded: set[Resource] = set()

    def commit(
        self, values: Mapping[ObjectKey, object], removed: Collection[ObjectKey] = ()
    ) -> bool:
        """Set and remove inputs as one revision.

        False when nothing differs from what is there, and then there is none.
        """
        revision = self.revision + 1
        changed = False
        for key, value in values.items():
            changed |= self.filing.set(key, value, revision)
        for key in removed:
            changed |= self.filing.remove(key, revision)
        if changed:
            self.revision = revision
            self._is_edit = True
            try:
                self._settle()
            finally:
                self._is_edit = False
        return changed

    def touch(self) -> None:
        """A revision of its own for an edit that changes nothing in the world."""
        self.revision += 1

    def join(self, node: ProxyNode, *, inline: bool) -> Member:
        """Make the proxy a member of its group; translates what nobody holds yet."""
        ref = scope_of.ref(node)
        self.database.pin(ref)
        try:
            scope = scope_of(self.database, node)
        except Exception:
            self.database.unpin(ref)
            raise
        member = Member(node, inline, self._group(scope, inline), self.leave)
        member.group.members[member] = None
        self._idle.discard(member.group)
        self._nodes.setdefault(ref, {})[member] = None
        self._settle()
        return member

    def leave(self, member: Member) -> None:
        """End a watch; harmless when it ended before."""
        ref = scope_of.ref(member.node)
        members = self._nodes.get(ref, {})
        if member not in members:
            return
        del members[member]
        # The stream that is woken knows its member: apart they need no collector to be freed.
        member.wake = None
        self.database.unpin(ref)
        self._idle.note()
        if not members:
            del self._nodes[ref]
        self._retire(member, member.group)

    def tidy(self, now: float) -> None:
        """Forget what was made for proxies that left, after a while; for every second or so."""
        overdue = self._idle.overdue(now)
        for group in overdue:
            self._dissolve(group)
        if self._idle.take_news():
            self._settle()
        if overdue:
            unproven = self.acceptance.unproven
            for each in [*unproven]:
                if each not in self.makings.current(each.type_url, each.name):
                    del unproven[each]

    def groups(self) -> Iterator[Group]:
        """Every group, also idle ones."""
        return iter(self._groups.values())

    def withhold(self, resources: Iterable[Resource]) -> None:
        """Stop serving these very bytes; what was last proven takes their place."""
        self._reconsider(self.acceptance.withhold(resources))

    def serve(self, resources: Iterable[Resource]) -> None:
        """Serve resources again that were withheld."""
        self._reconsider(self.acceptance.release(resources))

    def release(self, resources: Iterable[Resource]) -> None:
        """Serve resources that had to wait until they were judged, unless they are withheld."""
        self._reconsider(set(resources))

    def holders(self, resource: Resource) -> set[Member]:
        """The proxies that are to hold this very resource."""
        return {
            member
            for group in self._groups.values()
            if group.snapshot.resources(resource.type_url).by_name.get(resource.name) == resource
            for member in group.members
        }

    def _reconsider(self, resources: set[Resource]) -> None:
        """Refresh what is served under the names of resources that are withheld now, or no more."""
        if not resources:
            return
        self.revision += 1
        for resource in sorted(resources, key=_name):
            for shared in self.makings.slices(resource.type_url):
                if resource.name in shared.members:
                    self._refresh(shared, resource.name)
        self._apply()

    def _settle(self) -> None:
        """Take over changed results until none is left, and give groups their new snapshots."""
        while changed := self.database.settle():
            for ref in changed:
                if ref in self._listings:
                    self._relist(self._listings[ref])
                for shared, name in list(self.makings.owners(ref).items()):
                    self._refresh(shared, name)
                for member in list(self._nodes.get(ref, ())):
                    self._move(member)
        self._apply()

    def _relist(self, listing: Listing) -> None:
        outcome = self.database.outcome(listing.ref)
        if isinstance(outcome, Failure):
            return
        gone, fresh = listing.follow(outcome)
        for shared in listing.slices:
            for name in gone:
                self._remove(shared, name)
            self._add(shared, fresh)

    def _add(self, shared: SharedSlice, fresh: Mapping[str, Maker]) -> None:
        """Have a slice follow the queries that make these members.

        They are new to it, or made by other queries now.
        """
        common: list[str] = []
        for name, maker in fresh.items():
            if name in shared.members:
                self.makings.disown(shared, shared.members[name])
            ref = shared.members[name] = shared.resource_set.ref(maker)
            if self.makings.own(shared, name, ref):
                common.append(name)
        self._dirty[shared] = None
        # What another slice holds already is not reported as changed.
        for name in common:
            self._refresh(shared, name)

    def _remove(self, shared: SharedSlice, name: str) -> None:
        self.makings.disown(shared, shared.members.pop(name))
        shared.proven.pop(name, None)
        shared.drop(name)
        self._dirty[shared] = None

    def _refresh(self, shared: SharedSlice, name: str) -> None:
        """Serve the present outcome of a member's query, unless it failed or is withheld."""
        outcome = self.database.outcome(shared.members[name])
        if isinstance(outcome, Failure):
            return
        acceptance = self.acceptance
        before, good = shared.resources.get(name), shared.proven.get(name)
        if before != outcome and (good is None or good[0] != outcome) and self._waits(outcome):
            return
        if before is not None and before != outcome:
            if before in acceptance.unproven:
                self._superseded.add(before)
            elif good is None or good[0] != before:
                good = shared.proven[name] = (before, self.revision - 1)
        if outcome in acceptance.withheld:
            if good is not None:
                shared.put(name, good[0])
            else:
                shared.drop(name)
        else:
            if good is None or good[0] != outcome:
                acceptance.doubt(outcome, self.revision)
            if before != outcome:
                shared.put(name, outcome)
        self._dirty[shared] = None

    def _waits(self, resource: Resource) -> bool:
        """Whether a resource is to be judged before it is served; until then nothing changes."""
        acceptance = self.acceptance
        if resource in acceptance.pending:
            return True
        is_new = resource not in acceptance.unproven and resource not in acceptance.withheld
        if self._is_edit and is_new and self.must_wait(resource):
            acceptance.doubt(resource, self.revision)
            acceptance.pending[resource] = self.revision
            return True
        return False

    def _apply(self) -> None:
        """Bring unions and snapshots up to date with their slices, and wake those concerned."""
        groups = self._follow()
        for resource in self._superseded:
            self.acceptance.settle(resource, self.revision)
        self._superseded.clear()
        members = dict.fromkeys(self._moved)
        self._moved.clear()
        for group in groups:
            group.renew(self._snapshot(group.unions))
            members.update(group.members)
        for member in members:
            if member.wake is not None:
                member.wake()

    def _follow(self) -> dict[Group, None]:
        """Bring unions up to date with their slices; the groups that hold a union that changed."""
        edits: dict[Union, list[SharedSlice]] = {}
        for shared in self._dirty:
            if shared.updated or shared.removed:
                for union in shared.unions:
                    edits.setdefault(union, []).append(shared)
        groups: dict[Group, None] = {}
        for union, edited in edits.items():
            if union.follow(edited):
                groups.update(self._holders[union])
        for shared in self._dirty:
            shared.updated, shared.removed = {}, {}
        self._dirty.clear()
        return groups

    def _snapshot(self, unions: Mapping[str, Union]) -> Snapshot:
        by_type = {type_url: union.resources for type_url, union in unions.items()}
        return Snapshot(self.revision, by_type)

    def _move(self, member: Member) -> None:
        scope = self.database.outcome(scope_of.ref(member.node))
        if isinstance(scope, Failure) or scope == member.group.scope:
            return
        before = member.group
        member.group = self._group(scope, member.inline)
        member.group.members[member] = None
        self._idle.discard(member.group)
        self._retire(member, before)
        self._moved[member] = None

    def _group(self, scope: Scope, inline: bool) -> Group:
        group = self._groups.get((scope, inline))
        if group is not None:
            return group
        unions = {
            type_url: self._union(type_url, used)
            for type_url, used in resource_sets(scope, inline=inline).items()
        }
        group = Group(scope, inline, unions, self._snapshot(unions), [self.revision])
        for union in unions.values():
            self._holders[union][group] = None
        self._groups[scope, inline] = group
        return group

    def _union(self, type_url: str, used: tuple[ResourceSet, ...]) -> Union:
        union = self._unions.get(used)
        if union is None:
            slices = tuple(
                shared
                for resource_set in used
                for shared in self._slices_of_set(type_url, resource_set)
            )
            union = self._unions[used] = Union(type_url, used, slices)
            self._holders[union] = {}
        return union

    def _slices_of_set(self, type_url: str, resource_set: ResourceSet) -> tuple[SharedSlice, ...]:
        slices = self._slices.get(resource_set)
        if slices is None:
            listings = map(self._listing, resource_set.listings())
            slices = tuple(SharedSlice(type_url, resource_set, listing) for listing in listings)
            self._slices[resource_set] = slices
            self.makings.begin(slices)
            for shared in slices:
                self._add(shared, shared.listing.members)
        return slices

    def _listing(self, ref: QueryKey[Makers]) -> Listing:
        listing = self._listings.get(ref)
        if listing is None:
            listing = self._listings[ref] = Listing(ref)
            self.database.pin(ref)
        return listing

    def _retire(self, member: Member, group: Group) -> None:
        del group.members[member]
        if not group.members:
            self._idle.add(group)
            for oldest in self._idle.excess():
                self._dissolve(oldest)

    def _dissolve(self, group: Group) -> None:
        self._idle.discard(group)
        self._idle.note()
        del self._groups[group.scope, group.inline]
        for union in group.unions.values():
            holders = self._holders[union]
            del holders[group]
            if holders:
                continue
            del self._unions[union.resource_sets], self._holders[union]
            for shared in union.slices:
                del shared.unions[union]
                if not shared.unions:
                    self._forget(shared)

    def _forget(self, shared: SharedSlice) -> None:
        self.makings.end(shared)
        self._slices.pop(shared.resource_set, None)
        self._dirty.pop(shared, None)
        listing = shared.listing
        del listing.slices[shared]
        if not listing.slices:
            del self._listings[listing.ref]
            self.database.unpin(listing.ref)


def _never(_resource: Resource) -> bool:
    return False


def _name(resource: Resource) -> tuple[str, str]:
    return (resource.type_url, resource.name)
