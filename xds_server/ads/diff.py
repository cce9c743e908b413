"""Differences between sets of resources, and the messages that carry them.

Both are made once and shared by all streams that need them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from translators.codec.discovery import delta_response_body, sotw_resource, sotw_response_body
from translators.model.resource import Resource
from xds_server.ads.blank import is_blank

DEFAULT_RESPONSE_BYTES = 3_500_000
"""A delta response is split above this size; many clients take no message of more than 4 MiB."""

_EXTENSIONS_KEPT = 64


def needed(resources: Iterable[Resource], type_url: str) -> frozenset[str]:
    """The names of a type that resources make a client ask for."""
    return frozenset(
        [
            need.name
            for resource in resources
            for need in resource.needs
            if need.type_url == type_url
        ]
    )


class Response:
    """One message's worth of a difference, without the nonce that makes it a stream's own.

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
        """Give the names that it changes or takes away and that are just so in a set by name.

        Where the set has nothing, a blank is just so.
        """
        return [
            *[each.name for each in self.changed if _is_just_so(each, known.get(each.name))],
            *[name for name in self.removed if name not in known],
        ]

    def joined(self, newer: Response) -> Response:
        """Give what this response and a newer one told together; it is never sent."""
        changed = {each.name: each for each in (*self.changed, *newer.changed)}
        for name in newer.removed:
            changed.pop(name, None)
        removed = dict.fromkeys((*self.removed, *newer.removed))
        gone = tuple([name for name in removed if name not in changed])
        return Response(tuple(changed.values()), gone, b"")

    def differs(self, goal: Mapping[str, Resource]) -> bool:
        """Whether any of it is something else in a set of resources by name."""
        return len(self.names_in(goal)) < len(self.changed) + len(self.removed)


def _is_just_so(resource: Resource, known: Resource | None) -> bool:
    return is_blank(resource) if known is None else known == resource


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
        self._needs: dict[str, frozenset[str]] = {}
        self._delta: dict[tuple[int, bool], tuple[Response, ...]] = {}
        self._partial: dict[str, Response] = {}
        self._extended: dict[tuple[tuple[Resource, ...], tuple[str, ...]], Diff] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of the changed resources."""
        if self._names is None:
            self._names = frozenset([resource.name for resource in self.changed])
        return self._names

    def needs(self, type_url: str) -> frozenset[str]:
        """The names of a type that the changed resources make a client ask for."""
        names = self._needs.get(type_url)
        if names is None:
            names = self._needs[type_url] = needed(self.changed, type_url)
        return names

    def including(self, extra: tuple[Resource, ...], gone: tuple[str, ...]) -> Diff:
        """Add resources and removals that are not in it already."""
        if not extra and not gone:
            return self
        key = (extra, gone)
        extended = self._extended.get(key)
        if extended is None:
            extended = Diff(self.type_url, self.changed + extra, self.removed + gone)
            if len(self._extended) >= _EXTENSIONS_KEPT:
                self._extended.clear()
            self._extended[key] = extended
        return extended

    def delta(
        self, limit_bytes: int = DEFAULT_RESPONSE_BYTES, *, tells_removals: bool = True
    ) -> tuple[Response, ...]:
        """Give the delta responses that tell it, in order.

        There is one with nothing in it when there is nothing to say. `tells_removals`: whether they
        say what is gone.
        """
        key = (limit_bytes, tells_removals)
        responses = self._delta.get(key)
        if responses is None:
            removed = self.removed if tells_removals else ()
            responses = self._delta[key] = tuple(self._split(limit_bytes, removed))
        return responses

    def _split(self, limit_bytes: int, removed: tuple[str, ...]) -> Iterable[Response]:
        if sum([len(resource.part) for resource in self.changed]) <= limit_bytes:
            yield self._response(self.changed, removed)
            return
        some: list[Resource] = []
        size = 0
        for resource in self.changed:
            if some and size + len(resource.part) > limit_bytes:
                yield self._response(tuple(some), ())
                some, size = [], 0
            some.append(resource)
            size += len(resource.part)
        yield self._response(tuple(some), removed)

    def _response(self, changed: tuple[Resource, ...], removed: tuple[str, ...]) -> Response:
        body = delta_response_body([resource.part for resource in changed], self.type_url, removed)
        return Response(changed, removed, body)

    def partial(self, version: str) -> Response:
        """Give the SotW response with the changed resources only.

        For types of which a response need not be complete.
        """
        response = self._partial.get(version)
        if response is None:
            parts = [sotw_resource(self.type_url, resource.body) for resource in self.changed]
            body = sotw_response_body(parts, self.type_url, version)
            response = self._partial[version] = Response(self.changed, (), body, version)
        return response
