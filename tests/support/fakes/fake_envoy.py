"""Faults to order.

Envoys that reject what they are told to, in a mesh of real parts without sockets and in virtual
time.

    mesh = Mesh()
    mesh.save(web=service("web"))
    envoy = mesh.connect("a.default", rejects=containing("poison"))
    mesh.run()

A fake rejects as Envoy does: of clusters and listeners the bad ones, named; any other response as a
whole, in words of the test's choice. It keeps what it accepted, and what it rejected. Tests with
real Envoys (tests/e2e/test_failures.py, test_ledger.py) show that those do the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from envoy_data_plane.envoy.service.discovery.v3 import DeltaDiscoveryResponse, DiscoveryResponse

from tests.support.fakes.virtual_clock import VirtualClock
from translators.codec.discovery import DeltaRequest, RequestError, SotwRequest
from translators.codec.node import RawNode
from translators.model.proxy_node import Mode, ProxyNode
from translators.model.resource import Resource
from translators.resource_types import TYPES as KNOWN
from translators.resource_types import resource_type
from xds_server.ads.delta import DELTA
from xds_server.ads.sotw import SOTW
from xds_server.ads.stream import Stream, Variant
from xds_server.ads.subscription import SubscriptionPool
from xds_server.core import Core
from xds_server.metrics import Metrics
from xds_server.sources.texts import Texts

TYPES = {known.short: known.url for known in KNOWN}
SHORT = {url: short for short, url in TYPES.items()}

Rejects = Callable[[str, str, bytes], str]
"""(short type, name, body) → Envoy's words; empty when it takes the resource."""

_PATIENCE = 200


def containing(*texts: str, saying: str = "{name}: bad regex", types: str = "") -> Rejects:
    """Rejects resources whose bytes have one of the texts.

    `saying` may name the resource, or have `{text}`.
    """

    def rejects(short: str, name: str, body: bytes) -> str:
        if types and short not in types.split():
            return ""
        found = next((text for text in texts if text.encode() in body), None)
        return "" if found is None else saying.format(name=name, text=found)

    return rejects


def takes_all(_short: str, _name: str, _body: bytes) -> str:
    return ""


class Mesh:
    """The server's core, fed with YAML texts.

    `judge` is what an Envoy of its own rejects; None: there is no judge. `asked` is what that was
    asked about.
    """

    def __init__(self, judge: Rejects | None = None) -> None:
        self.judge = judge
        self.clock = VirtualClock()
        self.metrics = Metrics()
        self.texts = Texts()
        self.core = Core(self.texts, self.metrics, self.clock)
        self.database = self.core.database
        self.publisher = self.core.publisher
        self.acceptance = self.core.publisher.acceptance
        self.quarantine = self.core.quarantine
        self.ledger = self.core.ledger
        self.envoys: list[FakeEnvoy] = []
        self.asked: list[Resource] = []
        self.pool = SubscriptionPool()
        if judge is not None:
            self.core.found_judge("1.40.0")

    def ask(self) -> bool:
        """Put to the judge what is in question; False when nothing is."""
        if self.judge is None or not (asked := self.core.questions()):
            return False
        self.asked += asked
        rejected = {
            resource: words
            for resource in asked
            if (words := self.judge(SHORT[resource.type_url], resource.name, resource.body))
        }
        self.core.judged(asked, rejected)
        self.core.work()
        return True

    def save(self, files: Mapping[str, str | None] = {}, **more: str | None) -> int:
        """Save files (None removes one) as one revision; returns the newest revision then."""
        texts = {**files, **{f"{name}.yaml": text for name, text in more.items()}}
        batch = self.texts.commit(self.texts.draft(texts))
        if batch is not None:
            errors = [f"{each.path}: {each.message}" for each in batch.problems]
            assert not errors, errors
            self.core.take(batch)
        return self.core.edits.revision

    def connect(
        self,
        node_id: str,
        rejects: Rejects = takes_all,
        *,
        inline: bool = False,
        has: FakeEnvoy | None = None,
        node: ProxyNode | None = None,
    ) -> FakeEnvoy:
        """An Envoy comes; `inline`: over SotW. `has`: it holds what that one held (delta)."""
        name, _, namespace = node_id.partition(".")
        known = node or ProxyNode(node_id, name, namespace, Mode.EGRESS)
        envoy = (SotwEnvoy if inline else DeltaEnvoy)(self, known, rejects)
        if has is not None:
            envoy.held = {short: dict(held) for short, held in has.held.items()}
        self.envoys.append(envoy)
        envoy.start()
        return envoy

    def run(self) -> int:
        """Delivers everything both ways until nobody has more to say.

        Returns how many rounds that took.
        """
        for rounds in range(_PATIENCE):
            answers = [answer for envoy in self.envoys for answer in envoy.read()]
            if not self.ask() and not answers:
                return rounds
            for answer in answers:
                answer()
        raise AssertionError(f"not quiet after {_PATIENCE} rounds")

    def tick(self, seconds: float = 1.0) -> None:
        """Let time pass, in steps of a second, as the app notices it."""
        while seconds > 0:
            self.clock.advance(min(1.0, seconds))
            seconds -= 1.0
            self.core.tick()
            for envoy in self.envoys:
                deadline = envoy.stream.deadline()
                if deadline is not None and deadline <= self.clock.now():
                    envoy.stream.on_deadline()
            self.run()

    @property
    def rejected(self) -> set[str]:
        """`Kind/name` of what is held back."""
        return {f"{key.kind}/{key.name}" for key in self.quarantine.rejections}


