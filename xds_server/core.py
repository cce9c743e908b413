"""The core of the server without its edges: world, serving, quarantine and ledger, joined.

In: batches of the sources, proxies that come, and what their streams say. Out: snapshots for
streams, and answers for the admin API. There is no I/O and no task in here; who drives it says when
time passes. The app has one, and so have the tests of what is decided; the bench runs the app.

Nothing is done while a stream speaks: what it says is noted in the ledger and in the inbox, and
`work` acts on the inbox, once a turn of the event loop. So calls go one way: streams → inbox →
quarantine → edits → publisher → snapshots, and what was done is told to the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from translators import names
from translators.codec.node import RawNode
from translators.database import Database
from translators.model.origin import Problem
from translators.model.proxy_node import ProxyNode
from translators.model.resource import Resource
from translators.object_key import ObjectKey
from translators.world import INDEXES
from xds_server import log, memory
from xds_server.ads.diff import Response
from xds_server.ads.node import proxy_node
from xds_server.ads.seams import Wire
from xds_server.ads.stream import Stream
from xds_server.clock import Clock
from xds_server.judge.bootstrap import can_judge
from xds_server.ledger.failures import Failures
from xds_server.ledger.ledger import Ledger
from xds_server.ledger.lost_hosts import LostHosts
from xds_server.metrics import Metrics
from xds_server.quarantine.docket import Urgency
from xds_server.quarantine.inbox import (
    Accepted,
    Claimed,
    Gone,
    Inbox,
    Judged,
    Rejected,
    Unjudged,
)
from xds_server.quarantine.locator import Locator
from xds_server.quarantine.quarantine import Quarantine
from xds_server.quarantine.rejection import Progress, Rejection
from xds_server.serving.edits import Committed, Edits
from xds_server.serving.groups import Member
from xds_server.serving.publisher import Publisher
from xds_server.sources.batch import Batch
from xds_server.status import MeshStatus, WaitResult

_log = log.logger(__name__)

HELD_SECONDS: Final = 2.0
"""So long a proxy that comes waits at most for a verdict on what nobody has accepted yet."""


class Core:
    """All that decides what is served.

    Args:
        locator: Knows where objects were written.
        clock: Time.
        wake: Is called when there is something for `work` to do, or there may be questions; None:
            whoever drives the core looks anyway.

    Attributes:
        database: The world and what is made of it.
        publisher: From the world to snapshots.
        edits: The one way to change the world.
        quarantine: What an Envoy rejected.
        ledger: Who has what.
        failures: What of the translation fails, by our own bugs.
        inbox: What streams said and was not acted on yet.
        observer: Whom streams tell.
        problems: What is wrong with documents.
        joins: How many proxies ever came.
        held_back_changed: Is called when something is held back, or is so no more.
    """

    def __init__(
        self,
        locator: Locator,
        metrics: Metrics,
        clock: Clock,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self.database = Database(INDEXES)
        self.publisher = Publisher(self.database)
        self.edits = Edits(self.publisher)
        self.quarantine = Quarantine(self.publisher, self.edits, locator, clock.now)
        self.inbox = Inbox(wake or _nothing)
        self.ledger = Ledger(
            self.publisher, self.quarantine, metrics, clock, lambda: self.inbox.is_empty
        )
        self.failures = Failures(self.publisher, locator)
        self._lost_hosts = LostHosts(self.database)
        self._found: tuple[Problem, ...] = ()
        self.problems: tuple[Problem, ...] = ()
        self.observer = StreamObserver(self.ledger, self.inbox)
        self.joins = 0
        self._metrics = metrics
        self._clock = clock
        self._held: dict[Member, float] = {}
        self._wake = wake or _nothing
        self.held_back_changed: Callable[[], None] = _nothing
        self._now = clock.now

    def take(self, batch: Batch, *, is_ready: bool = True) -> Committed:
        """Take in one edit of the sources; `is_ready`: each of them has been read once."""
        self.work()
        committed = self.edits.commit(batch)
        progress = self.quarantine.follow(committed)
        self._note_failures(is_edit=True, is_read=True)
        self.ledger.committed(committed)
        self._note(progress)
        self._found = batch.problems
        self._lost_hosts.follow(batch)
        self._list(is_ready=is_ready)
        if committed.changed:
            _log.info(
                "revision published",
                revision=committed.revision,
                set=_some(batch.set),
                removed=_some(batch.removed),
            )
        self._wake_for_questions()
        return committed

    def watch(self, node: RawNode, wire: Wire) -> Member:
        """Take a proxy in.

        Raises:
            NodeRefusedError: The node cannot be understood.
        """
        return self.join(proxy_node(node), inline=wire is Wire.SOTW)

    def join(self, node: ProxyNode, *, inline: bool) -> Member:
        """Take a proxy in; `inline`: its route configurations carry their hosts."""
        self.joins += 1
        with memory.bulk():
            member = self.publisher.join(node, inline=inline)
            if self.joins == 1:
                # What the first proxy is sent is most of what all others will be.
                memory.freeze()
        self.quarantine.joined()
        if self.quarantine.is_examining:
            member.is_held = True
            self._held[member] = self._clock.now()
        self._wake_for_questions()
        self._note_failures(is_edit=False)
        return member

    def work(self) -> None:
        """Act on what streams said."""
        if not self.inbox.is_empty:
            self._note(self.quarantine.work(self.inbox.take()))
        if self._held:
            self._let_go()

    def restore(self, rejections: Iterable[Rejection]) -> None:
        """Hold back what was held back before a restart, where it is the same still."""
        for rejection in self.quarantine.restore(rejections):
            _log.warning(
                "object is still held back",
                object=str(rejection.key),
                place=rejection.place,
                path=rejection.path,
                reason=rejection.reason,
            )
        self.ledger.progressed(Progress())

    def found_judge(self, version: str, *, is_asked_first: bool = False) -> None:
        """Begin to put questions to a judge, an Envoy of this version.

        `is_asked_first`: nothing that an edit makes is served before it was judged, but endpoints.
        """
        self.ledger.judge = version
        self.quarantine.docket.is_closed = False
        self.publisher.must_wait = must_be_judged if is_asked_first else _never
        self.quarantine.joined()

    def lost_judge(self) -> None:
        """Put no questions any more: there is no judge, or it does not work."""
        self.ledger.judge = ""
        self.publisher.must_wait = _never
        self.inbox.put(Unjudged())

    def questions(self) -> tuple[Resource, ...]:
        """What is to be judged now, and was not asked before; `judged` takes what becomes of it."""
        return self.quarantine.docket.take()

    def judged(self, asked: tuple[Resource, ...], rejected: Mapping[Resource, str]) -> None:
        """Take in what the judge rejects of what it was asked about, and why."""
        self.inbox.put(Judged(asked, rejected))

    def is_ready(self) -> bool:
        """Whether the first full listing of every source was read and published."""
        return self.ledger.is_ready()

    def status(self) -> MeshStatus:
        """Everything at this moment."""
        self.work()
        return self.ledger.status()

    async def wait(self, revision: int | None, timeout: float | None) -> WaitResult:  # noqa: ASYNC109
        """The answer once every proxy has the revision (None: the newest).

        Also when one will not have it, or the seconds are up.
        """
        self.work()
        return await self.ledger.wait(revision, timeout)

    def tick(self) -> None:
        """Act on what time alone brings about; for every second or so."""
        self.work()
        self._note(self.quarantine.tick())
        self.publisher.tidy(self._now())
        self._metrics.query_runs = self.database.statistics.runs
        self._wake_for_questions()

    def _let_go(self) -> None:
        """Serve proxies that came while what is made for them was being judged.

        They wait for a verdict, but not for long.
        """
        latest = self._clock.now() - HELD_SECONDS
        for member, since in list(self._held.items()):
            if not self.quarantine.is_examining or since <= latest:
                del self._held[member]
                member.is_held = False
                if member.wake is not None:
                    member.wake()

    def _wake_for_questions(self) -> None:
        if self.quarantine.docket.has(Urgency.REVIEW):
            self._wake()

    def _list(self, *, is_ready: bool) -> None:
        self.problems = self._found + self._lost_hosts.problems()
        self.ledger.listed(self.problems, is_ready=is_ready)

    def _note(self, progress: Progress) -> None:
        self._note_failures(is_edit=True)
        self.ledger.progressed(progress)
        if progress.rejected or progress.explained or progress.lifted:
            self._list(is_ready=self.ledger.is_ready())
            self.held_back_changed()

    def _note_failures(self, *, is_edit: bool, is_read: bool = False) -> None:
        for failure in self.failures.follow(is_edit=is_edit, is_read=is_read):
            self.ledger.translation_failed(failure)
        self.ledger.failing(self.failures.queries, self.failures.problems)


class StreamObserver:
    """Whom streams tell.

    It notes in the ledger what is to be known, and in the inbox what is to be acted on.
    """

    def __init__(self, ledger: Ledger, inbox: Inbox) -> None:
        self._ledger = ledger
        self._inbox = inbox

    def connected(self, stream: Stream) -> None:
        """Note a proxy that introduced itself."""
        self._ledger.connected(stream)

    def disconnected(self, stream: Stream) -> None:
        """Note the end of a stream."""
        self._inbox.put(Gone(stream))
        self._ledger.disconnected(stream)

    def pushed(self, _stream: Stream, type_url: str, response: Response) -> None:
        """Note a response that was handed to the transport."""
        self._ledger.pushed(type_url, response)

    def acked(self, stream: Stream, type_url: str, response: Response) -> None:
        """Note an ACK.

        Only the first one of a response tells anything new.
        """
        self._ledger.acked(stream, type_url, response)
        if not response.is_accepted:
            response.is_accepted = True
            self._inbox.put(Accepted(response, stream))

    def nacked(
        self, stream: Stream, type_url: str, response: Response, code: int, message: str
    ) -> None:
        """Note a NACK."""
        if self._ledger.nacked(stream, type_url, response, code, message):
            self._inbox.put(Rejected(response, type_url, message, stream))

    def settled(self, stream: Stream, revision: int) -> None:
        """Note that a stream has answered everything.

        The first time that is also what it had kept from an earlier stream.
        """
        if self._ledger.is_new(stream):
            held = tuple((each.sent, each.rejected) for each in stream.watched.values())
            self._inbox.put(Claimed(held))
        self._ledger.settled(stream, revision)

    def warned(self, stream: Stream, message: str) -> None:
        """Note something that should not have been necessary."""
        self._ledger.warned(stream, message)

    def turned_away(self, peer: str, code: str, message: str) -> None:
        """Note a stream that was not taken, or ended by this side."""
        self._ledger.turned_away(peer, code, message)


def _some(keys: Iterable[ObjectKey]) -> str:
    names = sorted(map(str, keys))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def must_be_judged(resource: Resource) -> bool:
    """Whether a resource waits for the judge where that is wanted; endpoints never do."""
    return resource.type_url != names.ENDPOINT_TYPE and can_judge(resource)


def _never(_resource: Resource) -> bool:
    return False


def _nothing() -> None:
    """Nobody needs to be woken."""
