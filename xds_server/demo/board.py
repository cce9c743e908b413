"""What the screen shows: a value that the demo's tasks write and the screen reads."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from xds_server.status import MeshStatus


class Verdict(enum.Enum):
    """How a step ended."""

    RUNNING = "running"
    KEPT = "kept"
    BROKEN = "broken"


@dataclass(slots=True)
class StepRecord:
    """One step of the walk and what came of it.

    `seconds` are those from an edit until it was everywhere, one for each edit. `seen` says who
    answered, `notes` what the control plane said. `broken` are the promises that did not hold.
    """

    title: str
    narration: str
    requests: int = 0
    errors: int = 0
    seconds: list[float] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    verdict: Verdict = Verdict.RUNNING


@dataclass(slots=True)
class Board:
    """The state of the demo at this moment."""

    directory: str = ""
    steps_planned: int = 0
    steps: list[StepRecord] = field(default_factory=list)
    status: MeshStatus = field(default_factory=lambda: MeshStatus(0))
    ejected: frozenset[str] = frozenset()

    @property
    def everywhere(self) -> int:
        """How many proxies have the newest revision."""
        return sum(proxy.revision >= self.status.revision for proxy in self.status.proxies)

    def complaints(self) -> list[str]:
        """What the control plane has to say against the files, named as in their directory."""
        status = self.status
        lines = [f"{p.place} {p.path}: {p.message}" for p in status.problems]
        lines += [
            f"{r.place} {r.path}: rejected by Envoy: {r.reason} (in use: {r.serving})"
            for r in status.rejections
        ]
        return [line.replace(f"{self.directory}/", "") for line in lines]
