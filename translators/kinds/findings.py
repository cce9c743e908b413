"""What was found wrong with one document, collected while it is parsed."""

from __future__ import annotations

from translators.kinds.field_path import Path, keys, render
from translators.model.origin import Problem, Severity
from translators.object_key import ObjectKey


class Findings:
    """The problems of one document, in the order found; ``errors`` counts those that refuse it.

    ``namespace`` is the document's own, with which short host names are completed.
    """

    __slots__ = ("errors", "key", "namespace", "problems")

    def __init__(self) -> None:
        self.namespace = ""
        self.key: ObjectKey | None = None
        self.errors = 0
        self.problems: list[Problem] = []

    def error(self, path: Path, message: str) -> None:
        """The document is refused for this."""
        self.errors += 1
        self._add(Severity.ERROR, path, message)

    def unsupported(self, path: Path, message: str) -> None:
        """The field is known and has no effect."""
        self._add(Severity.UNSUPPORTED, path, message)

    def warning(self, path: Path, message: str) -> None:
        """Accepted, and probably not what was meant."""
        self._add(Severity.WARNING, path, message)

    def _add(self, severity: Severity, path: Path, message: str) -> None:
        self.problems.append(Problem(severity, message, render(keys(path)), self.key))
