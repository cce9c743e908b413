"""What a mistake is: a document, and the author's file that it takes the place of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Poison:
    """One document that harms its author at most.

    Attributes:
        name: What is wrong with it, in words.
        file: The author's file that it replaces, or a new one.
        text: YAML with places as in `tests.abuse.documents`.
        is_named: Whether the status has to name it; False for what is odd and right, or right and
            without effect because somebody older has the name.
    """

    name: str
    file: str
    text: str
    is_named: bool = True


def rows(
    kind: str, file: str, documents: dict[str, str], *, unnamed: frozenset[str] = frozenset()
) -> tuple[Poison, ...]:
    """A table of documents, name → text, as rows of one file, each named with its kind."""
    return tuple(
        Poison(f"{kind}: {name}", file, text, is_named=name not in unnamed)
        for name, text in documents.items()
    )
