"""Whom the quarantine asks where an object was written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from translators.model.origin import Origin
from translators.object_key import ObjectKey


class Locator(Protocol):
    """Where an object was written; the source of the object knows."""

    def locate(self, key: ObjectKey, path: str = "") -> Origin | None:
        """The place of a field of an object; None when it is not known."""

    def find_values(self, key: ObjectKey) -> Iterator[tuple[str, str]]:
        """Every scalar of the object as it is written now, as (field path, text)."""