@dataclass
class _Read:
    """One response, read."""

    short: str
    resources: dict[str, tuple[str, bytes]]
    removed: list[str]
    nonce: str
    version: str


class FakeEnvoy:
    """One Envoy that is connected.

    Attributes:
        held: Short type → name → (version, body) of what it uses.
        blamed: (short type, name, version) of each resource that it found bad, in order; one twice
            if it was sent twice.
        got: (short type, name, version) of everything that was ever sent.
    """

    _variant: Variant

    def __init__(self, mesh: Mesh, node: ProxyNode, rejects: Rejects) -> None:
        self.mesh = mesh
        self.rejects = rejects
        self.held: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.blamed: list[tuple[str, str, str]] = []
        self.got: list[tuple[str, str, str]] = []
        self.responses = 0
        self.is_frozen = False
        self._names: dict[str, set[str]] = {}
        raw = RawNode(node.id, "", "", "", "", {}, "envoy", "1.40.0", ())
        self.member = mesh.core.join(node, inline=self._variant is SOTW)
        self.stream = Stream(
            self._variant, raw, self.member, mesh.core.observer, mesh.pool, mesh.clock.now
        )
        self.member.subscribe(self.stream.on_snapshot_change)
        mesh.core.observer.connected(self.stream)

    def start(self) -> None:
        raise NotImplementedError

    def leave(self) -> None:
        """The stream ends."""
        self.mesh.envoys.remove(self)
        self.member.cancel()
        self.mesh.core.observer.disconnected(self.stream)
        self.mesh.core.work()

    def read(self) -> list[Callable[[], None]]:
        """Take what is sent to it now; what it answers, to be delivered later."""
        answers = []
        while not self.is_frozen and (data := self.stream.take()) is not None:
            self.responses += 1
            answers.append(self._judge(self._parse(data)))
        self.mesh.core.work()
        return answers

    def names(self, short: str) -> list[str]:
        return sorted(self.held.get(short, {}))

    def text(self, short: str) -> bytes:
        """All that it uses of a type, one after the other."""
        return b"\n".join(body for _, (_, body) in sorted(self.held.get(short, {}).items()))

    def _parse(self, data: bytes) -> _Read:
        raise NotImplementedError

    def _answer(self, read: _Read, error: RequestError | None, names: set[str] | None) -> None:
        raise NotImplementedError

    def _judge(self, read: _Read) -> Callable[[], None]:
        short, held = read.short, self.held.setdefault(read.short, {})
        for name, (version, _) in read.resources.items():
            self.got.append((short, name, version))
        words = {
            name: said
            for name, (_, body) in read.resources.items()
            if (said := self.rejects(short, name, body))
        }
        self.blamed += [(short, name, read.resources[name][0]) for name in words]
        if not words or resource_type(TYPES[short]).is_rejected_one_by_one:
            held.update({n: found for n, found in read.resources.items() if n not in words})
            for name in read.removed:
                held.pop(name, None)
        error = RequestError(13, self._words(short, words)) if words else None
        children = {"cds": "eds", "lds": "rds", "rds": "vhds"}.get(short)
        names = self._needed(short, children) if children else None
        return lambda: self._reply(read, error, children, names)

    @staticmethod
    def _words(short: str, words: Mapping[str, str]) -> str:
        if short == "cds":
            listed = ", ".join(f"{name}: {said}" for name, said in words.items())
            return f"Error adding/updating cluster(s) {listed}"
        return next(iter(words.values()))

    def _needed(self, short: str, child: str) -> set[str]:
        """What the held resources of a type make it ask for."""
        made = self.mesh.publisher
        needs = {
            need.name
            for name, (version, _) in self.held[short].items()
            for found in made.makings.current(TYPES[short], name)
            if found.version == version
            for need in found.needs
        }
        return needs or (self._names.get(child, set()) if child != "eds" else needs)

    def _reply(
        self, read: _Read, error: RequestError | None, child: str | None, names: set[str] | None
    ) -> None:
        self._answer(read, error, None)
        # Another turn of the event loop.
        self.mesh.core.work()
        if child is not None and names is not None and names != self._names.get(child, set()):
            self._ask(child, names)

    def _ask(self, short: str, names: set[str]) -> None:
        raise NotImplementedError


