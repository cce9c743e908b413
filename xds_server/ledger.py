"""The truth about streams: who is connected, who has which revision, what was refused.

The stream layer tells it of ACKs and NACKs; it counts them, passes them to the quarantine, and answers `status` and `wait`.
A proxy has a revision when its stream is settled at the newest view, up to that revision, that changed anything for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from translators.database import Failure
from translators.model.origin import InputKey, Problem
from translators.model.resource import Resource
from translators.names import (
    CLUSTER_TYPE,
    ENDPOINT_TYPE,
    LISTENER_TYPE,
    ROUTE_TYPE,
    VIRTUAL_HOST_TYPE,
)
from xds_server import log
from xds_server.ads.snapshot import Response
from xds_server.ads.stream import Stream
from xds_server.clock import Clock
from xds_server.metrics import Metrics, TypeMetrics
from xds_server.publisher import Member, Publisher
from xds_server.quarantine import Quarantine, Rejection
from xds_server.status import (
    Lacking,
    MeshStatus,
    ProblemStatus,
    ProxyStatus,
    RejectionStatus,
    TypeState,
    TypeStatus,
    WaitResult,
)

_log = log.logger(__name__)

SHORT_TYPES = {
    CLUSTER_TYPE: "cds",
    ENDPOINT_TYPE: "eds",
    LISTENER_TYPE: "lds",
    ROUTE_TYPE: "rds",
    VIRTUAL_HOST_TYPE: "vhds",
}
"""Type URL → the short name that people use, in the order in which the types are sent."""


PROVEN_RESPONSES = 256
"""How many of the last accepted responses are remembered, so that only the first ACK of each is looked into."""


@dataclass(slots=True, eq=False)
class _Entry:
    """One stream: whose it is, since when, and how far."""

    stream: Stream
    member: Member
    connected: str
    settled: int = -1
    refused: dict[str, str] = field(default_factory=dict)
    sent: dict[str, float] = field(default_factory=dict)

    def has(self, revision: int) -> bool:
        return self.settled >= self.member.group.required(revision)


@dataclass(slots=True, eq=False)
class _Waiter:
    """Somebody who wants to know when a revision is everywhere."""

    revision: int
    lacking: set[_Entry]
    done: asyncio.Future[None]

    def has(self, entry: _Entry) -> None:
        self.lacking.discard(entry)
        self.settle()

    def settle(self) -> None:
        if not self.lacking and not self.done.done():
            self.done.set_result(None)


class _TypeTable(dict[str, TypeMetrics]):
    """Type URL → its counts, looked up once."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def __missing__(self, type_url: str) -> TypeMetrics:
        found = self[type_url] = self._metrics.type(SHORT_TYPES.get(type_url, type_url))
        return found


