"""A mesh written as YAML, in a database: what the tests of the translators start from."""

from __future__ import annotations

import textwrap
from pathlib import Path

from translators.database import Database
from translators.kinds.registry import expand, parse
from translators.kinds.yaml.documents import documents
from translators.model.config_object import ConfigObject
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.world import INDEXES

CLIENT = ClientScope(Viewer("default"))


def objects(text: str) -> list[ConfigObject[object]]:
    """The objects of a YAML text.

    Raises:
        ValueError: A document is refused; the message has its problems.
    """
    found = []
    for document in documents(textwrap.dedent(text)):
        for _, item in expand(document.value):
            parsed = parse(item)
            if parsed.object is None:
                reasons = "; ".join(f"{one.path}: {one.message}" for one in parsed.problems)
                raise ValueError(f"document at line {document.line}: {reasons}")
            found.append(parsed.object)
    return found


def apply(db: Database, text: str, revision: int = 1) -> None:
    """Set the objects of a YAML text."""
    for found in objects(text):
        db.set(found.key, found, revision)


def mesh(*texts: str) -> Database:
    """A database that holds the objects of these YAML texts."""
    db = Database(INDEXES)
    for text in texts:
        apply(db, text)
    return db


def mesh_of_directory(directory: Path) -> Database:
    """A database that holds the objects of all YAML files of a directory."""
    return mesh(*(path.read_text() for path in sorted(directory.glob("*.yaml"))))
