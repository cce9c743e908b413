"""Immutable sets of resources, the steps between them and the response bytes of those steps, all made once and shared.

In: resources by name, as edits of an earlier snapshot. Out: pointers that streams hold, and bytes that streams send.

* A snapshot never changes; ``edit`` gives the next one. Two snapshots are compared by identity, never by content.
* Each snapshot knows which names were edited on the way to it, so a step costs what changed, not what there is.
* A step hangs on the snapshot that it leads to and dies with it. It does not keep the older one alive.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from translators.codec.discovery import delta_response_body, sotw_resource, sotw_response_body
from translators.codec.wire import string
from translators.model.resource import Resource, resource
from translators.resource_types import TYPES, resource_type
from xds_server.ads.trail import Series, Trail

DEFAULT_RESPONSE_BYTES = 3_500_000
"""A delta response is split above this size; clients commonly take no message of more than 4 MiB."""

_STEPS_KEPT = 64
_serials = itertools.count(1)


class Response:
    """One message's worth of a step, without the nonce that makes it a stream's own.

    Attributes:
        changed: The resources in it.
        removed: The names that it takes away.
        body: The encoded response but for its nonce.
        version: What a SotW client will name when it accepts it; empty for delta.
        is_accepted: Whether some client has accepted it; for observers.
    """

    __slots__ = ("body", "changed", "is_accepted", "removed", "version")

    def __init__(
        self,
        changed: tuple[Resource, ...],
        removed: tuple[str, ...],
        body: bytes,
        version: str = "",
    ) -> None:
        self.changed = changed
        self.removed = removed
        self.body = body
        self.version = version
        self.is_accepted = False

    def names_in(self, known: Snapshot) -> list[str]:
        """The names that it changes or takes away and that are just so in a snapshot."""
        resources = known.resources
        return [
            *[found.name for found in self.changed if resources.get(found.name) == found],
            *[name for name in self.removed if name not in resources],
        ]

    def differs(self, goal: Snapshot) -> bool:
        """Whether any of it is something else in a snapshot."""
        return len(self.names_in(goal)) < len(self.changed) + len(self.removed)


class Step:
    """What leads from one snapshot to another.

    Attributes:
        type_url: The type of its resources.
        changed: Resources that are new or have another version.
        removed: Names that are gone.
    """

    __slots__ = (
        "_delta",
        "_extended",
        "_names",
        "_needs",
        "_partial",
        "changed",
        "removed",
        "type_url",
    )

    def __init__(
        self, type_url: str, changed: tuple[Resource, ...], removed: tuple[str, ...]
    ) -> None:
        self.type_url = type_url
        self.changed = changed
        self.removed = removed
        self._names: frozenset[str] | None = None
        self._needs: frozenset[str] | None = None
        self._delta: tuple[int, tuple[Response, ...]] | None = None
        self._partial: dict[str, Response] = {}
        self._extended: dict[tuple[tuple[Resource, ...], tuple[str, ...]], Step] = {}

    @property
    def tells_nothing(self) -> bool:
        """Whether a delta client need not hear of it."""
        return not self.changed and not (self.removed and self._may_remove)

    @property
    def _may_remove(self) -> bool:
        return not resource_type(self.type_url).is_never_removed

    @property
    def names(self) -> frozenset[str]:
        """The names of the changed resources."""
        if self._names is None:
            self._names = frozenset([resource.name for resource in self.changed])
        return self._names

    @property
    def needs(self) -> frozenset[str]:
        """What the changed resources make a client ask for."""
        if self._needs is None:
            self._needs = frozenset([need for found in self.changed for need in found.needs])
        return self._needs

    def including(self, extra: tuple[Resource, ...], gone: tuple[str, ...]) -> Step:
        """This step with more resources and removals, which must not be in it already."""
        if not extra and not gone:
            return self
        key = (extra, gone)
        found = self._extended.get(key)
        if found is None:
            found = Step(self.type_url, self.changed + extra, self.removed + gone)
            if len(self._extended) >= _STEPS_KEPT:
                self._extended.clear()
            self._extended[key] = found
        return found

    def delta(self, limit_bytes: int = DEFAULT_RESPONSE_BYTES) -> tuple[Response, ...]:
        """The delta responses that take the step, in order; one with nothing in it when there is nothing to say."""
        if self._delta is None or self._delta[0] != limit_bytes:
            self._delta = (limit_bytes, tuple(self._split(limit_bytes)))
        return self._delta[1]

    def _split(self, limit_bytes: int) -> Iterable[Response]:
        removed = self.removed if self._may_remove else ()
        if sum([len(found.part) for found in self.changed]) <= limit_bytes:
            yield self._response(self.changed, removed)
            return
        some: list[Resource] = []
        size = 0
        for found in self.changed:
            if some and size + len(found.part) > limit_bytes:
                yield self._response(tuple(some), ())
                some, size = [], 0
            some.append(found)
            size += len(found.part)
        yield self._response(tuple(some), removed)

    def _response(self, changed: tuple[Resource, ...], removed: tuple[str, ...]) -> Response:
        body = delta_response_body([found.part for found in changed], self.type_url, removed)
        return Response(changed, removed, body)

    def partial(self, version: str) -> Response:
        """The SotW response with the changed resources only, for types of which a response need not be complete."""
        found = self._partial.get(version)
        if found is None:
            parts = [sotw_resource(self.type_url, changed.body) for changed in self.changed]
            body = sotw_response_body(parts, self.type_url, version)
            found = self._partial[version] = Response(self.changed, (), body, version)
        return found


class Snapshot:
    """A set of resources of one type.

    Attributes:
        type_url: The type.
        resources: Name → resource; never to be changed.
        missing: Names that were asked for and are not there; only in what a named subscription selects.
        serial: Identifies the snapshot among all of this process.
    """

    __slots__ = (
        "__weakref__", "_digest", "_full", "_merged", "_needed", "_needing", "_steps", "_trail",
        "missing", "resources", "serial", "type_url",
    )  # fmt: skip

    def __init__(
        self,
        type_url: str,
        resources: Mapping[str, Resource] = MappingProxyType({}),
        missing: frozenset[str] = frozenset(),
        _trail: Trail | None = None,
    ) -> None:
        self.type_url = type_url
        self.resources = resources
        self.missing = missing
        self.serial = next(_serials)
        self._trail = _trail or Trail(None, (), Series())
        self._digest: int | None = None
        self._steps: dict[int, Step] = {}
        self._merged: dict[tuple[int, frozenset[str]], Snapshot] = {}
        self._full: Response | None = None
        self._needed: frozenset[str] | None = None
        self._needing: frozenset[str] | None = None

    def __len__(self) -> int:
        return len(self.resources)

    @property
    def series(self) -> Series:
        """The line of edits that the snapshot belongs to."""
        return self._trail.series

    def edit(
        self,
        updated: Mapping[str, Resource],
        removed: Collection[str] = (),
        missing: frozenset[str] | None = None,
    ) -> Snapshot:
        """The snapshot after an edit; this very one when nothing differs. ``missing`` None keeps what was missing."""
        own = self.resources
        changed = {name: found for name, found in updated.items() if own.get(name) != found}
        gone = [name for name in removed if name in own and name not in updated]
        missing = self.missing if missing is None else missing
        if not changed and not gone and missing == self.missing:
            return self
        resources = {**own, **changed}
        for name in gone:
            del resources[name]
        edited = (*changed, *gone)
        trail = Trail(self._trail, edited, self._trail.series) if own else None
        result = Snapshot(self.type_url, resources, missing, trail)
        if self._digest is not None:
            result._digest = self._digest + sum(map(_fingerprint, changed.values()))
            result._digest -= sum([_fingerprint(own[name]) for name in edited if name in own])
        return result

    def edited_since(self, old: Snapshot) -> Collection[str] | None:
        """The names edited between an earlier (or sibling) snapshot and this one; None when that is not known any more."""
        return self._trail.edited_since(old._trail)

    def step_from(self, old: Snapshot) -> Step:
        """What leads from the other snapshot to this one; made once."""
        found = self._steps.get(old.serial)
        if found is None:
            if len(self._steps) >= _STEPS_KEPT:
                del self._steps[next(iter(self._steps))]
            found = self._steps[old.serial] = self._difference(old)
        return found

    def _difference(self, old: Snapshot) -> Step:
        if old is self:
            return Step(self.type_url, (), ())
        before, after = old.resources, self.resources
        edited = self.edited_since(old)
        if edited is None or len(edited) > len(after):
            changed = [
                found
                for name, found in after.items()
                if (known := before.get(name)) is not found
                and (known is None or known.version != found.version)
            ]
            removed = [name for name in before if name not in after]
            return Step(self.type_url, tuple(changed), tuple(removed))
        changed, removed = [], []
        for name in edited:
            found, known = after.get(name), before.get(name)
            if found is None:
                if known is not None:
                    removed.append(name)
            elif known is None or known.version != found.version:
                changed.append(found)
        return Step(self.type_url, tuple(changed), tuple(removed))

    def over(self, old: Snapshot) -> Snapshot:
        """Everything of this snapshot and whatever else the other one has: what a client can hold while it changes over."""
        key = (old.serial, frozenset[str]())
        found = self._merged.get(key)
        if found is None:
            step = self.step_from(old)
            found = (
                self if not step.removed else old.edit({each.name: each for each in step.changed})
            )
            self._merge(key, found)
        return found

    def filled(self, names: frozenset[str]) -> Snapshot:
        """This snapshot with an empty resource under each of these missing names."""
        key = (0, names)
        found = self._merged.get(key)
        if found is None:
            blanks = {name: blank(self.type_url, name) for name in sorted(names)}
            found = self._merge(key, self.edit(blanks))
        return found

    def _merge(self, key: tuple[int, frozenset[str]], found: Snapshot) -> Snapshot:
        if len(self._merged) >= _STEPS_KEPT:
            del self._merged[next(iter(self._merged))]
        self._merged[key] = found
        return found

    @property
    def needed(self) -> frozenset[str]:
        """Names of the next type that a holder of these resources asks for."""
        if self._needed is None:
            self._needed = frozenset(
                [need for found in self.resources.values() for need in found.needs]
            )
        return self._needed

    @property
    def needing(self) -> frozenset[str]:
        """Names of the resources that need any of the next type."""
        if self._needing is None:
            self._needing = frozenset(
                [name for name, found in self.resources.items() if found.needs]
            )
        return self._needing

    @property
    def version(self) -> str:
        """A name for the content: equal sets of resources have equal versions, in every process."""
        if self._digest is None:
            self._digest = sum(map(_fingerprint, self.resources.values()))
        return f"{self._digest % (1 << 64):016x}"

    def full(self) -> Response:
        """The SotW response with every resource."""
        if self._full is None:
            parts = [sotw_resource(self.type_url, found.body) for found in self.resources.values()]
            body = sotw_response_body(parts, self.type_url, self.version)
            self._full = Response(tuple(self.resources.values()), (), body, self.version)
        return self._full


def _fingerprint(found: Resource) -> int:
    """Sums of these identify sets, whatever the order in which they were made."""
    text = f"{found.name}\0{found.version}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def blank(type_url: str, name: str) -> Resource:
    """A resource that only says its name: a ClusterLoadAssignment without endpoints, a RouteConfiguration without hosts."""
    return resource(type_url, name, string(1, name))


EMPTY: Mapping[str, Snapshot] = MappingProxyType(
    {known.url: Snapshot(known.url) for known in TYPES}
)
"""Type URL → the snapshot with nothing in it, of each type that the translators make."""


class View:
    """The consistent sets that one group of proxies is to hold at one revision.

    Attributes:
        revision: The newest revision whose changes are in it.
        snapshots: Type URL → what of that type there is; a type that is absent has nothing.
    """

    __slots__ = ("_absent", "_changed", "_serial", "revision", "snapshots")

    def __init__(self, revision: int, snapshots: Mapping[str, Snapshot]) -> None:
        self.revision = revision
        self.snapshots = snapshots
        self._serial = next(_serials)
        self._changed: dict[int, frozenset[str]] = {}
        self._absent: dict[str, Snapshot] = {}

    def snapshot(self, type_url: str) -> Snapshot:
        """What there is of a type."""
        found = self.snapshots.get(type_url)
        if found is None:
            found = self._absent.get(type_url, EMPTY.get(type_url))
            if found is None:
                found = self._absent[type_url] = Snapshot(type_url)
        return found

    def changed_since(self, old: View) -> frozenset[str]:
        """The types whose snapshots differ."""
        found = self._changed.get(old._serial)
        if found is None:
            types = {**old.snapshots, **self.snapshots}
            found = frozenset(
                [each for each in types if old.snapshots.get(each) is not self.snapshots.get(each)]
            )
            if len(self._changed) >= _STEPS_KEPT:
                self._changed.clear()
            self._changed[old._serial] = found
        return found
