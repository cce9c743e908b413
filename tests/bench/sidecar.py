"""A simulated sidecar.

Speaks delta ADS as Envoy does, ACKs whatever it is sent, and looks into it only as far as it must.

Requests go in Envoy's order: clusters; the endpoints of each; then listeners; the route
configurations that they name; virtual hosts once a route configuration wants them. What a response
says is found out once for all sidecars that get the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from translators.codec.wire import delimited, scan, string
from translators.names import (
    CLUSTER_TYPE,
    ENDPOINT_TYPE,
    LISTENER_TYPE,
    ROUTE_TYPE,
    VIRTUAL_HOST_TYPE,
)

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
SHORT_TYPES = {
    CLUSTER_TYPE: "cds",
    ENDPOINT_TYPE: "eds",
    LISTENER_TYPE: "lds",
    ROUTE_TYPE: "rds",
    VIRTUAL_HOST_TYPE: "vhds",
}
_EDS_DISCOVERY = 3

# Field numbers: from a Listener (filter_chains, default_filter_chain) to its filters' typed_config;
# from there to the name of the route configuration if the filter is an HttpConnectionManager.
_FILTERS = ((3, 3, 4), (25, 3, 4))
_ROUTE_CONFIG_NAME = (2, 3, 2)


@dataclass(frozen=True, slots=True)
class Content:
    """What a response means to a client.

    Attributes:
        type_url: The type of its resources.
        wanted: What its resources make a client ask for, of the next type; `*` for virtual hosts.
        dropped: Names of resources that are gone.
    """

    type_url: str
    wanted: tuple[str, ...]
    dropped: tuple[str, ...]


def split_nonce(message: bytes) -> tuple[bytes, str]:
    """A response without its nonce, and the nonce.

    Servers that share bytes between streams put the nonce last; then nothing before it is looked
    at.
    """
    at = message.rfind(b"\x2a", -24)
    if at >= 0 and at + 2 + message[at + 1] == len(message):
        nonce = message[at + 2 :]
        if nonce.isalnum():
            return message[:at], nonce.decode()
    for number, _, start, stop in scan(message):
        if number == 5:
            return message, message[start:stop].decode()
    return message, ""


@lru_cache(maxsize=64)
def read(body: bytes) -> Content:
    """What a response means; read once for all sidecars that get the same."""
    type_url, parts, dropped = "", [], []
    for number, _, start, stop in scan(body):
        if number == 2:
            parts.append(body[start:stop])
        elif number == 4:
            type_url = body[start:stop].decode()
        elif number == 6:
            dropped.append(body[start:stop].decode())
    find = _WANTED.get(type_url)
    wanted: dict[str, None] = {}
    if find is not None:
        for part in parts:
            for resource in _walk(part, (2, 2)):
                wanted.update(dict.fromkeys(find(resource)))
    return Content(type_url, tuple(wanted), tuple(dropped))


@lru_cache(maxsize=256)
def request(type_url: str, names: tuple[str, ...] = (), dropped: tuple[str, ...] = ()) -> bytes:
    """A request that subscribes to some names and gives up others; without any, to everything."""
    parts = [string(2, type_url)]
    parts += [delimited(3, name.encode()) for name in names]
    parts += [delimited(4, name.encode()) for name in dropped]
    return b"".join(parts)


def ack(type_url: str, nonce: str) -> bytes:
    """The request that accepts a response."""
    return request(type_url) + string(6, nonce)


class Sidecar:
    """One client.

    `on_ack` is told of each response that was ACKed: its type and what of it all clients share.
    """

    __slots__ = ("_asked", "_known", "_node", "_on_ack", "send")

    def __init__(self, node: bytes, on_ack: Callable[[str, bytes, int], None]) -> None:
        """`node` is encoded."""
        self._node = node
        self._on_ack = on_ack
        self._asked: set[str] = set()
        self._known: dict[str, set[str]] = {ENDPOINT_TYPE: set(), ROUTE_TYPE: set()}
        self.send: Callable[[bytes], None] = lambda _: None

    def start(self) -> None:
        """Say who it is and ask for all clusters."""
        self._asked.add(CLUSTER_TYPE)
        self.send(delimited(1, self._node) + request(CLUSTER_TYPE))

    def on_message(self, message: bytes) -> None:
        """ACKs a response, and asks for what it makes necessary."""
        body, nonce = split_nonce(message)
        content = read(body)
        type_url = content.type_url
        self.send(ack(type_url, nonce))
        if content.wanted or content.dropped:
            self._follow(content)
        if type_url == ENDPOINT_TYPE and LISTENER_TYPE not in self._asked:
            self._asked.add(LISTENER_TYPE)
            self.send(request(LISTENER_TYPE))
        self._on_ack(type_url, body, len(message))

    def _follow(self, content: Content) -> None:
        if content.type_url == CLUSTER_TYPE:
            self._resubscribe(ENDPOINT_TYPE, content.wanted, content.dropped)
        elif content.type_url == LISTENER_TYPE:
            self._resubscribe(ROUTE_TYPE, content.wanted, ())
        elif content.type_url == ROUTE_TYPE and VIRTUAL_HOST_TYPE not in self._asked:
            self._asked.add(VIRTUAL_HOST_TYPE)
            self.send(request(VIRTUAL_HOST_TYPE))

    def _resubscribe(
        self, type_url: str, wanted: tuple[str, ...], dropped: tuple[str, ...]
    ) -> None:
        known = self._known[type_url]
        new = tuple([name for name in wanted if name not in known])
        gone = tuple([name for name in dropped if name in known])
        if new or gone:
            known.update(new)
            known.difference_update(gone)
            self.send(request(type_url, new, gone))


def _walk(message: bytes, path: tuple[int, ...]) -> Iterator[bytes]:
    """Every value that is found along some field numbers."""
    if not path:
        yield message
        return
    for number, wire_type, start, stop in scan(message):
        if number == path[0] and wire_type == 2:
            yield from _walk(message[start:stop], path[1:])


def _endpoints_of(cluster: bytes) -> Iterator[str]:
    name, discovery, service_name = "", 0, ""
    for number, _, start, stop in scan(cluster):
        if number == 1:
            name = cluster[start:stop].decode()
        elif number == 2:
            discovery = cluster[start]
        elif number == 3:
            service_name = b"".join(_walk(cluster[start:stop], (2,))).decode()
    if discovery == _EDS_DISCOVERY:
        yield service_name or name


def _routes_of(listener: bytes) -> Iterator[str]:
    for path in _FILTERS:
        for config in _walk(listener, path):
            if b"".join(_walk(config, (1,))).endswith(b".HttpConnectionManager"):
                for name in _walk(config, _ROUTE_CONFIG_NAME):
                    yield name.decode()


def _hosts_of(route_configuration: bytes) -> Iterator[str]:
    # RouteConfiguration.vhds
    if any(number == 9 for number, _, _, _ in scan(route_configuration)):
        yield "*"


_WANTED: dict[str, Callable[[bytes], Iterator[str]]] = {
    CLUSTER_TYPE: _endpoints_of,
    LISTENER_TYPE: _routes_of,
    ROUTE_TYPE: _hosts_of,
}
