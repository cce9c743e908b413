"""Where a configuration object came from, and what is wrong with it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TypeAlias

from translators.object_key import ObjectKey

Labels = frozenset[tuple[str, str]]
"""Label pairs; `selector <= labels` is "the selector matches".

Sort before anything ordered is made of it.
"""


@dataclass(frozen=True, slots=True, order=True)
class FilePlace:
    """A place in a file (or another text): the document there and a line, both from 1."""

    source: str
    document: int = 1
    line: int = 1

    def __str__(self) -> str:
        """Give `file:line`."""
        return f"{self.source}:{self.line}"

    def at(self, line: int) -> FilePlace:
        """Another line of the same document.

        This place itself when the line is 0, which is not known.
        """
        return replace(self, line=line) if line else self


@dataclass(frozen=True, slots=True, order=True)
class ObjectReference:
    """An object in an API server: which server, which object, and which version of it."""

    source: str
    key: ObjectKey
    resource_version: str = ""

    def __str__(self) -> str:
        """Give `server: Kind namespace/name`."""
        return f"{self.source}: {self.key}"

    def at(self, line: int) -> ObjectReference:
        """This very place: an object has fields but no lines."""
        del line
        return self


Origin: TypeAlias = FilePlace | ObjectReference
"""Where an object was written.

As text it is what people are told; `source` is the file or server.
"""


class Severity(enum.Enum):
    """How much a problem costs its author."""

    ERROR = "error"
    """The document, or by a bug of ours what is made of it, is not used; the last good stays."""
    UNSUPPORTED = "not supported yet"
    """The field is known and has no effect; the rest of the document is used."""
    WARNING = "warning"
    """Accepted, and probably not what was meant."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about one document: what, where and what to do.

    `path` is the field, e.g. `spec.http[0].route[1].weight`; empty means the document as a whole.
    `line` is the field's own line in the file, 0 when not known. `key` is None when the document
    is too broken to be named. `count` is how many findings it stands for:
    one, but for a problem that sums up those that are not told.
    """

    severity: Severity
    message: str
    path: str = ""
    key: ObjectKey | None = None
    origin: Origin | None = None
    line: int = 0
    count: int = 1

    @property
    def place(self) -> str:
        """Where it is, for people.

        The field's own line if that is known, else the document's first; empty when unknown.
        """
        return "" if self.origin is None else str(self.origin.at(self.line))
