"""Differences between sets of resources, and the messages that carry them: made once and shared by all streams that need them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from translators.codec.discovery import delta_response_body, sotw_resource, sotw_response_body
from translators.model.resource import Resource
from translators.resource_types import resource_type

DEFAULT_RESPONSE_BYTES = 3_500_000
"""A delta response is split above this size; clients commonly take no message of more than 4 MiB."""

_EXTENSIONS_KEPT = 64


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

    def names_in(self, known: Mapping[str, Resource]) -> list[str]:
        """The names that it changes or takes away and that are just so in a set of resources by name."""
        return [
            *[changed.name for changed in self.changed if known.get(changed.name) == changed],
            *[name for name in self.removed if name not in known],
        ]

    def differs(self, goal: Mapping[str, Resource]) -> bool:
        """Whether any of it is something else in a set of resources by name."""
        return len(self.names_in(goal)) < len(self.changed) + len(self.removed)


class Diff:
    """What leads from one set of resources of a type to another.

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
        self._extended: dict[tuple[tuple[Resource, ...], tuple[str, ...]], Diff] = {}

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

    def including(self, extra: tuple[Resource, ...], gone: tuple[str, ...]) -> Diff:
        """This step with more resources and removals, which must not be in it already."""
        if not extra and not gone:
            return self
        key = (extra, gone)
        found = self._extended.get(key)
        if found is None:
            found = Diff(self.type_url, self.changed + extra, self.removed + gone)
            if len(self._extended) >= _EXTENSIONS_KEPT:
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
