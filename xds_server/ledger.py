"""The truth about streams: who is connected, who has which revision, what was refused.

The stream layer tells it of ACKs and NACKs; it counts them, passes them to the quarantine, and answers `status` and `wait`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from weakref import WeakSet

from translators.database import Failure
from translators.model.origin import Problem
from translators.model.resource import Resource
from translators.resource_types import TYPES, short_name
from xds_server import log
from xds_server.ads.diff import Response
from xds_server.ads.resources import Resources
from xds_server.ads.stream import Stream
from xds_server.clock import Clock
from xds_server.convergence import Convergence, Entry
from xds_server.groups import Member
from xds_server.metrics import Metrics, TypeMetrics
from xds_server.publisher import Publisher
from xds_server.quarantine import Quarantine, Rejection
from xds_server.status import (
    Lacking,
    MeshStatus,
    ProxyStatus,
    RejectionStatus,
    TypeState,
    TypeStatus,
    WaitResult,
    object_name,
    problem_status,
)

_log = log.logger(__name__)

EDITS_KEPT = 1024
"""How many of the last revisions that came from a source are told apart from the quarantine's own."""
_REASON_LENGTH = 400


REFUSALS_TOLD = 256
"""How many reasons of refusals are remembered, so that proxies that keep trying do not fill the log."""


