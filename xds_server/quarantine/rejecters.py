"""Which proxies rejected which resources, as far as it matters."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Final

from translators.model.resource import Resource
from xds_server.serving.groups import Member

REMEMBERED: Final = 1024
"""Resources of which it is remembered."""


class Rejecters:
    """Who rejected what: proxies that are connected, and resources that nobody accepted since."""

    def __init__(self) -> None:
        self._members: dict[Resource, dict[Member, None]] = {}

    def note(self, resources: Iterable[Resource], member: Member) -> None:
        """Note that a proxy rejected resources."""
        for resource in resources:
            if resource not in self._members:
                self._members[resource.stub()] = {}
            self._members[resource][member] = None
        while len(self._members) > REMEMBERED:
            del self._members[next(iter(self._members))]

    def members(self, resource: Resource) -> Set[Member]:
        """The proxies that rejected a resource."""
        return self._members.get(resource, {}).keys()

    def ids(self, resource: Resource) -> tuple[str, ...]:
        """Their ids, in the order in which they did."""
        return tuple(member.node.id for member in self._members.get(resource, ()))

    def accepted(self, resource: Resource) -> None:
        """Forget who rejected a resource, as some proxy has it."""
        self._members.pop(resource, None)

    def leave(self, member: Member) -> None:
        """Forget a proxy that is gone."""
        for members in self._members.values():
            members.pop(member, None)
