"""One change at a time.

Edit a file, wait until every sidecar has ACKed what follows from it, read what the server used.

Whatever is compared takes turns within one loop, so that a slow minute of the machine hits all of
it. Figures are medians.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench.mesh import Mesh
from tests.bench.processes import BareServer, Child, Count, Load
from translators.codec.discovery import with_nonce

_IDLE_SECONDS = 1.5
_MANY = 300


@dataclass(frozen=True, slots=True)
class Change:
    """Something that an operator does.

    Attributes:
        key: Its name in JSON.
        title: Its name for people.
        last_type: A sidecar has it all when it has ACKed a response of this type.
        edit: Does it.
        undo: Takes it back, uncounted, which ends with clusters; None when the next turn does that.
    """

    key: str
    title: str
    last_type: str
    edit: Callable[[Mesh], None]
    undo: Callable[[Mesh], None] | None = None


ENDPOINT = Change("endpoint", "one endpoint more or less", "eds", Mesh.change_endpoint)
WEIGHT = Change("weight", "another weight", "vhds", Mesh.change_weight)
SERVICE = Change("service", "a new service", "vhds", Mesh.add_service, Mesh.remove_service)
LARGE = Change("endpoint_of_1000", "one of 1,000 endpoints", "eds", Mesh.change_large_endpoint)
CHANGES = (ENDPOINT, WEIGHT, SERVICE, LARGE)


@dataclass(slots=True, eq=False)
class Subject:
    """A server and its sidecars.

    Attributes:
        group: The sidecars' name.
        idle: Seconds of CPU that the server uses in a second without changes.
    """

    group: str
    server: Child
    load: Load
    port: int
    streams: int = 0
    idle: float = 0.0

    def connect(self, streams: int) -> None:
        """Add sidecars until there are so many."""
        self.load.connect(self.group, self.port, streams - self.streams)
        self.streams = streams

    def settle(self) -> Count:
        """Wait until the server has read the last ACKs."""
        return self.load.quiet(self.group, 0.15 if self.streams >= _MANY else 0.06)


@dataclass(slots=True, eq=False)
class Measured(Subject):
    """The control plane with a mesh."""

    mesh: Mesh = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one change took.

    Attributes:
        wall: Seconds from the edit to the last ACK.
        cpu: Seconds of CPU of the server.
        messages: Responses to each sidecar.
        size_bytes: Their size, for each sidecar.
    """

    wall: float
    cpu: float
    messages: float
    size_bytes: float


@dataclass(frozen=True, slots=True)
class Cost:
    """The medians of some turns; see `Turn`."""

    streams: int
    wall: float
    cpu: float
    messages: float
    size_bytes: float

    @property
    def cpu_per_push(self) -> float:
        """Seconds of CPU for each response and its ACK."""
        return self.cpu / (self.messages * self.streams)


def measure_idle(subjects: Sequence[Subject]) -> None:
    """Find out what the servers use when nothing happens."""
    time.sleep(0.3)
    before = [(subject.server.cpu(), time.monotonic()) for subject in subjects]
    time.sleep(_IDLE_SECONDS)
    for subject, (cpu, moment) in zip(subjects, before, strict=True):
        subject.idle = (subject.server.cpu() - cpu) / (time.monotonic() - moment)


def in_turns(
    change: Change, subjects: Sequence[Measured], rounds: int, bare: Subject | None = None
) -> tuple[dict[str, Cost], Cost | None]:
    """Costs of a change by group, and of the bare server that sends the same bytes.

    The first turn of each is not counted: what is made once, when a proxy's first change comes, is
    made then.
    """
    turns: dict[str, list[Turn]] = {subject.group: [] for subject in subjects}
    bare_turns: list[Turn] = []
    bodies: list[bytes] = []
    for number in range(rounds + 1):
        for subject in subjects:
            turn, bodies = _change(subject, change)
            if number:
                turns[subject.group].append(turn)
        if bare is not None:
            turn = _send(bare, bodies, change)
            if number:
                bare_turns.append(turn)
    costs = {subject.group: _cost(subject.streams, turns[subject.group]) for subject in subjects}
    return costs, _cost(bare.streams, bare_turns) if bare is not None else None


def _change(subject: Measured, change: Change) -> tuple[Turn, list[bytes]]:
    """One turn, and what it had each sidecar sent."""
    load, mesh = subject.load, subject.mesh
    turn = _turn(subject, change, lambda: change.edit(mesh))
    bodies = load.bodies(subject.group)
    if change.undo is not None:
        load.mark(subject.group)
        change.undo(mesh)
        load.wait(subject.group, "cds", subject.streams)
        subject.settle()
    return turn, bodies


def _send(bare: Subject, bodies: Sequence[bytes], change: Change) -> Turn:
    server = bare.server
    assert isinstance(server, BareServer)
    messages = [with_nonce(body, "1") for body in bodies]

    def push() -> None:
        for message in messages:
            server.push(message)

    return _turn(bare, change, push)


def _turn(subject: Subject, change: Change, act: Callable[[], None]) -> Turn:
    load, server = subject.load, subject.server
    load.mark(subject.group)
    cpu, moment = server.cpu(), time.monotonic()
    act()
    load.wait(subject.group, change.last_type, subject.streams)
    count = subject.settle()
    elapsed = time.monotonic() - moment
    used = server.cpu() - cpu - subject.idle * elapsed
    return Turn(
        wall=count.last - moment,
        cpu=max(used, 0.0),
        messages=count.messages / subject.streams,
        size_bytes=count.size_bytes / subject.streams,
    )


def _cost(streams: int, turns: Sequence[Turn]) -> Cost:
    return Cost(
        streams=streams,
        wall=median(turn.wall for turn in turns),
        cpu=median(turn.cpu for turn in turns),
        messages=median(turn.messages for turn in turns),
        size_bytes=median(turn.size_bytes for turn in turns),
    )
