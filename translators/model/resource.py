"""An Envoy resource as it travels: a name, its bytes and a version made from them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from translators.codec import delta_resource, entry_body


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One encoded Envoy resource; equal when type, name and version are.

    `part` is the encoded message as an entry of a delta response, made once and shared by every
    stream; `start` and `end` say where the bare message stands in it. `needs` names resources of
    the next type that Envoy will subscribe to because of this one: the ClusterLoadAssignment of an
    EDS cluster, the RouteConfigurations of a listener, "*" for a route configuration that asks for
    its virtual hosts (VHDS); sorted, may be empty.
    """

    type_url: str
    name: str
    version: str
    part: bytes = b""
    start: int = 0
    end: int = 0
    needs: tuple[str, ...] = ()

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


def resource(type_url: str, name: str, body: bytes, needs: tuple[str, ...] = ()) -> Resource:
    """The resource with these bytes; its version is a hash of them, the same on every replica."""
    version = hashlib.blake2b(body, digest_size=8).hexdigest()
    part = delta_resource(name, version, type_url, body)
    start, end = entry_body(part, name, body)
    return Resource(type_url, name, version, part, start, end, needs)
