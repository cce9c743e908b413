"""Snapshots: of each type the resources that some proxies are to hold at one revision."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from weakref import WeakValueDictionary

from xds_server.ads.resources import EMPTY, Resources

_CHANGES_KEPT = 64
_serials = itertools.count(1)
# One empty set for each type that clients ask for and nobody makes, for as long as any asks.
_absent: WeakValueDictionary[str, Resources] = WeakValueDictionary()


class Snapshot:
    """The consistent sets that one group of proxies is to hold at one revision.

    Attributes:
        revision: The newest revision whose changes are in it.
        by_type: Type URL → what of that type there is; a type that is absent has nothing.
    """

    __slots__ = ("_changed", "_serial", "by_type", "revision")

    def __init__(self, revision: int, by_type: Mapping[str, Resources]) -> None:
        self.revision = revision
        self.by_type = by_type
        self._serial = next(_serials)
        self._changed: dict[int, frozenset[str]] = {}

    def resources(self, type_url: str) -> Resources:
        """Give what there is of a type."""
        resources = self.by_type.get(type_url)
        if resources is None:
            resources = EMPTY.get(type_url, _absent.get(type_url))
            if resources is None:
                resources = _absent[type_url] = Resources(type_url)
        return resources

    def with_own(self, own: Mapping[str, Resources]) -> Snapshot:
        """This snapshot with resources of further types, which are one proxy's alone."""
        return Snapshot(self.revision, {**self.by_type, **own})

    def changed_since(self, old: Snapshot) -> frozenset[str]:
        """Give the types whose resources differ."""
        changed = self._changed.get(old._serial)
        if changed is None:
            types = {**old.by_type, **self.by_type}
            changed = frozenset(
                [url for url in types if old.by_type.get(url) is not self.by_type.get(url)]
            )
            if len(self._changed) >= _CHANGES_KEPT:
                self._changed.clear()
            self._changed[old._serial] = changed
        return changed
