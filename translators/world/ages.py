"""Which of several objects is the oldest: what decides when they claim the same thing."""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import Reader, query
from translators.model.config_object import ConfigObject
from translators.object_key import ObjectKey
from translators.world.exposure import Exposed


@query
def age_of(db: Reader, source: ObjectKey) -> tuple[str, str, str]:
    """What orders an object among others by age; changes with nothing else of it."""
    value = db.input(source)
    return value.age if isinstance(value, ConfigObject) else ("", "", "")


def oldest_first(db: Reader, exposed: Iterable[Exposed]) -> tuple[Exposed, ...]:
    """These in the order in which their services were created."""
    services = tuple(exposed)
    if len(services) < 2:
        return services
    return tuple(sorted(services, key=lambda service: (age_of(db, service.source), service.host)))