class Ledger:
    """Observes streams, translation and quarantine; answers what is where."""

    def __init__(self, publisher: Publisher, metrics: Metrics, clock: Clock) -> None:
        self.quarantine: Quarantine | None = None
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._entries: dict[Stream, _Entry] = {}
        self._waiters: dict[_Waiter, None] = {}
        self._converging: dict[int, tuple[float, set[_Entry]]] = {}
        self._problems: tuple[Problem, ...] = ()
        self._ready = False
        self._counts = _TypeTable(metrics)
        self._proven: dict[Response, None] = {}

    # Sources and translation.

    def listed(self, problems: tuple[Problem, ...]) -> None:
        """The source was read; these are all its findings now."""
        self._ready = True
        self._problems = problems
        counts: dict[str, int] = {}
        for problem in problems:
            counts[problem.severity.value] = counts.get(problem.severity.value, 0) + 1
        self._metrics.problems = counts

    def committed(self) -> None:
        """The publisher's newest revision is out; from now on its way to the proxies is timed."""
        revision = self._publisher.revision
        self._metrics.revision = revision
        concerned = {entry for entry in self._entries.values() if not entry.has(revision)}
        if concerned:
            self._converging[revision] = (self._clock.now(), concerned)
        else:
            self._metrics.converged_revision = revision
        for waiter in self._waiters:
            if waiter.revision == revision:
                waiter.lacking = set(concerned)
                waiter.settle()

    def translation_failed(self, failure: Failure) -> None:
        """A query raised, which is a bug of ours; the resource keeps its last good bytes."""
        self._metrics.translation_failures += 1
        _log.error("translation failed", query=failure.origin, cause=failure.exception)

    # Streams.

    def connected(self, stream: Stream) -> None:
        """A proxy introduced itself."""
        member = stream.membership
        if not isinstance(member, Member):
            return
        moment = self._clock.wall().isoformat(timespec="seconds")
        self._entries[stream] = _Entry(stream, member, moment)
        self._metrics.wire(stream.wire.value).open()
        _log.info(
            "proxy connected",
            node=member.node.id,
            wire=stream.wire.value,
            locality=member.node.locality,
        )

    def disconnected(self, stream: Stream) -> None:
        """A stream ended."""
        entry = self._entries.pop(stream, None)
        if entry is None:
            return
        self._metrics.wire(stream.wire.value).close()
        _log.info("proxy disconnected", node=entry.member.node.id)
        self._has(entry, None)

    def pushed(self, stream: Stream, type_url: str, response: Response) -> None:
        """A response was handed to the transport."""
        self._counts[type_url].pushed(len(response.body))
        entry = self._entries.get(stream)
        if entry is not None:
            entry.sent[type_url] = self._clock.now()

    def acked(self, stream: Stream, type_url: str, response: Response) -> None:
        """A proxy accepted a response."""
        entry = self._entries.get(stream)
        if entry is not None:
            entry.refused.pop(type_url, None)
            sent = entry.sent.pop(type_url, None)
            if sent is not None:
                self._counts[type_url].ack.observe(self._clock.now() - sent)
        if response not in self._proven:
            self._proven[response] = None
            if len(self._proven) > PROVEN_RESPONSES:
                del self._proven[next(iter(self._proven))]
            if self.quarantine is not None:
                self.quarantine.proven(response.changed)

    def nacked(
        self, stream: Stream, type_url: str, response: Response, code: int, message: str
    ) -> None:
        """A proxy refused a response."""
        self._counts[type_url].nacks += 1
        entry = self._entries.get(stream)
        if entry is None:
            return
        entry.refused[type_url] = message
        entry.sent.pop(type_url, None)
        _log.warning(
            "response refused",
            node=entry.member.node.id,
            type=SHORT_TYPES.get(type_url, type_url),
            resources=", ".join(_some(response.changed)),
            code=code,
            reason=message[-400:],
        )
        if self.quarantine is not None:
            self.quarantine.refused(response.changed, message)

    def settled(self, stream: Stream, revision: int) -> None:
        """A proxy has answered everything of the view of this revision."""
        entry = self._entries.get(stream)
        if entry is not None and revision > entry.settled:
            entry.settled = revision
            self._has(entry, revision)

    def warned(self, stream: Stream, message: str) -> None:
        """A change went out though what it depends on had not been ACKed in time."""
        self._metrics.gates_expired += 1
        entry = self._entries.get(stream)
        _log.warning(message, node=entry.member.node.id if entry is not None else "")

    # Quarantine.

    def rejected(self, rejection: Rejection) -> None:
        """An object was found guilty of a NACK."""
        if self.quarantine is not None:
            self._metrics.quarantined = len(self.quarantine.rejections)
        _log.warning(
            "object rejected by envoy",
            object=_object(rejection.key),
            place=rejection.place,
            path=rejection.path,
            resource=rejection.resource,
            reason=rejection.reason[-400:],
        )

    def lifted(self, key: InputKey) -> None:
        """A rejected object has a new value."""
        _log.info("rejected object changed, trying it again", object=_object(key))

    def unattributed(self, resource: Resource, reason: str) -> None:
        """A resource is held and no object is to blame."""
        _log.error("resource held, cause unknown", resource=resource.name, reason=reason[-400:])

    # Questions.

    def is_ready(self) -> bool:
        """Whether the first full listing was read and published."""
        return self._ready

    def status(self) -> MeshStatus:
        """Everything at this moment; proxies sorted by id."""
        proxies = sorted(
            (self._proxy(entry) for entry in self._entries.values()), key=lambda p: p.id
        )
        rejections = self.quarantine.rejections.values() if self.quarantine is not None else ()
        return MeshStatus(
            revision=self._publisher.revision,
            proxies=tuple(proxies),
            rejections=tuple(_rejection(r) for r in rejections),
            problems=tuple(_problem(p) for p in self._problems),
        )

    async def wait(self, revision: int | None, timeout: float | None) -> WaitResult:  # noqa: ASYNC109
        """Waits until every proxy has the revision (None: the newest now), or the timeout in seconds passed."""
        began = self._clock.now()
        wanted = self._publisher.revision if revision is None else revision
        lacking = {entry for entry in self._entries.values() if not entry.has(wanted)}
        waiter = _Waiter(wanted, lacking, asyncio.get_running_loop().create_future())
        if lacking or wanted > self._publisher.revision:
            self._waiters[waiter] = None
            try:
                async with asyncio.timeout(timeout):
                    await waiter.done
            except TimeoutError:
                pass
            finally:
                del self._waiters[waiter]
        return WaitResult(
            revision=wanted,
            everywhere=wanted <= self._publisher.revision and not waiter.lacking,
            proxies=len(self._entries),
            seconds=round(self._clock.now() - began, 3),
            lacking=tuple(sorted(map(self._lack, waiter.lacking), key=lambda lack: lack.proxy)),
        )

    def _has(self, entry: _Entry, revision: int | None) -> None:
        """A proxy has a revision, or is gone (None): who waited for it need not any more."""
        now = self._clock.now()
        for pending in list(self._converging):
            if revision is not None and revision < entry.member.group.required(pending):
                continue
            began, concerned = self._converging[pending]
            concerned.discard(entry)
            if not concerned:
                del self._converging[pending]
                self._metrics.convergence.observe(now - began)
                self._metrics.converged_revision = max(self._metrics.converged_revision, pending)
        for waiter in self._waiters:
            published = waiter.revision <= self._publisher.revision
            if published and (revision is None or entry.has(waiter.revision)):
                waiter.has(entry)

    def _proxy(self, entry: _Entry) -> ProxyStatus:
        node = entry.member.node
        return ProxyStatus(
            id=node.id,
            namespace=node.namespace,
            locality=str(node.locality),
            version=node.agent_version,
            mode=node.mode.value,
            wire=entry.stream.wire.value,
            connected=entry.connected,
            revision=self._newest(entry),
            types=tuple(self._types(entry)),
        )

    def _newest(self, entry: _Entry) -> int:
        """The newest revision that the proxy has wholly."""
        changes = entry.member.group.changes
        later = [change for change in changes if change > entry.settled]
        return later[0] - 1 if later else self._publisher.revision

    def _types(self, entry: _Entry) -> Iterator[TypeStatus]:
        for type_url, short in SHORT_TYPES.items():
            exchange = entry.stream.exchanges.get(type_url)
            if exchange is None:
                continue
            reason = entry.refused.get(type_url, "")
            if reason:
                state = TypeState.REJECTED
            elif exchange.is_dirty or exchange.inflight is not None:
                state = TypeState.BEHIND
            else:
                state = TypeState.ACKED
            yield TypeStatus(short, state, len(exchange.sent), reason[-1000:])

    def _lack(self, entry: _Entry) -> Lacking:
        behind = tuple(
            SHORT_TYPES.get(exchange.type_url, exchange.type_url)
            for exchange in entry.stream.exchanges.values()
            if exchange.is_dirty or exchange.inflight is not None
        )
        refused = next((reason for reason in entry.refused.values() if reason), "")
        return Lacking(entry.member.node.id, behind, refused[-400:] or "no answer yet")


def _some(resources: Iterable[Resource]) -> list[str]:
    names = [resource.name for resource in resources]
    return names if len(names) <= 3 else [*names[:3], f"and {len(names) - 3} more"]


def _object(key: InputKey) -> str:
    kind, namespace, name = key
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _rejection(rejection: Rejection) -> RejectionStatus:
    return RejectionStatus(
        object=_object(rejection.key),
        place=rejection.place,
        path=rejection.path,
        reason=rejection.reason,
        resource=rejection.resource,
        revision=rejection.revision,
        serving="the last good version"
        if rejection.good is not None
        else "nothing: it was never good",
    )


def _problem(problem: Problem) -> ProblemStatus:
    place = ""
    if problem.origin is not None:
        place = f"{problem.origin.source}:{problem.line or problem.origin.line}"
    return ProblemStatus(
        severity=problem.severity.value,
        object=_object(problem.key) if problem.key is not None else "",
        place=place,
        path=problem.path,
        message=problem.message,
    )
