"""The whole benchmark.

Which servers with which meshes and sidecars take part, and what is asked of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import codec
from tests.bench.mesh import Mesh
from tests.bench.processes import BareServer, Load, Server
from tests.bench.report import Progress, Report
from tests.bench.rounds import CHANGES, ENDPOINT, Measured, Subject, in_turns, measure_idle
from tests.bench.tables import (
    Connecting,
    Findings,
    Start,
    codec_table,
    tables,
)

BARE = "bare"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        services: Sizes of the mesh, without the huge one; the last is the one that is compared with
            the bare server.
        huge: A mesh of so many services also takes part in the one-endpoint change; 0: none.
        huge_streams: So many sidecars at most connect to it.
        streams: Numbers of sidecars, growing.
        rounds: Turns for each change, for each of those numbers.
        starts: Starts of each server.
        codec_turns: Turns of each comparison of the codec.
        endpoints: Endpoints of each service.
    """

    services: tuple[int, int] = (100, 1000)
    huge: int = 5000
    huge_streams: int = 100
    streams: tuple[int, ...] = (1, 100, 1000)
    rounds: tuple[int, ...] = (10, 8, 5)
    starts: int = 3
    codec_turns: int = 5
    endpoints: int = 20


FULL = Plan()
QUICK = Plan(huge=0, streams=(1, 100, 300), rounds=(3, 3, 3), starts=1, codec_turns=2)


class Bench:
    """One run, in a directory of its own; `command` serves a directory (see `Server`)."""

    def __init__(self, plan: Plan, command: str, directory: Path, progress: Progress) -> None:
        self._plan = plan
        self._command = command
        self._directory = directory
        self._progress = progress
        self._findings = Findings()

    def run(self) -> Report:
        """Measure everything."""
        plan = self._plan
        self._progress("codec against betterproto2")
        self._findings.codec = list(codec.comparisons(plan.codec_turns))
        sizes = [*plan.services, *([plan.huge] if plan.huge else [])]
        meshes = {size: self._write(size) for size in sizes}
        self._start_repeatedly([meshes[size] for size in plan.services])
        with contextlib.ExitStack() as stack:
            load = stack.enter_context(Load(self._directory / "load.log"))
            subjects = []
            for size in sizes:
                server = stack.enter_context(self._start(meshes[size]))
                subjects.append(
                    Measured(f"services-{size}", server, load, server.port, mesh=meshes[size])
                )
            sender = stack.enter_context(BareServer(self._directory / "bare.log"))
            bare = Subject(BARE, sender, load, sender.port)
            for number, streams in enumerate(plan.streams):
                self._connect([*subjects, bare], streams)
                self._change(subjects, bare, plan.rounds[number])
        report = Report()
        for table in tables(self._findings, plan.services, plan.huge):
            report.add(table)
        report.add(codec_table(self._findings.codec))
        return report

    def _write(self, services: int) -> Mesh:
        mesh = Mesh(self._directory / f"services-{services}", services, self._plan.endpoints)
        self._progress(f"writing a mesh of {services:,} services")
        mesh.write()
        return mesh

    def _start(self, mesh: Mesh) -> Server:
        self._progress(f"starting a server with {mesh.services:,} services")
        server = Server(
            self._command, mesh.directory, self._directory / f"{mesh.directory.name}.log"
        )
        self._findings.starts.setdefault(mesh.services, []).append(
            Start(server.ready_cpu, server.ready_wall, server.memory())
        )
        return server

    def _start_repeatedly(self, meshes: Sequence[Mesh]) -> None:
        for _ in range(self._plan.starts - 1):
            for mesh in meshes:
                with self._start(mesh):
                    pass

    def _connect(self, subjects: Sequence[Subject], streams: int) -> None:
        for subject in subjects:
            wanted = streams
            if isinstance(subject, Measured) and subject.mesh.services == self._plan.huge:
                wanted = min(streams, self._plan.huge_streams)
            if subject.streams < wanted:
                self._progress(
                    f"connecting sidecars to {subject.group}: {wanted - subject.streams:,} more"
                )
                self._connect_one(subject, wanted)
        self._progress("idling")
        measure_idle(subjects)
        for subject in subjects:
            self._findings.memory[subject.group, subject.streams] = subject.server.memory()
            self._findings.idle[subject.group, subject.streams] = subject.idle

    def _connect_one(self, subject: Subject, streams: int) -> None:
        server, load = subject.server, subject.load
        added = streams - subject.streams
        load.mark(subject.group)
        cpu = server.cpu()
        subject.connect(streams)
        if isinstance(subject, Measured):
            load.wait(subject.group, "vhds", added)
        count = load.quiet(subject.group, 0.3)
        self._findings.connecting[subject.group, streams] = Connecting(
            added, (server.cpu() - cpu) / added, count.size_bytes / added
        )

    def _change(self, subjects: Sequence[Measured], bare: Subject, rounds: int) -> None:
        plan, findings = self._plan, self._findings
        regular = subjects[: len(plan.services)]
        for change in CHANGES:
            self._progress(
                f"{change.title}, {rounds} times, {bare.streams:,} sidecar{'s' if bare.streams > 1 else ''}"
            )
            costs, pushed = in_turns(change, regular, rounds, bare)
            for group, cost in costs.items():
                findings.costs[change.key, group, cost.streams] = cost
            if pushed is not None:
                findings.costs[change.key, BARE, pushed.streams] = pushed
        if plan.huge and bare.streams <= plan.huge_streams:
            self._progress(f"{ENDPOINT.title}: {plan.services[0]:,} against {plan.huge:,} services")
            costs, _ = in_turns(ENDPOINT, [subjects[0], subjects[-1]], rounds)
            findings.huge[bare.streams] = (costs[subjects[0].group], costs[subjects[-1].group])
