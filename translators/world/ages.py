"""Which of several objects is the oldest: what decides when they claim the same thing."""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import Reader, query
from translators.model.config_object import ConfigObject
from translators.object_key import ObjectKey
from translators.world.exposure import Exposed


@query
def source_age(db: Reader, source: ObjectKey) -> tuple[str, str, str]:
    """What orders an object among others by age; changes with nothing else of it."""
    found = db.input(source)
    return found.age if isinstance(found, ConfigObject) else ("", "", "")


def oldest_first(db: Reader, exposed: Iterable[Exposed]) -> tuple[Exposed, ...]:
    """These in the order in which their services were created."""
    found = tuple(exposed)
    if len(found) < 2:
        return found
    return tuple(sorted(found, key=lambda one: (source_age(db, one.source), one.host)))
