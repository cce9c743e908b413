"""The values that objects had before their last edits, as long as those may turn out to be bad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from translators.object_key import ObjectKey
from xds_server.sources.batch import Written

HISTORY_LIMIT = 16_384
"""Edits that are remembered."""
EDITS_KEPT = 16
"""Edits of one object that are remembered: the oldest, and the newest ones."""


class History:
    """Objects with their earlier values, oldest first."""

    def __init__(self) -> None:
        self._edits: dict[ObjectKey, list[tuple[int, object | None, Written | None]]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def remember(
        self, before: Mapping[ObjectKey, tuple[object | None, Written | None]], revision: int
    ) -> None:
        """Note what these objects were before a revision, and how that was written."""
        for key, (value, written) in before.items():
            edits = self._edits.setdefault(key, [])
            edits.append((revision, value, written))
            self._count += 1
            if len(edits) > EDITS_KEPT:
                # The oldest is what was good if nothing was ACKed since.
                del edits[1]
                self._count -= 1
        while self._count > HISTORY_LIMIT:
            self._count -= len(self._edits.pop(next(iter(self._edits))))

    def clear(self) -> None:
        """Forget everything: all that was edited is good."""
        self._edits.clear()
        self._count = 0

    def value_at(self, key: ObjectKey, revision: int, now: object | None) -> object | None:
        """The value that an object had at a revision: `now` when it was not edited since."""
        return next(
            (before for edited, before, _ in self._edits.get(key, ()) if edited > revision), now
        )

    def values(self, key: ObjectKey) -> Iterator[object | None]:
        """The values that an object had before, the newest first."""
        return (value for _, value, _ in reversed(self._edits.get(key, ())))

    def written(self, key: ObjectKey) -> Iterator[Written | None]:
        """How the values that an object had before were written, the newest first."""
        return (written for *_, written in reversed(self._edits.get(key, ())))

    def last_edit(self, key: ObjectKey) -> int:
        """The revision of the newest edit that is remembered; 0 when there is none."""
        edits = self._edits.get(key)
        return edits[-1][0] if edits else 0

    def edited_since(self, revision: int) -> Iterator[ObjectKey]:
        """The objects edited after a revision, as far as remembered."""
        return (key for key, edits in self._edits.items() if edits[-1][0] > revision)
