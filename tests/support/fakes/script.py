"""Scripted conversations of a client and the stream layer, without sockets, in virtual time.

    world = World(); world.set("cds", "a", "v1", needs="a"); world.publish()
    envoy = Delta(world)
    envoy.asks("cds")
    envoy.gets("cds", "a=v1")
    envoy.acks("cds")
    envoy.hears_no_more()

`gets` demands that the very next response is exactly that, `hears_no_more` that there is none.
Resources are written `name=body`, removals `-name`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from envoy_data_plane.envoy.service.discovery.v3 import DeltaDiscoveryResponse, DiscoveryResponse

from tests.support.fakes.virtual_clock import VirtualClock
from translators.codec.discovery import DeltaRequest, RequestError, SotwRequest
from translators.codec.node import RawNode
from translators.model.resource import Reference, resource
from translators.resource_types import TYPES as KNOWN
from xds_server.ads.delta import DELTA
from xds_server.ads.diff import Response
from xds_server.ads.limits import StreamLimits
from xds_server.ads.resources import EMPTY
from xds_server.ads.seams import Wire
from xds_server.ads.silent_observer import SilentObserver
from xds_server.ads.snapshot import Snapshot
from xds_server.ads.sotw import SOTW
from xds_server.ads.stream import Stream, Variant
from xds_server.ads.subscription import SubscriptionPool

TYPES = {
    **{known.short: known.url for known in KNOWN},
    "sds": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
}
CHILDREN = {"cds": "eds", "lds": "rds", "rds": "vhds"}
"""Type → the type that its resources make a client ask for."""
SHORT = {url: short for short, url in TYPES.items()}
NODE = RawNode("web.default", "", "", "", "", {}, "envoy", "1.40.0", ())
LIMITS = StreamLimits(gate_deadline=timedelta(seconds=10))


class World:
    """What there is to be held.

    Edit with `set` and `remove`, then `publish` all of it as one revision.
    """

    def __init__(self) -> None:
        self.by_type = dict(EMPTY)
        self.current = Snapshot(0, dict(self.by_type))
        self.wakes: dict[World, Callable[[], None]] = {}
        self.members: list[Member] = []

    def set(self, short: str, name: str, body: str, needs: str = "") -> World:
        needed = tuple(Reference(TYPES[CHILDREN.get(short, short)], each) for each in needs.split())
        made = resource(TYPES[short], name, body.encode(), needed)
        known = self.current.resources(TYPES[short])
        self.by_type[TYPES[short]] = self.by_type.get(TYPES[short], known).edit({name: made})
        return self

    def remove(self, short: str, name: str) -> World:
        self.by_type[TYPES[short]] = self.by_type[TYPES[short]].edit({}, (name,))
        return self

    def publish(self) -> int:
        self.current = Snapshot(self.current.revision + 1, dict(self.by_type))
        for member in list(self.members):
            if member.wake:
                member.wake()
        return self.current.revision

    def watch(self, _node: RawNode, _wire: Wire) -> Member:
        member = Member(self)
        self.members.append(member)
        return member


@dataclass(eq=False)
class Member:
    world: World
    wake: Callable[[], None] | None = None
    is_held: bool = False

    def snapshot(self) -> Snapshot:
        return self.world.current

    def subscribe(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    def cancel(self) -> None:
        self.world.members.remove(self)


@dataclass
class Diary(SilentObserver):
    """An observer that writes everything down."""

    acks: list[str] = field(default_factory=list)
    nacks: list[str] = field(default_factory=list)
    settlements: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def acked(self, _stream: Stream, type_url: str, response: Response) -> None:
        self.acks.append(f"{SHORT[type_url]} {_written(response)}".strip())

    def nacked(
        self, _stream: Stream, type_url: str, response: Response, _code: int, message: str
    ) -> None:
        self.nacks.append(f"{SHORT[type_url]} {_written(response)}: {message}")

    def settled(self, _stream: Stream, revision: int) -> None:
        self.settlements.append(revision)

    def warned(self, _stream: Stream, message: str) -> None:
        self.warnings.append(message)


def _written(response: Response) -> str:
    names = [found.name for found in response.changed]
    return " ".join([*names, *(f"-{name}" for name in response.removed)])


@dataclass(frozen=True)
class Got:
    """A response as the client reads it."""

    short: str
    content: tuple[str, ...]
    nonce: str
    version: str
    versions: Mapping[str, str]


class _Client:
    """One client of a world."""

    variant: Variant

    def __init__(
        self, world: World, limits: StreamLimits = LIMITS, pool: SubscriptionPool | None = None
    ) -> None:
        self.clock = VirtualClock()
        self.diary = Diary()
        self.stream = Stream(
            self.variant,
            NODE,
            world.watch(NODE, self.variant.wire),
            self.diary,
            pool or SubscriptionPool(),
            self.clock.now,
            limits,
        )
        self.stream.watch.subscribe(self.stream.on_snapshot_change)
        self.nonces: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.held: dict[str, dict[str, str]] = {}

    def _parse(self, data: bytes) -> Got:
        raise NotImplementedError

    def next(self) -> Got | None:
        """The next response, read; None when there is none."""
        data = self.stream.take()
        if data is None:
            return None
        got = self._parse(data)
        self.nonces[got.short] = got.nonce
        self.held.setdefault(got.short, {}).update(got.versions)
        return got

    def gets(self, short: str, content: str = "") -> Got:
        """Demands that the next response is of this type and holds exactly this."""
        got = self.next()
        assert got is not None, f"expected {short} {content!r}, heard nothing"
        assert (got.short, sorted(got.content)) == (short, sorted(content.split())), got
        return got

    def hears_no_more(self) -> None:
        """Demands that the server has nothing to say."""
        assert self.next() is None

    def passes(self, seconds: float) -> None:
        """Let time pass, as the driver of the stream notices it."""
        self.clock.advance(seconds)
        deadline = self.stream.deadline()
        if deadline is not None and deadline <= self.clock.now():
            self.stream.on_deadline()


class Delta(_Client):
    """A client that speaks delta."""

    variant = DELTA

    def _parse(self, data: bytes) -> Got:
        message = DeltaDiscoveryResponse.parse(data)
        content = [
            f"{each.name}={each.resource.value.decode() if each.resource else ''}"
            for each in message.resources
        ]
        content += [f"-{name}" for name in message.removed_resources]
        versions = {each.name: each.version for each in message.resources}
        assert all(each.resource.type_url == message.type_url for each in message.resources)
        return Got(SHORT[message.type_url], tuple(content), message.nonce, "", versions)

    def asks(
        self,
        short: str,
        names: str = "",
        *,
        drops: str = "",
        has: Mapping[str, str] | None = None,
        nonce: str = "",
    ) -> None:
        self._send(short, nonce, names, drops, has or {}, None)

    def acks(
        self, short: str, names: str = "", *, drops: str = "", nonce: str | None = None
    ) -> None:
        answered = self.nonces[short] if nonce is None else nonce
        self._send(short, answered, names, drops, {}, None)

    def nacks(self, short: str, message: str = "bad", *, nonce: str | None = None) -> None:
        answered = self.nonces[short] if nonce is None else nonce
        self._send(short, answered, "", "", {}, RequestError(13, message))

    def _send(
        self,
        short: str,
        nonce: str,
        names: str,
        drops: str,
        has: Mapping[str, str],
        error: RequestError | None,
    ) -> None:
        DELTA.on_request(
            self.stream,
            DeltaRequest(
                TYPES[short], nonce, tuple(names.split()), tuple(drops.split()), has, error, None
            ),
        )


class Sotw(_Client):
    """A client that speaks state of the world.

    `acks` and `nacks` repeat the names asked for last.
    """

    variant = SOTW

    def __init__(self, world: World, limits: StreamLimits = LIMITS) -> None:
        super().__init__(world, limits)
        self.names: dict[str, tuple[str, ...]] = {}

    def _parse(self, data: bytes) -> Got:
        message = DiscoveryResponse.parse(data)
        content = tuple(each.value.decode() for each in message.resources)
        return Got(SHORT[message.type_url], content, message.nonce, message.version_info, {})

    def next(self) -> Got | None:
        got = super().next()
        if got is not None:
            self.offered = got.version
        return got

    def asks(self, short: str, names: str = "", *, version: str = "", nonce: str = "") -> None:
        self.names[short] = tuple(names.split())
        self._send(short, version, nonce, None)

    def acks(self, short: str, names: str | None = None) -> None:
        if names is not None:
            self.names[short] = tuple(names.split())
        self.versions[short] = self.offered
        self._send(short, self.offered, self.nonces[short], None)

    def nacks(self, short: str, message: str = "bad", *, version: str | None = None) -> None:
        accepted = self.versions.get(short, "") if version is None else version
        self._send(short, accepted, self.nonces[short], RequestError(13, message))

    def repeats(self, short: str, *, nonce: str | None = None) -> None:
        """Send the last request of the type again."""
        answered = self.nonces[short] if nonce is None else nonce
        self._send(short, self.versions.get(short, ""), answered, None)

    def _send(self, short: str, version: str, nonce: str, error: RequestError | None) -> None:
        SOTW.on_request(
            self.stream,
            SotwRequest(TYPES[short], version, nonce, self.names.get(short, ()), error, None),
        )
