"""From the database to what streams are sent: parts, tables and views.

Edits of inputs come in as commits. A commit settles the database, turns the changed results into edits of the parts that own
them, applies those to the tables (one per type and set of parts) and gives every group of proxies whose tables changed a new
view. Cost follows the changed results and the groups that hold them, never the size of the mesh.

A group is all proxies with equal scopes on one wire. A few groups stay after their last proxy left, so that a reconnect finds
them ready.

Every resource that was made and not yet ACKed by anyone is unproven. A resource that was refused is held: wherever it
would be served, the last proven one of the same name is served instead, or none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from translators.database import Database, Failure, QueryKey
from translators.model.proxy_node import ProxyNode
from translators.model.resource import Resource
from translators.object_key import ObjectKey
from translators.proxy import Family, Members, Scope, families, scope
from translators.proxy import Member as Listed
from xds_server.ads.snapshot import View
from xds_server.groups import Group, Member
from xds_server.tables import Listing, Part, Table

IDLE_GROUPS = 8


class TranslationObserver(Protocol):
    """Who is told when a query raised: our own bug, so it is logged with its traceback and counted."""

    def translation_failed(self, failure: Failure) -> None:
        """A resource could not be made; what was served under its name stays."""


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
    listing: QueryKey[Members]
    good: Resource | None
    since: int


class Publisher:
    """Holds the database; takes commits; gives proxies their views.

    Attributes:
        revision: The newest revision; 0 before the first commit.
        unproven: Resources made and not ACKed by anyone yet, with the revision that made them.
        held: Refused resources; never served while they are here.
        observer: Who is told of failures; None: nobody.
    """

    def __init__(self, database: Database, observer: TranslationObserver | None = None) -> None:
        self.database = database
        self.revision = 0
        self.unproven: dict[Resource, int] = {}
        self.held: set[Resource] = set()
        self.observer = observer
        self._listings: dict[QueryKey[object], Listing] = {}
        self._parts: dict[Family, tuple[Part, ...]] = {}
        self._parts_of: dict[str, dict[Part, None]] = {}
        self._owners: dict[QueryKey[object], dict[Part, str]] = {}
        self._tables: dict[tuple[Family, ...], Table] = {}
        self._holders: dict[Table, dict[Group, None]] = {}
        self._groups: dict[tuple[Scope, bool], Group] = {}
        self._idle: dict[Group, None] = {}
        self._nodes: dict[QueryKey[object], dict[Member, None]] = {}
        self._dirty: dict[Part, None] = {}
        self._moved: dict[Member, None] = {}
        self._superseded: set[Resource] = set()

    def commit(
        self, values: Mapping[ObjectKey, object], removed: Collection[ObjectKey] = ()
    ) -> bool:
        """Sets and removes inputs as one revision; False when nothing differs from what is there, and then there is none."""
        revision = self.revision + 1
        changed = False
        for key, value in values.items():
            changed |= self.database.set(key, value, revision)
        for key in removed:
            changed |= self.database.remove(key, revision)
        if changed:
            self.revision = revision
            self._settle()
        return changed

    def touch(self) -> None:
        """A revision of its own for an edit that changes nothing in the world."""
        self.revision += 1

    def join(self, node: ProxyNode, *, inline: bool) -> Member:
        """Makes the proxy a member of its group; translates what nobody holds yet."""
        ref = scope.ref(node)
        self.database.hold(ref)
        found = scope(self.database, node)
        member = Member(node, inline, self._group(found, inline), self.leave)
        member.group.members[member] = None
        self._idle.pop(member.group, None)
        self._nodes.setdefault(ref, {})[member] = None
        self._settle()
        return member

    def leave(self, member: Member) -> None:
        """Ends a membership; harmless when it ended before."""
        ref = scope.ref(member.node)
        members = self._nodes.get(ref, {})
        if member not in members:
            return
        del members[member]
        self.database.release(ref)
        if not members:
            del self._nodes[ref]
        self._retire(member, member.group)

    def groups(self) -> Iterator[Group]:
        """Every group, also idle ones."""
        return iter(self._groups.values())

    def hold(self, resources: Iterable[Resource]) -> None:
        """Stops serving these very bytes; what was last proven takes their place."""
        self._reconsider(set(resources) - self.held, hold=True)

    def release(self, resources: Iterable[Resource]) -> None:
        """Serves resources again that were held."""
        self._reconsider(set(resources) & self.held, hold=False)

    def making(self, resource: Resource) -> tuple[Making, ...]:
        """How this very resource is made now, held or not; several ways when scopes differ."""
        found: dict[QueryKey[Resource], Making] = {}
        for part in self._parts_of.get(resource.type_url, ()):
            ref = part.members.get(resource.name)
            if ref is None or ref in found or self.database.outcome(ref) != resource:
                continue
            good, since = part.proven.get(resource.name, (None, 0))
            found[ref] = Making(ref, part.listing.ref, good, since)
        return tuple(found.values())

    def current(self, type_url: str, name: str) -> tuple[Resource, ...]:
        """What is made under this name now, held or not; several when scopes differ."""
        made: dict[Resource, None] = {}
        for part in self._parts_of.get(type_url, ()):
            ref = part.members.get(name)
            outcome = self.database.outcome(ref) if ref is not None else None
            if isinstance(outcome, Resource):
                made[outcome] = None
        return tuple(made)

    def _reconsider(self, resources: set[Resource], *, hold: bool) -> None:
        if not resources:
            return
        self.revision += 1
        if hold:
            self.held |= resources
        else:
            self.held -= resources
        for resource in sorted(resources, key=_name):
            for part in self._parts_of.get(resource.type_url, ()):
                if resource.name in part.members:
                    self._refresh(part, resource.name)
        self._apply()

    def _settle(self) -> None:
        """Takes over all changed results, until none is left, and gives the groups their new views."""
        while changed := self.database.settle():
            for ref in changed:
                if ref in self._listings:
                    self._relist(self._listings[ref])
                elif ref in self._owners:
                    for part, name in list(self._owners[ref].items()):
                        self._refresh(part, name)
                elif ref in self._nodes:
                    for member in list(self._nodes[ref]):
                        self._move(member)
        self._apply()

    def _relist(self, listing: Listing) -> None:
        outcome = self.database.outcome(listing.ref)
        if isinstance(outcome, Failure):
            self._failed(outcome)
            return
        gone, fresh = listing.follow(outcome)
        for part in listing.parts:
            for name in gone:
                self._remove(part, name)
            self._add(part, fresh)

    def _add(self, part: Part, fresh: Mapping[str, Listed]) -> None:
        """Has a part follow the queries that make these members, which are new to it or made by other queries now."""
        shared: list[str] = []
        for name, member in fresh.items():
            if name in part.members:
                self._disown(part, part.members[name])
            ref = part.members[name] = part.family.ref(member)
            self.database.hold(ref)
            owners = self._owners.setdefault(ref, {})
            if owners:
                shared.append(name)
            owners[part] = name
        self._dirty[part] = None
        # What another part holds already is not reported as changed.
        for name in shared:
            self._refresh(part, name)

    def _remove(self, part: Part, name: str) -> None:
        self._disown(part, part.members.pop(name))
        part.proven.pop(name, None)
        part.drop(name)
        self._dirty[part] = None

    def _disown(self, part: Part, ref: QueryKey[Resource]) -> None:
        owners = self._owners[ref]
        del owners[part]
        if not owners:
            del self._owners[ref]
        self.database.release(ref)

    def _refresh(self, part: Part, name: str) -> None:
        """Serves the present outcome of a member's query, unless it failed or is held."""
        outcome = self.database.outcome(part.members[name])
        if isinstance(outcome, Failure):
            self._failed(outcome)
            return
        before, good = part.resources.get(name), part.proven.get(name)
        if before is not None and before != outcome:
            if before in self.unproven:
                self._superseded.add(before)
            elif good is None or good[0] != before:
                good = part.proven[name] = (before, self.revision - 1)
        if outcome in self.held:
            if good is not None:
                part.put(name, good[0])
            else:
                part.drop(name)
        else:
            if good is None or good[0] != outcome:
                self.unproven.setdefault(outcome, self.revision)
            if before != outcome:
                part.put(name, outcome)
        self._dirty[part] = None

    def _apply(self) -> None:
        """Brings tables and views up to date with their parts and wakes the proxies concerned."""
        groups = self._follow()
        for resource in self._superseded:
            self.unproven.pop(resource, None)
        self._superseded.clear()
        members = dict.fromkeys(self._moved)
        self._moved.clear()
        for group in groups:
            self._renew(group)
            members.update(group.members)
        for member in members:
            if member.wake is not None:
                member.wake()

    def _follow(self) -> dict[Group, None]:
        """Brings tables up to date with their parts; the groups that hold a table that changed."""
        edits: dict[Table, list[Part]] = {}
        for part in self._dirty:
            if part.updated or part.removed:
                for table in part.tables:
                    edits.setdefault(table, []).append(part)
        groups: dict[Group, None] = {}
        for table, edited in edits.items():
            if table.follow(edited):
                groups.update(self._holders[table])
        for part in self._dirty:
            part.updated, part.removed = {}, {}
        self._dirty.clear()
        return groups

    def _failed(self, failure: Failure) -> None:
        if self.observer is not None:
            self.observer.translation_failed(failure)

    def _renew(self, group: Group) -> None:
        snapshots = {type_url: table.snapshot for type_url, table in group.tables.items()}
        group.renew(View(self.revision, snapshots))

    def _move(self, member: Member) -> None:
        found = self.database.outcome(scope.ref(member.node))
        if isinstance(found, Failure):
            self._failed(found)
            return
        if found == member.group.scope:
            return
        before = member.group
        member.group = self._group(found, member.inline)
        member.group.members[member] = None
        self._idle.pop(member.group, None)
        self._retire(member, before)
        self._moved[member] = None

    def _group(self, found: Scope, inline: bool) -> Group:
        group = self._groups.get((found, inline))
        if group is not None:
            return group
        tables = {
            type_url: self._table(type_url, used)
            for type_url, used in families(found, inline=inline).items()
        }
        snapshots = {type_url: table.snapshot for type_url, table in tables.items()}
        group = Group(found, inline, tables, View(self.revision, snapshots), [self.revision])
        for table in tables.values():
            self._holders[table][group] = None
        self._groups[found, inline] = group
        return group

    def _table(self, type_url: str, used: tuple[Family, ...]) -> Table:
        table = self._tables.get(used)
        if table is None:
            found = [part for family in used for part in self._parts_of_family(type_url, family)]
            table = self._tables[used] = Table(type_url, used, tuple(found))
            self._holders[table] = {}
        return table

    def _parts_of_family(self, type_url: str, family: Family) -> tuple[Part, ...]:
        found = self._parts.get(family)
        if found is None:
            listings = map(self._listing, family.listings())
            found = tuple(Part(type_url, family, listing) for listing in listings)
            self._parts[family] = found
            self._parts_of.setdefault(type_url, {}).update(dict.fromkeys(found))
            for part in found:
                self._add(part, part.listing.members)
        return found

    def _listing(self, ref: QueryKey[Members]) -> Listing:
        listing = self._listings.get(ref)
        if listing is None:
            listing = self._listings[ref] = Listing(ref)
            self.database.hold(ref)
        return listing

    def _retire(self, member: Member, group: Group) -> None:
        del group.members[member]
        if not group.members:
            self._idle[group] = None
            if len(self._idle) > IDLE_GROUPS:
                self._dissolve(next(iter(self._idle)))

    def _dissolve(self, group: Group) -> None:
        del self._idle[group]
        del self._groups[group.scope, group.inline]
        for table in group.tables.values():
            holders = self._holders[table]
            del holders[group]
            if holders:
                continue
            del self._tables[table.families], self._holders[table]
            for part in table.parts:
                del part.tables[table]
                if not part.tables:
                    self._forget(part)

    def _forget(self, part: Part) -> None:
        for ref in part.members.values():
            self._disown(part, ref)
        self._parts.pop(part.family, None)
        del self._parts_of[part.type_url][part]
        self._dirty.pop(part, None)
        listing = part.listing
        del listing.parts[part]
        if not listing.parts:
            del self._listings[listing.ref]
            self.database.release(listing.ref)


def _name(resource: Resource) -> tuple[str, str]:
    return (resource.type_url, resource.name)
