"""The stream layer as a library: raw resources by name, for every node or for one, without any translation.

    catalog = Catalog()
    catalog.set("*", CLUSTER_TYPE, "reviews", encode(cluster))
    server = AdsServer(catalog, clock=SystemClock()); await server.listen("127.0.0.1:0")

Each call that changes something is one revision, and goes out at once; ``update`` changes many things as one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from translators.codec.node import RawNode
from translators.codec.wire import scan
from translators.model.resource import Resource, resource
from translators.names import CLUSTER_TYPE, ROUTE_TYPE
from xds_server.ads.directory import Wire
from xds_server.ads.snapshot import EMPTY, Snapshot, View

EVERYONE = "*"
_EDS_DISCOVERY = 3

Key = tuple[str, str]
"""(type URL, name)."""


class Catalog:
    """Raw resources; a node has those of everyone, and its own in place of everyone's of the same name.

    Attributes:
        revision: How many changes there were.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._resources: dict[str, dict[Key, Resource]] = {EVERYONE: {}}
        self._views: dict[str, View] = {EVERYONE: View(0, EMPTY)}
        self._members: dict[CatalogMembership, None] = {}

    def set(
        self, node_id: str, type_url: str, name: str, body: bytes, needs: tuple[str, ...] = ()
    ) -> None:
        """Gives a node (``*``: all) a resource; ``needs`` is found in the bytes of clusters and route configurations."""
        self.update(
            node_id, {(type_url, name): body}, needs={(type_url, name): needs} if needs else {}
        )

    def remove(self, node_id: str, type_url: str, name: str) -> None:
        """Takes a resource away from a node (``*``: from all that have no own); nothing when it is not there."""
        self.update(node_id, removed=((type_url, name),))

    def update(
        self,
        node_id: str,
        bodies: Mapping[Key, bytes] = {},
        removed: Collection[Key] = (),
        needs: Mapping[Key, tuple[str, ...]] = {},
    ) -> None:
        """Sets and removes resources of a node as one revision."""
        own = self._resources.setdefault(node_id, {})
        for key in removed:
            own.pop(key, None)
        for key, body in bodies.items():
            type_url, name = key
            own[key] = resource(type_url, name, body, needs.get(key) or _needs(type_url, body))
        self.revision += 1
        touched = {*removed, *bodies}
        concerned = [node_id] if node_id != EVERYONE else list(self._views)
        for each in {*concerned, node_id}:
            self._views[each] = self._edit(each, touched)
        for member in list(self._members):
            member.wake()

    def view(self, node_id: str) -> View:
        """What a node is to hold now."""
        return self._views.get(node_id, self._views[EVERYONE])

    def join(self, node: RawNode, _wire: Wire) -> CatalogMembership:
        """Takes any node in."""
        member = CatalogMembership(self, node.id)
        self._members[member] = None
        return member

    def leave(self, member: CatalogMembership) -> None:
        """Forgets a member."""
        self._members.pop(member, None)

    def _edit(self, node_id: str, touched: Collection[Key]) -> View:
        before = self.view(node_id)
        snapshots: dict[str, Snapshot] = dict(before.snapshots)
        for type_url in sorted({key[0] for key in touched}):
            found = {
                key[1]: known
                for key in sorted(touched)
                if key[0] == type_url and (known := self._find(node_id, key)) is not None
            }
            gone = [key[1] for key in touched if key[0] == type_url and key[1] not in found]
            snapshots[type_url] = before.snapshot(type_url).edit(found, gone)
        return View(self.revision, snapshots)

    def _find(self, node_id: str, key: Key) -> Resource | None:
        own = self._resources.get(node_id, {})
        return own.get(key) or self._resources[EVERYONE].get(key)


class CatalogMembership:
    """One stream's place in a catalog."""

    def __init__(self, catalog: Catalog, node_id: str) -> None:
        self._catalog = catalog
        self._node_id = node_id
        self._wake: Callable[[], None] | None = None

    def view(self) -> View:
        """What the node is to hold now."""
        return self._catalog.view(self._node_id)

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Has ``wake`` called after each change."""
        self._wake = wake

    def wake(self) -> None:
        """Calls whom it was told to call."""
        if self._wake is not None:
            self._wake()

    def leave(self) -> None:
        """Ends the membership."""
        self._catalog.leave(self)


def _needs(type_url: str, body: bytes) -> tuple[str, ...]:
    """What a raw resource makes a client ask for, as far as its top-level fields tell."""
    if type_url == ROUTE_TYPE:
        # RouteConfiguration.vhds
        return ("*",) if any(number == 9 for number, _, _, _ in scan(body)) else ()
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
    return (service_name or name,) if discovery == _EDS_DISCOVERY else ()