class _TypeTable(dict[str, TypeMetrics]):
    """Type URL → its counts, looked up once."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def __missing__(self, type_url: str) -> TypeMetrics:
        found = self[type_url] = self._metrics.type(short_name(type_url))
        return found


class Ledger:
    """Observes streams, translation and quarantine; answers what is where."""

    def __init__(self, publisher: Publisher, metrics: Metrics, clock: Clock) -> None:
        self.quarantine: Quarantine | None = None
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._entries: dict[Stream, Entry] = {}
        self._convergence = Convergence(
            publisher, metrics, clock, self._is_decided, lambda revision: any(self._of(revision))
        )
        self._edits: list[int] = []
        self._problems: tuple[Problem, ...] = ()
        self._ready = False
        self._counts = _TypeTable(metrics)
        self._told: set[str] = set()
        self._claimed: WeakSet[Resources] = WeakSet()

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
        """A source made a revision."""
        edited = self._publisher.revision if self.quarantine is None else self.quarantine.edited
        self._edits.append(edited)
        del self._edits[:-EDITS_KEPT]
        self._convergence.published(self._publisher.revision, self._entries.values())

    def translation_failed(self, failure: Failure) -> None:
        """A query raised, which is a bug of ours; the resource keeps its last good bytes."""
        self._metrics.translation_failures += 1
        _log.error("translation failed", query=failure.origin, traceback=failure.traceback)

    # Streams.

    def connected(self, stream: Stream) -> None:
        """A proxy introduced itself."""
        member = stream.watch
        if not isinstance(member, Member):
            return
        moment = self._clock.wall().isoformat(timespec="seconds")
        entry = self._entries[stream] = Entry(stream, member, moment)
        self._convergence.joined(entry)
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
        if self.quarantine is not None:
            self.quarantine.gone(stream)
        self._convergence.left(entry)

    def pushed(self, stream: Stream, type_url: str, response: Response) -> None:
        """A response was handed to the transport."""
        del stream
        self._counts[type_url].pushed(len(response.body))

    def acked(self, stream: Stream, type_url: str, response: Response) -> None:
        """A proxy accepted a response."""
        entry = self._entries.get(stream)
        if entry is not None:
            entry.refused.pop(type_url, None)
            sent = stream.watched[type_url].sent_time
            self._counts[type_url].ack.observe(self._clock.now() - sent)
        # Only the first ACK of a response tells anything new, except while suspects are tried.
        if self.quarantine is not None and (not response.is_accepted or self.quarantine.is_trying):
            response.is_accepted = True
            self.quarantine.proven(response.changed, stream)

    def nacked(
        self, stream: Stream, type_url: str, response: Response, code: int, message: str
    ) -> None:
        """A proxy refused a response."""
        self._counts[type_url].nacks += 1
        entry = self._entries.get(stream)
        if entry is None:
            return
        entry.refused[type_url] = (response, message)
        _log.warning(
            "response refused",
            node=entry.member.node.id,
            type=short_name(type_url),
            resources=", ".join(_some(response.changed)),
            code=code,
            reason=message[-_REASON_LENGTH:],
        )
        # If anything in it is something else by now, that may have been the cause; the rest is sent again and judged then.
        is_outdated = response.differs(entry.member.snapshot().resources(type_url).by_name)
        if self.quarantine is not None and not is_outdated:
            self.quarantine.refused(response.changed, message, stream)

    def settled(self, stream: Stream, revision: int) -> None:
        """A proxy has answered everything of the snapshot of this revision."""
        entry = self._entries.get(stream)
        if entry is None:
            return
        if entry.settled < 0:
            self._claims(stream)
        entry.settle(revision, self._publisher.revision)
        self._convergence.settled(entry)

    def turned_away(self, peer: str, code: str, message: str) -> None:
        """A proxy was not taken in, or its stream was ended by this side; it will try again, and is told of once."""
        self._metrics.turned_away(code)
        if message not in self._told:
            if len(self._told) >= REFUSALS_TOLD:
                self._told.clear()
            self._told.add(message)
            _log.warning("proxy turned away", peer=peer, code=code, reason=message)

    def warned(self, stream: Stream, message: str) -> None:
        """A change went out though what it depends on had not been ACKed in time."""
        self._metrics.gates_expired += 1
        entry = self._entries.get(stream)
        _log.warning(message, node=entry.member.node.id if entry is not None else "")

    # Quarantine.

    def rejected(self, rejection: Rejection) -> None:
        """Something was found guilty of a NACK."""
        self._count_rejections()
        reason = rejection.reason[-_REASON_LENGTH:]
        if rejection.key is None:
            _log.error(
                "resource held, cause unknown", resource=rejection.resource.name, reason=reason
            )
            return
        _log.warning(
            "object rejected by envoy",
            object=object_name(rejection.key),
            place=rejection.place,
            path=rejection.path,
            resource=rejection.resource.name,
            reason=reason,
        )

    def lifted(self, rejection: Rejection) -> None:
        """What was held back has a new value."""
        self._count_rejections()
        if rejection.key is not None:
            _log.info("rejected object changed, trying it again", object=object_name(rejection.key))

    def _count_rejections(self) -> None:
        if self.quarantine is not None:
            self._metrics.quarantined = len(self.quarantine.rejections)

    def progressed(self) -> None:
        """The quarantine held something back, or gave it back, or came to an end."""
        revision = self._publisher.revision
        if revision > self._metrics.revision:
            self._convergence.published(revision, self._entries.values())
        else:
            self._convergence.review()

    # Questions.

    def is_ready(self) -> bool:
        """Whether the first full listing was read and published."""
        return self._ready

    def status(self) -> MeshStatus:
        """Everything at this moment; proxies sorted by id."""
        proxies = sorted(
            (self._proxy(entry) for entry in self._entries.values()), key=lambda p: p.id
        )
        return MeshStatus(
            revision=self._publisher.revision,
            proxies=tuple(proxies),
            rejections=tuple(map(_rejection, self._rejections())),
            problems=tuple(map(problem_status, self._problems)),
        )

    async def wait(self, revision: int | None, timeout: float | None) -> WaitResult:  # noqa: ASYNC109
        """Waits until every proxy has the revision (None: the newest now), or it is known that they will not, or the time is up.

        The time is in seconds. A revision is not everywhere while something that it brought is held back. What earlier
        revisions brought is only told: whoever waits for his own change is not to fail by another's.
        """
        began = self._clock.now()
        wanted = self._publisher.revision if revision is None else revision
        waiter = await self._convergence.wait(wanted, self._entries.values(), timeout)
        own = list(self._of(wanted))
        lacking = [self._lack(entry) for entry in waiter.lacking or ()]
        return WaitResult(
            revision=wanted,
            everywhere=waiter.lacking is not None
            and not lacking
            and not own
            and self._is_decided(),
            proxies=len(self._entries),
            seconds=round(self._clock.now() - began, 3),
            lacking=tuple(sorted(lacking, key=lambda lack: lack.proxy)),
            rejected=tuple(map(_rejection, own)),
            held_back=tuple(_rejection(each) for each in self._rejections() if each not in own),
        )

    def _claims(self, stream: Stream) -> None:
        """A proxy that has just come has accepted what it holds, be it from an earlier stream."""
        for watched in stream.watched.values():
            if self.quarantine is not None and watched.sent not in self._claimed:
                doubtful = {
                    name
                    for response in watched.rejected
                    for name in response.names_in(watched.sent.by_name)
                }
                if not doubtful:
                    self._claimed.add(watched.sent)
                self.quarantine.claimed(watched.sent, doubtful)

    def _is_decided(self) -> bool:
        return self.quarantine is None or not self.quarantine.is_trying

    def _rejections(self) -> Collection[Rejection]:
        if self.quarantine is None:
            return ()
        return (*self.quarantine.rejections.values(), *self.quarantine.unexplained.values())

    def _of(self, revision: int) -> Iterator[Rejection]:
        """What is held back of the newest edit up to a revision."""
        batch = bisect_right(self._edits, revision)
        return (
            found
            for found in self._rejections()
            if bisect_right(self._edits, found.revision) == batch
        )

    def _proxy(self, entry: Entry) -> ProxyStatus:
        node = entry.member.node
        return ProxyStatus(
            id=node.id,
            namespace=node.namespace,
            locality=str(node.locality),
            version=node.agent_version,
            mode=node.mode.value,
            wire=entry.stream.wire.value,
            connected=entry.connected,
            revision=entry.newest(self._publisher.revision),
            types=tuple(self._types(entry)),
        )

    def _types(self, entry: Entry) -> Iterator[TypeStatus]:
        for known in TYPES:
            watched = entry.stream.watched.get(known.url)
            if watched is None:
                continue
            _, reason = entry.refused.get(known.url, (None, ""))
            if reason:
                state = TypeState.REJECTED
            elif not watched.is_idle:
                state = TypeState.BEHIND
            else:
                state = TypeState.ACKED
            yield TypeStatus(known.short, state, len(watched.sent), reason[-1000:])

    def _lack(self, entry: Entry) -> Lacking:
        behind = tuple(
            short_name(watched.type_url)
            for watched in entry.stream.watched.values()
            if not watched.is_idle or entry.refuses(watched.type_url)
        )
        refused = next((reason for _, reason in entry.refused.values()), "")
        return Lacking(entry.member.node.id, behind, refused[-_REASON_LENGTH:] or "no answer yet")


def _some(resources: Iterable[Resource]) -> list[str]:
    names = [resource.name for resource in resources]
    return names if len(names) <= 3 else [*names[:3], f"and {len(names) - 3} more"]


def _rejection(rejection: Rejection) -> RejectionStatus:
    serving = "the last good version" if rejection.is_serving else "nothing: it was never good"
    return RejectionStatus(
        object=object_name(rejection.key) if rejection.key is not None else "",
        place=rejection.place,
        path=rejection.path,
        reason=rejection.reason,
        resource=rejection.resource.name,
        revision=rejection.revision,
        serving=serving,
        proxies=rejection.proxies,
    )
