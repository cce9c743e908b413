"""What every parser is handed beside its value: whose document it is, and what is wrong with it.

The metadata of a document is read first, in a context without a name, and everything else in the
context that is made of it: a short host name needs the document's namespace.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from translators.kinds.field_path import Path, keys, render
from translators.model.origin import Problem, Severity
from translators.object_key import ObjectKey


class Invalid(enum.Enum):
    """The type of `INVALID`."""

    INVALID = "invalid"


INVALID: Final = Invalid.INVALID
"""Stands for a value that could not be parsed; the findings say why."""


MAX_ERRORS: Final = 1000
"""After so many errors the rest of a document is not looked at: each costs a search for advice."""


class TooManyErrorsError(Exception):
    """The document has `MAX_ERRORS`."""


class Findings:
    """The problems of one document, in the order found; `errors` counts those that refuse it."""

    __slots__ = ("errors", "problems")

    def __init__(self) -> None:
        self.errors = 0
        self.problems: list[Problem] = []


class Context(NamedTuple):
    """One document while it is parsed; a tuple, since every document makes two.

    Attributes:
        findings: What was found wrong with it so far.
        namespace: Its own, with which short host names are completed; empty where it has none.
        key: Which object it describes; None before the metadata is read, or when that has no name.
    """

    findings: Findings
    namespace: str = ""
    key: ObjectKey | None = None

    def error(self, path: Path, message: str) -> Invalid:
        """Note what the document is refused for, and give `INVALID` in the value's place.

        Raises:
            TooManyErrorsError: It is the last one that is told.
        """
        self.findings.errors += 1
        self._note(Severity.ERROR, path, message)
        if self.findings.errors >= MAX_ERRORS:
            raise TooManyErrorsError
        return INVALID

    def unsupported(self, path: Path, message: str) -> None:
        """Note a field that is known and has no effect."""
        self._note(Severity.UNSUPPORTED, path, message)

    def warning(self, path: Path, message: str) -> None:
        """Note what is accepted, and probably not what was meant."""
        self._note(Severity.WARNING, path, message)

    def _note(self, severity: Severity, path: Path, message: str) -> None:
        self.findings.problems.append(Problem(severity, message, render(keys(path)), self.key))
