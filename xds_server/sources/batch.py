"""What a source publishes: the difference to what it has published before, by value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from translators.model.config_object import ConfigObject
from translators.model.origin import Origin, Problem
from translators.object_key import ObjectKey


class Written(Protocol):
    """An object as it was written once."""

    def document(self) -> object | None:
        """Its document as YAML or JSON gives it; None when it cannot be read any more."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One revision of a source.

    `set` are the objects that are new or have another value; `removed` the keys that are gone.
    `origins` are the places of the objects that are new or have moved, also of those whose value is
    the same; a removed key's place goes with it. `problems` are all that the source has now, sorted
    by place. `written` is how the objects of `set` were written, as far as the source keeps that.
    """

    set: Mapping[ObjectKey, ConfigObject[object]] = field(default_factory=dict)
    removed: frozenset[ObjectKey] = frozenset()
    origins: Mapping[ObjectKey, Origin] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    written: Mapping[ObjectKey, Written] = field(default_factory=dict)


def by_place(problem: Problem) -> tuple[str, int, str, str]:
    """What problems are sorted by: where they are."""
    source = problem.origin.source if problem.origin else ""
    return (source, problem.line, problem.path, problem.message)
