"""The truth about streams: who is connected, who has which revision, what was rejected.

Streams, edits and the quarantine are noted here; `status` and `wait` are answered from the notes.
Nothing else is done.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable

from translators.database import Failure
from translators.model.origin import Problem, Severity
from translators.model.resource import Resource
from translators.resource_types import short_name, type_label
from xds_server import log
from xds_server.ads.diff import Response
from xds_server.ads.stream import Stream
from xds_server.clock import Clock
from xds_server.ledger.convergence import Convergence
from xds_server.ledger.entry import Entry
from xds_server.ledger.failures import FailedQuery
from xds_server.ledger.report import lacking, proxy_status, rejection_status
from xds_server.metrics import Metrics, TypeMetrics
from xds_server.quarantine.quarantine import Quarantine
from xds_server.quarantine.rejection import Progress, Rejection
from xds_server.quarantine.words import shortened
from xds_server.serving.edits import Committed
from xds_server.serving.groups import Member
from xds_server.serving.publisher import Publisher
from xds_server.status import MeshStatus, WaitResult, problem_status

_log = log.logger(__name__)

EDITS_KEPT = 1024
"""How many revisions of sources are told apart from the quarantine's own."""

_OTHER = type_label("")
REASONS_TOLD = 256
"""How many reasons for turning proxies away are remembered.

Proxies that keep trying are not to fill the log.
"""