class DeltaEnvoy(FakeEnvoy):
    """Asks for clusters, listeners and virtual hosts by wildcard, for the others by name."""

    _variant = DELTA

    def start(self) -> None:
        self._first("cds", ())
        self._first("lds", ())
        for short in ("eds", "rds"):
            if self.held.get(short):
                self._names[short] = set(self.held[short])
                self._first(short, tuple(sorted(self.held[short])))
        if self.held.get("vhds"):
            self._names["vhds"] = {"*"}
            self._first("vhds", ())

    def _first(self, short: str, names: tuple[str, ...]) -> None:
        versions = {name: version for name, (version, _) in self.held.get(short, {}).items()}
        self._send(DeltaRequest(TYPES[short], "", names, (), versions, None, None))

    def _ask(self, short: str, names: set[str]) -> None:
        known = self._names.get(short, set())
        self._names[short] = names
        added = () if short == "vhds" else tuple(sorted(names - known))
        dropped = tuple(sorted(known - names))
        for name in dropped:
            self.held.get(short, {}).pop(name, None)
        self._send(DeltaRequest(TYPES[short], "", added, dropped, {}, None, None))

    def _parse(self, data: bytes) -> _Read:
        message = DeltaDiscoveryResponse.parse(data)
        resources = {
            each.name: (each.version, each.resource.value if each.resource else b"")
            for each in message.resources
        }
        removed = list(message.removed_resources)
        return _Read(SHORT[message.type_url], resources, removed, message.nonce, "")

    def _answer(self, read: _Read, error: RequestError | None, _names: set[str] | None) -> None:
        self._send(DeltaRequest(TYPES[read.short], read.nonce, (), (), {}, error, None))

    def _send(self, request: DeltaRequest) -> None:
        DELTA.on_request(self.stream, request)


class SotwEnvoy(FakeEnvoy):
    """The same over state of the world: clusters and listeners are complete."""

    _variant = SOTW

    def start(self) -> None:
        self._accepted: dict[str, str] = {}
        self._nonces: dict[str, str] = {}
        for short in ("cds", "lds"):
            self._send(SotwRequest(TYPES[short], "", "", (), None, None))

    def _ask(self, short: str, names: set[str]) -> None:
        if short == "vhds":
            return
        self._names[short] = names
        for name in set(self.held.get(short, {})) - names:
            del self.held[short][name]
        self._send(
            SotwRequest(
                TYPES[short],
                self._accepted.get(short, ""),
                self._nonces.get(short, ""),
                tuple(sorted(names)),
                None,
                None,
            )
        )

    def _parse(self, data: bytes) -> _Read:
        message = DiscoveryResponse.parse(data)
        short = SHORT[message.type_url]
        self._nonces[short] = message.nonce
        known = {
            made.body: (made.name, made.version)
            for made in self.member.snapshot().resources(message.type_url).by_name.values()
        }
        resources = {}
        for each in message.resources:
            name, version = known.get(each.value, (f"blank {each.value!r}", ""))
            resources[name] = (version, each.value)
        removed = []
        if short in {"cds", "lds"}:
            removed = [name for name in self.held.get(short, {}) if name not in resources]
        return _Read(short, resources, removed, message.nonce, message.version_info)

    def _answer(self, read: _Read, error: RequestError | None, _names: set[str] | None) -> None:
        if error is None:
            self._accepted[read.short] = read.version
        self._send(
            SotwRequest(
                TYPES[read.short],
                self._accepted.get(read.short, ""),
                read.nonce,
                tuple(sorted(self._names.get(read.short, ()))),
                error,
                None,
            )
        )

    def _send(self, request: SotwRequest) -> None:
        SOTW.on_request(self.stream, request)
