"""What a case came to, what may be wrong with that, and the table of all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

MOST_MS = 2000.0
"""The time in which a mistake has to be named, and an honest edit has to be served."""
MOST_KEPT_MIB = 48.0
"""What the server may have grown by when a client is gone, for what Python keeps to itself."""


@dataclass
class Outcome:
    """One case. Times in milliseconds; None: not within its patience, or nothing to measure.

    Attributes:
        suite: poison, clients, disk or edits.
        case: The name of its row.
        where: The mode, and warm or cold.
        lost: Requests lost by those who are not the author.
        lost_of_author: Requests that the author lost, which is its own affair.
        has_name: Whether the status has to name the document.
        named: When the status named the document.
        said: What it said of it.
        edit: How long an honest edit took meanwhile, on the slower Envoy.
        healed: How long all took to be well after the mistake was mended, the client gone.
        kept_mib: What the server has grown by after it.
        wrong: What else was not as it should be.
        detail: What helps to understand it, too long for a table.
    """

    suite: str
    case: str
    where: str
    lost: int = 0
    lost_of_author: int = 0
    has_name: bool = False
    named: float | None = None
    said: str = ""
    edit: float | None = None
    healed: float | None = None
    kept_mib: float | None = None
    wrong: list[str] = field(default_factory=list)
    detail: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Everything about it that breaks the promise; empty when it holds."""
        faults = list(self.wrong)
        if self.lost:
            faults.append(f"{self.lost} honest requests were lost")
        if self.has_name and (self.named is None or self.named > MOST_MS):
            faults.append(f"the document was named after {_ms(self.named)}")
        if self.edit is not None and self.edit > MOST_MS:
            faults.append(f"an honest edit took {_ms(self.edit)}")
        if self.healed is None:
            faults.append("it did not heal")
        if self.kept_mib is not None and self.kept_mib > MOST_KEPT_MIB:
            faults.append(f"the server kept {self.kept_mib:.0f} MiB")
        return faults

    def dumped(self) -> str:
        """As text, for a report that travels between processes."""
        return json.dumps(asdict(self))


def loaded(text: str) -> Outcome:
    """Read what `dumped` made."""
    return Outcome(**json.loads(text))


_HEADS = ("case", "where", "lost", "author lost", "named ms", "edit ms", "healed ms", "fault")


def table(outcomes: Iterable[Outcome]) -> str:
    """All outcomes as Markdown, suite by suite."""
    by_suite: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_suite.setdefault(outcome.suite, []).append(outcome)
    parts = []
    for suite, listed in sorted(by_suite.items()):
        listed.sort(key=lambda outcome: (outcome.case, outcome.where))
        failed = sum(bool(outcome.faults()) for outcome in listed)
        rows = [_HEADS, ("---",) * len(_HEADS), *map(_row, listed)]
        head = f"## {suite}\n\n{len(listed)} cases, {failed} of them with a fault.\n"
        parts.append("\n".join([head, *(f"| {' | '.join(row)} |" for row in rows)]))
    return "\n\n".join(parts) + "\n"


def _row(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.case.replace("|", "\\|"),
        outcome.where,
        str(outcome.lost),
        str(outcome.lost_of_author),
        _number(outcome.named),
        _number(outcome.edit),
        _number(outcome.healed),
        "; ".join(outcome.faults()).replace("|", "\\|").replace("\n", " ")[:300],
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _ms(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} ms"
