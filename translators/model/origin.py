"""Where a configuration object came from, and what is wrong with it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from translators.object_key import ObjectKey

Labels = frozenset[tuple[str, str]]
"""Label pairs; `selector <= labels` is "the selector matches". Sort before anything ordered is made
of it.
"""


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A document's place.

    The file (or other source), its position in it and its first line, from 1.
    """

    source: str
    document: int = 1
    line: int = 1

    def __str__(self) -> str:
        return f"{self.source}:{self.line}"


class Severity(enum.Enum):
    """How much a problem costs its author."""

    ERROR = "error"
    """The document is refused; its last good version stays."""
    UNSUPPORTED = "not supported yet"
    """The field is known and has no effect; the rest of the document is used."""
    WARNING = "warning"
    """Accepted, and probably not what was meant."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about one document: what, where and what to do.

    `path` is the field, e.g. `spec.http[0].route[1].weight`; empty means the document as a whole.
    `line` is the field's own line in the file, 0 when not known. `key` is None when the document
    is too broken to be named.
    """

    severity: Severity
    message: str
    path: str = ""
    key: ObjectKey | None = None
    origin: Origin | None = None
    line: int = 0
