"""Snapshots: for each type the resources that some proxies are to hold at one revision, consistent with each other."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from xds_server.ads.resources import EMPTY, Resources

_CHANGES_KEPT = 64
_serials = itertools.count(1)


class Snapshot:
    """The consistent sets that one group of proxies is to hold at one revision.

    Attributes:
        revision: The newest revision whose changes are in it.
        snapshots: Type URL → what of that type there is; a type that is absent has nothing.
    """

    __slots__ = ("_absent", "_changed", "_serial", "by_type", "revision")

    def __init__(self, revision: int, snapshots: Mapping[str, Resources]) -> None:
        self.revision = revision
        self.by_type = snapshots
        self._serial = next(_serials)
        self._changed: dict[int, frozenset[str]] = {}
        self._absent: dict[str, Resources] = {}

    def resources(self, type_url: str) -> Resources:
        """What there is of a type."""
        found = self.by_type.get(type_url)
        if found is None:
            found = self._absent.get(type_url, EMPTY.get(type_url))
            if found is None:
                found = self._absent[type_url] = Resources(type_url)
        return found

    def with_own(self, own: Mapping[str, Resources]) -> Snapshot:
        """This snapshot with resources of further types, which are one proxy's alone."""
        return Snapshot(self.revision, {**self.by_type, **own})

    def changed_since(self, old: Snapshot) -> frozenset[str]:
        """The types whose snapshots differ."""
        found = self._changed.get(old._serial)
        if found is None:
            types = {**old.by_type, **self.by_type}
            found = frozenset(
                [each for each in types if old.by_type.get(each) is not self.by_type.get(each)]
            )
            if len(self._changed) >= _CHANGES_KEPT:
                self._changed.clear()
            self._changed[old._serial] = found
        return found