class _TypeCounts(dict[str, TypeMetrics]):
    """Type URL → its counts, looked up once; of types that clients made up nothing is kept."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def __missing__(self, type_url: str) -> TypeMetrics:
        label = type_label(type_url)
        counts = self._metrics.type(label)
        if label != _OTHER:
            self[type_url] = counts
        return counts


class Ledger:
    """Notes what happens; answers what is where.

    Args:
        publisher: Knows which revisions there are.
        quarantine: Is asked what is held back.
        metrics: Counts what is noted.
        clock: Says when.
        is_heard: Whether the quarantine has acted on all that streams said.

    Attributes:
        judge: Which Envoy judges what others reject, such as `1.40.0`; empty: none does.
    """

    def __init__(
        self,
        publisher: Publisher,
        quarantine: Quarantine,
        metrics: Metrics,
        clock: Clock,
        is_heard: Callable[[], bool],
    ) -> None:
        self._publisher = publisher
        self._quarantine = quarantine
        self._metrics = metrics
        self._clock = clock
        self._is_heard = is_heard
        self._entries: dict[Stream, Entry] = {}
        self._convergence = Convergence(publisher, metrics, clock, self._is_decided, self._is_lost)
        self._edits: list[int] = []
        self._problems: tuple[Problem, ...] = ()
        self._failed: tuple[FailedQuery, ...] = ()
        self._failures: tuple[Problem, ...] = ()
        self._is_ready = False
        self._counts = _TypeCounts(metrics)
        self._told: set[int] = set()
        self.judge = ""

    # Sources and translation.

    def listed(self, problems: tuple[Problem, ...], *, is_ready: bool) -> None:
        """Note all findings about documents, and whether every source has been read once."""
        self._is_ready = is_ready
        self._problems = problems
        self._count_problems()

    def committed(self, committed: Committed) -> None:
        """Note an edit of a source."""
        if committed.changed:
            self._edits.append(committed.revision)
            del self._edits[:-EDITS_KEPT]
            self._convergence.published(self._publisher.revision, self._entries.values())

    def failing(self, failed: tuple[FailedQuery, ...], problems: tuple[Problem, ...]) -> None:
        """Note which queries raise now, and what that means for objects."""
        self._failed = failed
        self._failures = problems
        self._count_problems()

    def translation_failed(self, failure: Failure) -> None:
        """Note that a query raises that did not, which is a bug of ours.

        The resource keeps its last good bytes.
        """
        self._metrics.translation_failures += 1
        _log.error("translation failed", query=failure.origin, traceback=failure.traceback)

    # Streams.

    def connected(self, stream: Stream) -> None:
        """Note that a proxy introduced itself."""
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
        """Note that a stream ended."""
        entry = self._entries.pop(stream, None)
        if entry is None:
            return
        self._metrics.wire(stream.wire.value).close()
        _log.info("proxy disconnected", node=entry.member.node.id)
        self._convergence.left(entry)

    def pushed(self, type_url: str, response: Response) -> None:
        """Note that a response was handed to the transport."""
        self._counts[type_url].pushed(len(response.body))

    def acked(self, stream: Stream, type_url: str, response: Response) -> None:
        """Note that a proxy accepted a response."""
        entry = self._entries.get(stream)
        if entry is not None:
            entry.accept(type_url, response)
            sent = stream.watched[type_url].sent_time
            self._counts[type_url].ack.observe(self._clock.now() - sent)

    def nacked(
        self, stream: Stream, type_url: str, response: Response, code: int, message: str
    ) -> bool:
        """Note that a proxy rejected a response; False when the proxy is not known."""
        self._counts[type_url].nacks += 1
        entry = self._entries.get(stream)
        if entry is None:
            return False
        reason = shortened(message)
        known = entry.rejected.get(type_url)
        entry.rejected[type_url] = (response, reason)
        if known is not None and known[1] == reason and known[0].changed == response.changed:
            # A client that asks for the same again and rejects it is not to fill the log.
            return True
        _log.warning(
            "response rejected",
            node=entry.member.node.id,
            type=short_name(type_url),
            resources=", ".join(_some(response.changed)),
            code=code,
            reason=reason,
        )
        return True

    def is_new(self, stream: Stream) -> bool:
        """Whether a known proxy has not settled yet since it came."""
        entry = self._entries.get(stream)
        return entry is not None and entry.settled < 0

    def settled(self, stream: Stream, revision: int) -> None:
        """Note that a proxy has answered everything of the snapshot of this revision."""
        entry = self._entries.get(stream)
        if entry is not None:
            entry.settle(revision, self._publisher.revision)
            self._convergence.settled(entry)

    def turned_away(self, peer: str, code: str, message: str) -> None:
        """Note that a proxy was not taken in, or its stream ended by this side.

        It will try again, and is told of once.
        """
        self._metrics.turned_away(code)
        # The reason itself may hold anything that a client says of itself, so it is not kept.
        reason = hash(message)
        if reason not in self._told:
            if len(self._told) >= REASONS_TOLD:
                self._told.clear()
            self._told.add(reason)
            _log.warning("proxy turned away", peer=peer, code=code, reason=message)

    def warned(self, stream: Stream, message: str) -> None:
        """Note that a change went out though what it depends on had not been ACKed in time."""
        self._metrics.gates_expired += 1
        entry = self._entries.get(stream)
        _log.warning(message, node=entry.member.node.id if entry is not None else "")

    # Quarantine.

    def progressed(self, progress: Progress) -> None:
        """Note what the quarantine did."""
        for rejection in progress.lifted:
            _tell_lifted(rejection)
        for rejection in progress.rejected:
            # Of an object that is withheld the field is told as well, once it was looked for.
            if rejection.key is None or not rejection.is_withheld:
                _tell_rejected(rejection)
        for rejection in progress.explained:
            _tell_rejected(rejection)
        self._metrics.quarantined = len(self._quarantine.rejections)
        revision = self._publisher.revision
        if progress.carried:
            self._convergence.carried(progress.carried, self._entries.values())
        if revision > self._metrics.revision:
            self._convergence.published(revision, self._entries.values())
        else:
            self._convergence.review()

    # Questions.

    def is_ready(self) -> bool:
        """Whether the first full listing of every source was read and published."""
        return self._is_ready

    def status(self) -> MeshStatus:
        """Everything at this moment; proxies sorted by id."""
        newest = self._publisher.revision
        proxies = (proxy_status(entry, newest) for entry in self._entries.values())
        return MeshStatus(
            revision=newest,
            judge=self.judge,
            proxies=tuple(sorted(proxies, key=lambda proxy: proxy.id)),
            rejections=tuple(map(rejection_status, self._quarantine.all())),
            problems=tuple(map(problem_status, self._problems + self._failures)),
        )

    async def wait(self, revision: int | None, timeout: float | None) -> WaitResult:  # noqa: ASYNC109
        """The answer once every proxy has the revision (None: the newest now).

        Also when one will not have it, or the time is up.

        The time is in seconds. A revision is not everywhere while something that it brought is held
        back. What earlier revisions brought is only told: whoever waits for his own change is not
        to fail by another's.
        """
        began = self._clock.now()
        wanted = self._publisher.revision if revision is None else revision
        waiter = await self._convergence.wait(wanted, self._entries.values(), timeout)
        own = [each for each in self._quarantine.all() if self._is_of(each.revision, wanted)]
        failed = self._failed_of(wanted)
        behind = [lacking(entry) for entry in waiter.lacking or ()]
        return WaitResult(
            revision=wanted,
            everywhere=waiter.is_over and not behind and not own and not failed,
            proxies=len(self._entries),
            seconds=round(self._clock.now() - began, 3),
            lacking=tuple(sorted(behind, key=lambda lack: lack.proxy)),
            exists=wanted <= self._publisher.revision,
            rejected=tuple(map(rejection_status, own)),
            failed=tuple(map(problem_status, failed)),
            held_back=tuple(
                rejection_status(other) for other in self._quarantine.all() if other not in own
            ),
        )

    def _is_decided(self) -> bool:
        return self._is_heard() and not self._quarantine.is_trying

    def _is_lost(self, revision: int) -> bool:
        """Whether something of a revision is held back or could not be translated."""
        return bool(self._failed_of(revision)) or any(
            self._is_of(rejection.revision, revision) for rejection in self._quarantine.all()
        )

    def _failed_of(self, revision: int) -> tuple[Problem, ...]:
        """What could not be translated of the newest edit up to a revision."""
        own = (query for query in self._failed if self._is_of(query.revision, revision))
        return tuple(dict.fromkeys(problem for query in own for problem in query.problems))

    def _is_of(self, brought: int, revision: int) -> bool:
        """Whether something came with the newest edit up to a revision."""
        return bisect_right(self._edits, brought) == bisect_right(self._edits, revision)

    def _count_problems(self) -> None:
        severities = Counter[Severity]()
        for problem in self._problems + self._failures:
            severities[problem.severity] += problem.count
        self._metrics.problems = {each.value: count for each, count in severities.items()}


def _tell_rejected(rejection: Rejection) -> None:
    reason = shortened(rejection.reason)
    if rejection.key is None:
        _log.error(
            "resource withheld, cause unknown", resource=rejection.resource.name, reason=reason
        )
        return
    _log.warning(
        "object rejected by envoy",
        object=str(rejection.key),
        place=rejection.place,
        path=rejection.path,
        resource=rejection.resource.name,
        reason=reason,
    )


def _tell_lifted(rejection: Rejection) -> None:
    if rejection.key is not None:
        _log.info("rejected object changed, trying it again", object=str(rejection.key))


def _some(resources: Iterable[Resource]) -> list[str]:
    names = [resource.name for resource in resources]
    return names if len(names) <= 3 else [*names[:3], f"and {len(names) - 3} more"]
