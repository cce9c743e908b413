"""An Envoy resource as it travels: a name, its bytes and a version made from them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from translators.codec import delta_resource, entry_body


class Reference(NamedTuple):
    """A resource that a client will ask for, by type URL and name."""

    type_url: str
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One encoded Envoy resource; equal when type, name and version are.

    Attributes:
        part: The encoded message as an entry of a delta response, made once and shared by every
            stream.
        start: Where the bare message begins in it.
        end: Where that ends.
        needs: What a client asks for because of this resource, sorted: the ClusterLoadAssignment of
            an EDS cluster, the RouteConfigurations of a listener, every VirtualHost (`*`) for a
            route configuration with VHDS. May be empty.
    """

    type_url: str
    name: str
    version: str
    part: bytes = b""
    start: int = 0
    end: int = 0
    needs: tuple[Reference, ...] = ()

    def stub(self) -> Resource:
        """Give an equal one without its bytes, for whoever only has to know it again."""
        return Resource(self.type_url, self.name, self.version)

    @property
    def body(self) -> bytes:
        """The encoded message itself, without `Any`.

        A copy, as whole resources travel far more often.
        """
        return self.part[self.start : self.end]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Resource)
            and self.version == other.version
            and self.name == other.name
            and self.type_url == other.type_url
        )

    def __hash__(self) -> int:
        return hash((self.type_url, self.name, self.version))


def resource(type_url: str, name: str, body: bytes, needs: tuple[Reference, ...] = ()) -> Resource:
    """The resource with these bytes; its version is a hash of them, the same on every replica."""
    version = hashlib.blake2b(body, digest_size=8).hexdigest()
    part = delta_resource(name, version, type_url, body)
    start, end = entry_body(part, name, body)
    return Resource(type_url, name, version, part, start, end, needs)
