"""Immutable sets of resources of one type: what a stream was sent is a pointer to one.

In: resources by name, as edits of an earlier set. Out: pointers that streams hold, and the
differences between two.

* A set never changes; `edit` gives the next one. Two sets are compared by identity, never by
  content.
* Each set knows which names were edited on the way to it, so a difference costs what changed, not
  what there is.
* A difference hangs on both sets and dies with either. It does not keep the older one alive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from types import MappingProxyType
from weakref import WeakKeyDictionary

from translators.codec.discovery import sotw_resource, sotw_response_body
from translators.model.resource import Resource
from translators.resource_types import TYPES
from xds_server.ads.blank import blank
from xds_server.ads.diff import Diff, Response, needed
from xds_server.ads.lineage import EditLog, Lineage

_DIFFS_KEPT = 64


class Resources:
    """A set of resources of one type.

    Attributes:
        type_url: The type.
        by_name: Name → resource; never to be changed.
        missing: Names that were asked for and are not there; only in what a named subscription
            selects.
    """

    __slots__ = (
        "__weakref__",
        "_diffs",
        "_digest",
        "_edits",
        "_filled",
        "_full",
        "_merged",
        "_needed",
        "_needing",
        "by_name",
        "missing",
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
        self._edits = _edits or EditLog(None, (), Lineage())
        self._digest: int | None = None
        self._diffs: WeakKeyDictionary[Resources, Diff] | None = None
        self._merged: WeakKeyDictionary[Resources, Resources] | None = None
        self._filled: tuple[frozenset[str], Resources] | None = None
        self._full: Response | None = None
        self._needed: dict[str, frozenset[str]] = {}
        self._needing: dict[str, frozenset[str]] = {}

    def __len__(self) -> int:
        return len(self.by_name)

    @property
    def lineage(self) -> Lineage[Resources]:
        """The line of edits that the set belongs to."""
        return self._edits.lineage

    def edit(
        self,
        updated: Mapping[str, Resource],
        removed: Collection[str] = (),
        missing: frozenset[str] | None = None,
    ) -> Resources:
        """Give the set after an edit; this very one when nothing differs.

        `missing` None keeps what was missing.
        """
        own = self.by_name
        changed = {name: after for name, after in updated.items() if own.get(name) != after}
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
        """Give the names edited between an earlier or sibling set and this one.

        None when that is not known any more.
        """
        return self._edits.edited_since(old._edits)

    def diff_from(self, old: Resources) -> Diff:
        """Give what leads from the other set to this one; made once."""
        if self._diffs is None or len(self._diffs) > _DIFFS_KEPT:
            self._diffs = WeakKeyDictionary()
        diff = self._diffs.get(old)
        if diff is None:
            diff = self._diffs[old] = self._difference(old)
        return diff

    def _difference(self, old: Resources) -> Diff:
        if old is self:
            return Diff(self.type_url, (), ())
        before, after = old.by_name, self.by_name
        edited = self.edited_since(old)
        if edited is None or len(edited) > len(after):
            changed = [
                new
                for name, new in after.items()
                if (known := before.get(name)) is not new
                and (known is None or known.version != new.version)
            ]
            removed = [name for name in before if name not in after]
            return Diff(self.type_url, tuple(changed), tuple(removed))
        changed, removed = [], []
        for name in edited:
            new, known = after.get(name), before.get(name)
            if new is None:
                if known is not None:
                    removed.append(name)
            elif known is None or known.version != new.version:
                changed.append(new)
        return Diff(self.type_url, tuple(changed), tuple(removed))

    def over(self, old: Resources) -> Resources:
        """Give everything of this set and whatever else the other one has.

        That is what a client can hold while it changes over.
        """
        if self._merged is None or len(self._merged) > _DIFFS_KEPT:
            self._merged = WeakKeyDictionary()
        merged = self._merged.get(old)
        if merged is None:
            diff = self.diff_from(old)
            merged = old.edit({new.name: new for new in diff.changed}) if diff.removed else self
            # Else it would keep itself.
            if merged is not old and merged is not self:
                self._merged[old] = merged
        return merged

    def filled(self, names: frozenset[str]) -> Resources:
        """Put an empty resource under each of these missing names."""
        if self._filled is None or self._filled[0] != names:
            blanks = {name: blank(self.type_url, name) for name in sorted(names)}
            self._filled = (names, self.edit(blanks))
        return self._filled[1]

    def needed(self, type_url: str) -> frozenset[str]:
        """The names of a type that a holder of these resources asks for."""
        names = self._needed.get(type_url)
        if names is None:
            names = self._needed[type_url] = needed(self.by_name.values(), type_url)
        return names

    def needing(self, type_url: str) -> frozenset[str]:
        """The names of these resources that make a holder ask for any of a type."""
        names = self._needing.get(type_url)
        if names is None:
            names = self._needing[type_url] = frozenset(
                [
                    name
                    for name, parent in self.by_name.items()
                    if any(need.type_url == type_url for need in parent.needs)
                ]
            )
        return names

    @property
    def version(self) -> str:
        """A name for the content: equal sets of resources have equal versions, in every process."""
        if self._digest is None:
            self._digest = sum(map(_fingerprint, self.by_name.values()))
        return f"{self._digest % (1 << 64):016x}"

    def full(self) -> Response:
        """Give the SotW response with every resource."""
        if self._full is None:
            parts = [sotw_resource(self.type_url, part.body) for part in self.by_name.values()]
            body = sotw_response_body(parts, self.type_url, self.version)
            self._full = Response(tuple(self.by_name.values()), (), body, self.version)
        return self._full


def _fingerprint(part: Resource) -> int:
    """Give a number of which sums identify sets, whatever the order in which they were made."""
    text = f"{part.name}\0{part.version}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


EMPTY: Mapping[str, Resources] = MappingProxyType(
    {known.url: Resources(known.url) for known in TYPES}
)
"""Type URL → the set with nothing in it, of each type that the translators make."""
