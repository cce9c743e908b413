"""What is served of translated results: parts, each the members of one query, and tables, each a union of parts.

In: outcomes of the database, as edits of parts. Out: the snapshot of each table, edited only where its parts were. A part
belongs to many tables, a table to many groups of proxies, so that what they have in common is held and edited once.
"""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import QueryKey
from translators.model.resource import Resource
from translators.proxy import Members, Parts
from xds_server.ads.snapshot import EMPTY, Snapshot


class Part:
    """The members of a query that some table uses, and what is served of each.

    Attributes:
        ref: The query.
        type_url: The type of its resources.
        members: Name → the query that makes it.
        resources: Name → what is served.
        proven: Name → the last resource that a proxy took and that is served no more, with the revision it was current at.
        tables: The tables that use the part.
        updated: Name → what is served since the tables last followed.
        removed: The names that are served no more since then.
    """

    __slots__ = (
        "members",
        "proven",
        "ref",
        "removed",
        "resources",
        "tables",
        "type_url",
        "updated",
    )

    def __init__(self, ref: QueryKey[Members], type_url: str) -> None:
        self.ref = ref
        self.type_url = type_url
        self.members: dict[str, QueryKey[Resource]] = {}
        self.resources: dict[str, Resource] = {}
        self.proven: dict[str, tuple[Resource, int]] = {}
        self.tables: dict[Table, None] = {}
        self.updated: dict[str, Resource] = {}
        self.removed: dict[str, None] = {}

    def put(self, name: str, resource: Resource) -> None:
        """Serves a resource."""
        self.resources[name] = resource
        self.updated[name] = resource
        self.removed.pop(name, None)

    def drop(self, name: str) -> None:
        """Serves nothing under a name."""
        if self.resources.pop(name, None) is not None:
            self.updated.pop(name, None)
            self.removed[name] = None


class Table:
    """The resources of one type that some groups hold: the union of parts, which may share members."""

    __slots__ = ("parts", "refs", "snapshot", "type_url")

    def __init__(self, type_url: str, refs: Parts, parts: tuple[Part, ...]) -> None:
        self.type_url = type_url
        self.refs = refs
        self.parts = parts
        resources = {name: made for part in parts for name, made in part.resources.items()}
        self.snapshot: Snapshot = EMPTY[type_url].edit(resources)
        for part in parts:
            part.tables[self] = None

    def follow(self, edited: Iterable[Part]) -> bool:
        """Takes over the edits of these of its parts; whether anything differs."""
        updated: dict[str, Resource] = {}
        gone: dict[str, None] = {}
        for part in edited:
            updated.update(part.updated)
            gone.update(part.removed)
        removed = [name for name in gone if not self._serves(name)]
        before = self.snapshot
        self.snapshot = before.edit(updated, removed)
        return self.snapshot is not before

    def _serves(self, name: str) -> bool:
        return any(name in part.resources for part in self.parts)
