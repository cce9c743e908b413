"""Immutable sets of resources of one type: what a stream was sent is a pointer to one.

In: resources by name, as edits of an earlier set. Out: pointers that streams hold, and the differences between two.

* A set never changes; `edit` gives the next one. Two sets are compared by identity, never by content.
* Each set knows which names were edited on the way to it, so a difference costs what changed, not what there is.
* A difference hangs on the set that it leads to and dies with it. It does not keep the older one alive.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Mapping
from types import MappingProxyType

from translators.codec.discovery import sotw_resource, sotw_response_body
from translators.codec.wire import string
from translators.model.resource import Resource, resource
from translators.resource_types import TYPES
from xds_server.ads.diff import Diff, Response
from xds_server.ads.lineage import EditLog, Lineage

_DIFFS_KEPT = 64
_serials = itertools.count(1)


class Resources:
    """A set of resources of one type.

    Attributes:
        type_url: The type.
        by_name: Name → resource; never to be changed.
        missing: Names that were asked for and are not there; only in what a named subscription selects.
        serial: Identifies the snapshot among all of this process.
    """

    __slots__ = (
        "__weakref__",
        "_diffs",
        "_digest",
        "_edits",
        "_full",
        "_merged",
        "_needed",
        "_needing",
        "by_name",
        "missing",
        "serial",
        "type_url",
    )  # fmt: skip

    def __init__(
        self,
        type_url: str,
        by_name: Mapping[str, Resource] = MappingProxyType({}),
        missing: frozenset[str] = frozenset(),
        _edits: EditLog[Resources] | None = None,
    ) -> None:
        self.type_url = type_url
        self.by_name = by_name
        self.missing = missing
        self.serial = next(_serials)
        self._edits = _edits or EditLog(None, (), Lineage())
        self._digest: int | None = None
        self._diffs: dict[int, Diff] = {}
        self._merged: dict[tuple[int, frozenset[str]], Resources] = {}
        self._full: Response | None = None
        self._needed: frozenset[str] | None = None
        self._needing: frozenset[str] | None = None

    def __len__(self) -> int:
        return len(self.by_name)

    @property
    def lineage(self) -> Lineage[Resources]:
        """The line of edits that the snapshot belongs to."""
        return self._edits.lineage

    def edit(
        self,
        updated: Mapping[str, Resource],
        removed: Collection[str] = (),
        missing: frozenset[str] | None = None,
    ) -> Resources:
        """The snapshot after an edit; this very one when nothing differs. ``missing`` None keeps what was missing."""
        own = self.by_name
        changed = {name: found for name, found in updated.items() if own.get(name) != found}
        gone = [name for name in removed if name in own and name not in updated]
        missing = self.missing if missing is None else missing
        if not changed and not gone and missing == self.missing:
            return self
        resources = {**own, **changed}
        for name in gone:
            del resources[name]
        edited = (*changed, *gone)
        edits = EditLog(self._edits, edited, self._edits.lineage) if own else None
        result = Resources(self.type_url, resources, missing, edits)
        if self._digest is not None:
            result._digest = self._digest + sum(map(_fingerprint, changed.values()))
            result._digest -= sum([_fingerprint(own[name]) for name in edited if name in own])
        return result

    def edited_since(self, old: Resources) -> Collection[str] | None:
        """The names edited between an earlier (or sibling) snapshot and this one; None when that is not known any more."""
        return self._edits.edited_since(old._edits)

    def diff_from(self, old: Resources) -> Diff:
        """What leads from the other snapshot to this one; made once."""
        found = self._diffs.get(old.serial)
        if found is None:
            if len(self._diffs) >= _DIFFS_KEPT:
                del self._diffs[next(iter(self._diffs))]
            found = self._diffs[old.serial] = self._difference(old)
        return found

    def _difference(self, old: Resources) -> Diff:
        if old is self:
            return Diff(self.type_url, (), ())
        before, after = old.by_name, self.by_name
        edited = self.edited_since(old)
        if edited is None or len(edited) > len(after):
            changed = [
                found
                for name, found in after.items()
                if (known := before.get(name)) is not found
                and (known is None or known.version != found.version)
            ]
            removed = [name for name in before if name not in after]
            return Diff(self.type_url, tuple(changed), tuple(removed))
        changed, removed = [], []
        for name in edited:
            found, known = after.get(name), before.get(name)
            if found is None:
                if known is not None:
                    removed.append(name)
            elif known is None or known.version != found.version:
                changed.append(found)
        return Diff(self.type_url, tuple(changed), tuple(removed))

    def over(self, old: Resources) -> Resources:
        """Everything of this snapshot and whatever else the other one has: what a client can hold while it changes over."""
        key = (old.serial, frozenset[str]())
        found = self._merged.get(key)
        if found is None:
            diff = self.diff_from(old)
            found = (
                self if not diff.removed else old.edit({each.name: each for each in diff.changed})
            )
            self._merge(key, found)
        return found

    def filled(self, names: frozenset[str]) -> Resources:
        """This snapshot with an empty resource under each of these missing names."""
        key = (0, names)
        found = self._merged.get(key)
        if found is None:
            blanks = {name: blank(self.type_url, name) for name in sorted(names)}
            found = self._merge(key, self.edit(blanks))
        return found

    def _merge(self, key: tuple[int, frozenset[str]], found: Resources) -> Resources:
        if len(self._merged) >= _DIFFS_KEPT:
            del self._merged[next(iter(self._merged))]
        self._merged[key] = found
        return found

    @property
    def needed(self) -> frozenset[str]:
        """Names of the next type that a holder of these resources asks for."""
        if self._needed is None:
            self._needed = frozenset(
                [need for found in self.by_name.values() for need in found.needs]
            )
        return self._needed

    @property
    def needing(self) -> frozenset[str]:
        """Names of the resources that need any of the next type."""
        if self._needing is None:
            self._needing = frozenset([name for name, found in self.by_name.items() if found.needs])
        return self._needing

    @property
    def version(self) -> str:
        """A name for the content: equal sets of resources have equal versions, in every process."""
        if self._digest is None:
            self._digest = sum(map(_fingerprint, self.by_name.values()))
        return f"{self._digest % (1 << 64):016x}"

    def full(self) -> Response:
        """The SotW response with every resource."""
        if self._full is None:
            parts = [sotw_resource(self.type_url, found.body) for found in self.by_name.values()]
            body = sotw_response_body(parts, self.type_url, self.version)
            self._full = Response(tuple(self.by_name.values()), (), body, self.version)
        return self._full


def _fingerprint(found: Resource) -> int:
    """Sums of these identify sets, whatever the order in which they were made."""
    text = f"{found.name}\0{found.version}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def blank(type_url: str, name: str) -> Resource:
    """A resource that only says its name: a ClusterLoadAssignment without endpoints, a RouteConfiguration without hosts."""
    return resource(type_url, name, string(1, name))


EMPTY: Mapping[str, Resources] = MappingProxyType(
    {known.url: Resources(known.url) for known in TYPES}
)
"""Type URL → the snapshot with nothing in it, of each type that the translators make."""
