"""The one way by which the world is changed: by edits of the sources, and by the quarantine.

A source's edit is committed as it is, except for values that are kept out because an Envoy rejected
what they make. What objects were before is remembered, for as long as it may have been better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from translators.kinds.registry import parse
from translators.object_key import ObjectKey
from xds_server.serving.history import History
from xds_server.serving.publisher import Publisher
from xds_server.sources.batch import Batch, Written


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of one edit of a source.

    Attributes:
        revision: The newest revision then.
        changed: Whether there is a new one: something differs, or a value that was kept out is
            gone.
        admitted: The keys that the edit was about, except those whose values are kept out.
        lifted: The keys whose values were kept out until now.
    """

    revision: int
    changed: bool
    admitted: tuple[ObjectKey, ...] = ()
    lifted: tuple[ObjectKey, ...] = ()


class Edits:
    """The write path of the world.

    Attributes:
        history: What objects were before.
        revision: The newest revision that came from a source; later ones put something in an
        object's place.
    """

    def __init__(self, publisher: Publisher) -> None:
        self.history = History()
        self.revision = publisher.revision
        self._publisher = publisher
        self._kept_out: dict[ObjectKey, object | None] = {}
        self._written: dict[ObjectKey, Written] = {}

    def commit(self, batch: Batch) -> Committed:
        """Commit an edit of a source as one revision."""
        asked: dict[ObjectKey, object | None] = {**batch.set, **dict.fromkeys(batch.removed)}
        admitted = {
            key: value
            for key, value in asked.items()
            if value is None or key not in self._kept_out or self._kept_out[key] != value
        }
        lifted = tuple(key for key in admitted if key in self._kept_out)
        for key in lifted:
            del self._kept_out[key]
        changed = self.put(admitted)
        self._written.update(batch.written)
        for key in batch.removed:
            self._written.pop(key, None)
        if lifted and not changed:
            self._publisher.touch()
        if changed or lifted:
            self.revision = self._publisher.revision
        return Committed(self._publisher.revision, changed or bool(lifted), tuple(admitted), lifted)

    def put(self, values: Mapping[ObjectKey, object | None]) -> bool:
        """Give objects values (None: take the object away) as one revision.

        False when nothing differs.
        """
        database = self._publisher.database
        before = {key: database.input(key) for key in values}
        changed = self._publisher.commit(
            {key: value for key, value in values.items() if value is not None},
            [key for key, value in values.items() if value is None],
        )
        if changed:
            self.history.remember(
                {
                    key: (value, self._written.get(key))
                    for key, value in before.items()
                    if database.input(key) != value
                },
                self._publisher.revision,
            )
        return changed

    def document(self, key: ObjectKey, value: object | None) -> object | None:
        """What was written of an object when it had this value, as YAML gives it.

        None when that is not known any more, or there was no object.
        """
        if value is None:
            return None
        for written in (self._written.get(key), *self.history.written(key)):
            document = written.document() if written is not None else None
            if document is not None and parse(document).object == value:
                return document
        return None

    def readmit(self, key: ObjectKey, value: object | None) -> None:
        """Give an object a value that was kept out."""
        del self._kept_out[key]
        self.put({key: value})

    def keep_out(self, key: ObjectKey, value: object | None) -> None:
        """Admit this value of an object no more (None: its absence); any other value ends that."""
        self._kept_out[key] = value
