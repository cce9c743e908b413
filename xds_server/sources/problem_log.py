"""What is wrong with what was saved, told in the server's log as soon as it is.

All problems that there are flow in after each edit, lines flow out: one for each problem that is
new, and one for each file in which some are mended. So who saves a file sees what becomes of it
beside the server, without asking for its status. The lines of one edit are bounded.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from translators.model.origin import Problem, Severity
from translators.object_key import ObjectKey
from xds_server import log

_log = log.logger(__name__)

MAX_LINES: Final = 20
"""Problems told of one edit, and files of which it is told that problems are mended."""

_Identity = tuple[str, str, str, str, ObjectKey | None]


class ProblemLog:
    """Remembers what was told."""

    def __init__(self) -> None:
        self._told: dict[_Identity, Problem] = {}
        self._last: tuple[Problem, ...] = ()

    def tell(self, problems: tuple[Problem, ...]) -> None:
        """Log what is new among all problems that there are, and what is not there any more."""
        if problems == self._last:
            return
        self._last = problems
        before, self._told = self._told, {_identity(problem): problem for problem in problems}
        new = [problem for which, problem in self._told.items() if which not in before]
        new.sort(key=lambda problem: problem.severity is not Severity.ERROR)
        for problem in new[:MAX_LINES]:
            _tell(problem)
        if len(new) > MAX_LINES:
            _log.warning("more problems", more=len(new) - MAX_LINES, see="chancery status")
        mended = Counter(_file(old) for which, old in before.items() if which not in self._told)
        left = Counter(map(_file, self._told.values()))
        for file, count in list(mended.items())[:MAX_LINES]:
            _log.info("problems mended", file=file, mended=count, left=left[file])
        if len(mended) > MAX_LINES:
            _log.info("problems mended", files=len(mended) - MAX_LINES)


def _tell(problem: Problem) -> None:
    fields: dict[str, object] = {"place": problem.place, "object": problem.key or ""}
    fields |= {"field": problem.path, "problem": problem.message}
    said = {name: value for name, value in fields.items() if value}
    if problem.severity is Severity.ERROR:
        _log.warning("document refused", **said)
    else:
        _log.warning("document has a problem", severity=problem.severity.value, **said)


def _identity(problem: Problem) -> _Identity:
    """What makes it the same problem after an edit; its line is no part of it."""
    return (problem.severity.value, _file(problem), problem.path, problem.message, problem.key)


def _file(problem: Problem) -> str:
    return problem.origin.source if problem.origin is not None else ""
