"""What the control plane can say of itself: proxies, revisions, rejections and problems, as plain values.

The ledger makes them, the admin API sends them as JSON, the commands print them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from translators.model.origin import InputKey, Problem


class TypeState(enum.Enum):
    """How far one resource type of one proxy is."""

    ACKED = "acked"
    BEHIND = "behind"
    """Something newer was sent or waits to be sent."""
    REJECTED = "rejected"
    """The last answer was a NACK; what the proxy holds is the last good."""


@dataclass(frozen=True, slots=True)
class TypeStatus:
    """One resource type of one proxy; ``type`` is cds, eds, lds, rds, vhds or sds, ``resources`` how many it holds."""

    type: str
    state: TypeState
    resources: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProxyStatus:
    """One connected proxy. ``revision`` is the newest one that it has wholly; ``types`` is in the order CDS, EDS, LDS, RDS, VHDS."""

    id: str
    namespace: str
    locality: str
    version: str
    mode: str
    wire: str
    connected: str
    revision: int
    types: tuple[TypeStatus, ...]


@dataclass(frozen=True, slots=True)
class ProblemStatus:
    """A finding about a document; ``severity`` as in translators.model.origin.Severity; ``place`` is file:line."""

    severity: str
    object: str
    place: str
    path: str
    message: str


def problem_status(problem: Problem) -> ProblemStatus:
    """The problem in words: its place is its own line if that is known, else its document's first."""
    place = ""
    if problem.origin is not None:
        place = f"{problem.origin.source}:{problem.line or problem.origin.line}"
    return ProblemStatus(
        severity=problem.severity.value,
        object=object_name(problem.key) if problem.key is not None else "",
        place=place,
        path=problem.path,
        message=problem.message,
    )


def object_name(key: InputKey) -> str:
    """``Kind namespace/name``, or ``Kind name`` where there is no namespace."""
    kind, namespace, name = key
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


@dataclass(frozen=True, slots=True)
class RejectionStatus:
    """An object that Envoy refused and that is held back; ``serving`` says what proxies have instead."""

    object: str
    place: str
    path: str
    reason: str
    resource: str
    revision: int
    serving: str


@dataclass(frozen=True, slots=True)
class MeshStatus:
    """Everything at one moment. ``revision`` is the newest one."""

    revision: int
    proxies: tuple[ProxyStatus, ...] = ()
    rejections: tuple[RejectionStatus, ...] = ()
    problems: tuple[ProblemStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class Lacking:
    """A proxy that does not have a revision yet, and why as far as is known."""

    proxy: str
    types: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class WaitResult:
    """The answer to "is this revision everywhere?"; ``seconds`` is how long the question waited."""

    revision: int
    everywhere: bool
    proxies: int
    seconds: float
    lacking: tuple[Lacking, ...] = ()


class StatusSource(Protocol):
    """What the admin API asks."""

    def is_ready(self) -> bool:
        """Whether the first full listing was read and published."""

    def status(self) -> MeshStatus:
        """Everything at this moment."""

    async def wait(self, revision: int | None, timeout: float | None) -> WaitResult:  # noqa: ASYNC109
        """Waits until every proxy has the revision (None: the newest now), or the timeout in seconds passed."""
