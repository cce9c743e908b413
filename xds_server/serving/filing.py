"""Objects go into the database one by one, and one that cannot be filed stays what it was.

An index that raises is a bug of ours, as a query that raises is; it costs the object that it could
not file, and nothing else of the edit.
"""

from __future__ import annotations

import traceback

from translators.database import AnyQuery, Database, Failure, QueryKey
from translators.object_key import ObjectKey

FILING = AnyQuery("filing", str)
"""Stands for the indexes, which are no queries, as the origin of their failures."""


class Filing:
    """The way of objects into the database.

    Attributes:
        failures: Object → why its newest value could not be filed.
    """

    def __init__(self, database: Database) -> None:
        self.failures: dict[ObjectKey, Failure] = {}
        self._database = database

    def set(self, key: ObjectKey, value: object, revision: int) -> bool:
        """Give an object a value; False when nothing is different then."""
        self.failures.pop(key, None)
        try:
            return self._database.set(key, value, revision)
        except Exception as error:
            text = "".join(traceback.format_exception(error))
            self.failures[key] = Failure(error.with_traceback(None), QueryKey(FILING, (key,)), text)
            return False

    def remove(self, key: ObjectKey, revision: int) -> bool:
        """Take an object away; False when there was none."""
        self.failures.pop(key, None)
        return self._database.remove(key, revision)
