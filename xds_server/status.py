"""What the control plane can say of itself.

Proxies, revisions, rejections and problems, as plain values.

The ledger makes them, the admin API sends them as JSON, the commands print them.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Protocol

from translators.model.origin import Problem

_HALVES = re.compile("[\ud800-\udfff]")


class TypeState(enum.Enum):
    """How far one resource type of one proxy is."""

    ACKED = "acked"
    BEHIND = "behind"
    """Something newer was sent or waits to be sent."""
    REJECTED = "rejected"
    """The last answer was a NACK; what the proxy holds is the last good."""


@dataclass(frozen=True, slots=True)
class TypeStatus:
    """One resource type of one proxy.

    `type` is the short name of `resource_types`, `resources` how many it holds.
    """

    type: str
    state: TypeState
    resources: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProxyStatus:
    """One connected proxy.

    `revision` is the newest one that it has wholly; `types` is in the order CDS, EDS, LDS, RDS,
    VHDS.
    """

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
    """A finding about a document.

    `severity` as in translators.model.origin.Severity; `place` is file:line.
    """

    severity: str
    object: str
    place: str
    path: str
    message: str


def writable(text: str) -> str:
    """The text without halves of characters, which no encoding can write.

    They come from names of files that are not UTF-8, for one.
    """
    return text if text.isascii() else _HALVES.sub("\ufffd", text)


def problem_status(problem: Problem) -> ProblemStatus:
    """The problem in words.

    Its place is its own line if that is known, else its document's first.
    """
    return ProblemStatus(
        severity=problem.severity.value,
        object=str(problem.key) if problem.key is not None else "",
        place=problem.place,
        path=problem.path,
        message=problem.message,
    )


@dataclass(frozen=True, slots=True)
class RejectionStatus:
    """An object that Envoy rejected and that is held back.

    Attributes:
        object: The object; empty when only the resource is known.
        place: The file:line of what is to blame; empty when it is not known.
        path: The field that is to blame; empty when it is not known.
        reason: Envoy's words.
        resource: The resource that was rejected.
        revision: The revision that brought what was rejected.
        serving: What proxies have instead.
        proxies: Ids of proxies that rejected it, as far as they were asked; may be empty.
    """

    object: str
    place: str
    path: str
    reason: str
    resource: str
    revision: int
    serving: str
    proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MeshStatus:
    """Everything at one moment.

    `revision` is the newest one; `judge` is which Envoy judges what others reject, empty if none
    does.
    """

    revision: int
    proxies: tuple[ProxyStatus, ...] = ()
    rejections: tuple[RejectionStatus, ...] = ()
    problems: tuple[ProblemStatus, ...] = ()
    judge: str = ""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A proxy that does not have a revision yet, and why as far as is known."""

    proxy: str
    types: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class WaitResult:
    """The answer to "is this revision everywhere?".

    Attributes:
        revision: The revision that was asked for.
        everywhere: Whether every proxy has all of it.
        proxies: How many are connected.
        seconds: How long the question waited.
        lacking: Who does not have it.
        exists: Whether there is such a revision yet.
        rejected: What Envoy rejected of this very edit; it is held back, so nobody has it.
        held_back: What is held back of earlier edits; that is no reason not to be everywhere.
        failed: What of this very edit could not be translated, by a bug of ours: so nobody has it.
    """

    revision: int
    everywhere: bool
    proxies: int
    seconds: float
    lacking: tuple[Lacking, ...] = ()
    rejected: tuple[RejectionStatus, ...] = ()
    held_back: tuple[RejectionStatus, ...] = ()
    exists: bool = True
    failed: tuple[ProblemStatus, ...] = ()


class StatusSource(Protocol):
    """What the admin API asks."""

    def is_ready(self) -> bool:
        """Whether the first full listing was read and published."""

    def status(self) -> MeshStatus:
        """Everything at this moment."""

    async def wait(self, revision: int | None, timeout: float | None) -> WaitResult:  # noqa: ASYNC109
        """The answer once every proxy has the revision (None: the newest), or time is up."""
