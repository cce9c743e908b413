"""Raw resources by name, for every node or for one: something to serve without any translation.

    raw = RawResources()
    raw.set("*", CLUSTER_TYPE, "reviews", encode(cluster))
    server = GrpcServer((AdsService(raw, SystemClock()),))
    server.listen("127.0.0.1:0")

Each call that changes something is one revision, and goes out at once; `update` changes many things
as one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from translators.codec.node import RawNode
from translators.codec.wire import scan
from translators.model.resource import Reference, Resource, resource
from translators.names import CLUSTER_TYPE, ENDPOINT_TYPE, ROUTE_TYPE, VIRTUAL_HOST_TYPE
from xds_server.ads.resources import EMPTY, Resources
from xds_server.ads.seams import Wire
from xds_server.ads.snapshot import Snapshot

EVERYONE = "*"
_EDS_DISCOVERY = 3

Key = tuple[str, str]
"""(type URL, name)."""


class RawResources:
    """Raw resources.

    A node has those of everyone, and its own in place of everyone's of the same name.

    Attributes:
        revision: How many changes there were.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._resources: dict[str, dict[Key, Resource]] = {EVERYONE: {}}
        self._snapshots: dict[str, Snapshot] = {EVERYONE: Snapshot(0, EMPTY)}
        self._members: dict[RawWatch, None] = {}

    def set(
        self, node_id: str, type_url: str, name: str, body: bytes, needs: tuple[Reference, ...] = ()
    ) -> None:
        """Give a node (`*`: all) a resource.

        `needs` is found in the bytes of clusters and route configurations.
        """
        self.update(
            node_id, {(type_url, name): body}, needs={(type_url, name): needs} if needs else {}
        )

    def remove(self, node_id: str, type_url: str, name: str) -> None:
        """Take a resource away from a node (`*`: from all that have no own).

        Nothing when it is not there.
        """
        self.update(node_id, removed=((type_url, name),))

    def update(
        self,
        node_id: str,
        bodies: Mapping[Key, bytes] = {},
        removed: Collection[Key] = (),
        needs: Mapping[Key, tuple[Reference, ...]] = {},
    ) -> None:
        """Set and remove resources of a node as one revision."""
        own = self._resources.setdefault(node_id, {})
        for key in removed:
            own.pop(key, None)
        for key, body in bodies.items():
            type_url, name = key
            own[key] = resource(type_url, name, body, needs.get(key) or _needs(type_url, body))
        self.revision += 1
        touched = {*removed, *bodies}
        concerned = [node_id] if node_id != EVERYONE else list(self._snapshots)
        for each in {*concerned, node_id}:
            self._snapshots[each] = self._edit(each, touched)
        for member in list(self._members):
            member.wake()

    def snapshot(self, node_id: str) -> Snapshot:
        """What a node is to hold now."""
        return self._snapshots.get(node_id, self._snapshots[EVERYONE])

    def watch(self, node: RawNode, _wire: Wire) -> RawWatch:
        """Take any node in."""
        member = RawWatch(self, node.id)
        self._members[member] = None
        return member

    def forget(self, member: RawWatch) -> None:
        """Forget a member."""
        self._members.pop(member, None)

    def _edit(self, node_id: str, touched: Collection[Key]) -> Snapshot:
        before = self.snapshot(node_id)
        snapshots: dict[str, Resources] = dict(before.by_type)
        for type_url in sorted({key[0] for key in touched}):
            found = {
                key[1]: known
                for key in sorted(touched)
                if key[0] == type_url and (known := self._find(node_id, key)) is not None
            }
            gone = [key[1] for key in touched if key[0] == type_url and key[1] not in found]
            snapshots[type_url] = before.resources(type_url).edit(found, gone)
        return Snapshot(self.revision, snapshots)

    def _find(self, node_id: str, key: Key) -> Resource | None:
        own = self._resources.get(node_id, {})
        return own.get(key) or self._resources[EVERYONE].get(key)


class RawWatch:
    """One stream's place among raw resources."""

    is_held = False

    def __init__(self, raw: RawResources, node_id: str) -> None:
        self._raw = raw
        self._node_id = node_id
        self._wake: Callable[[], None] | None = None

    def snapshot(self) -> Snapshot:
        """What the node is to hold now."""
        return self._raw.snapshot(self._node_id)

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called after each change."""
        self._wake = wake

    def wake(self) -> None:
        """Call whom it was told to call."""
        if self._wake is not None:
            self._wake()

    def cancel(self) -> None:
        """End the watch."""
        self._raw.forget(self)


def _needs(type_url: str, body: bytes) -> tuple[Reference, ...]:
    """What a raw resource makes a client ask for, as far as its top-level fields tell."""
    if type_url == ROUTE_TYPE:
        # RouteConfiguration.vhds
        return (
            (Reference(VIRTUAL_HOST_TYPE, "*"),)
            if any(number == 9 for number, _, _, _ in scan(body))
            else ()
        )
    if type_url != CLUSTER_TYPE:
        return ()
    name, service_name, discovery = "", "", 0
    for number, _, start, stop in scan(body):
        if number == 1:
            name = body[start:stop].decode()
        elif number == 2:
            discovery = body[start]
        elif number == 3:
            config = body[start:stop]
            for field, _, first, last in scan(config):
                if field == 2:
                    service_name = config[first:last].decode()
    if discovery != _EDS_DISCOVERY:
        return ()
    return (Reference(ENDPOINT_TYPE, service_name or name),)
