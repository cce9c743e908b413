"""Which field of a guilty object is to blame, found by trying.

In: the object's document as it was rejected and as it was good, and a judge. Out: a field's path.
What differs is put back piece by piece (taken out, if there is no good document), from the outside
inwards, for as long as Envoy accepts what is made of it then.

A piece whose absence hides the object as a whole, such as its hosts, mends nothing; what is made
without the object is therefore no proof.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from translators.kinds.field_path import Key, render
from translators.model.resource import Resource
from xds_server.quarantine.docket import Inquiry

Path: TypeAlias = tuple[Key, ...]
Made: TypeAlias = Callable[[object], "Resource | None"]
"""What is made of a document; None when it is refused, or hides the object."""

TRIES: Final = 48
"""So many pieces are put back at most."""

_IDENTITY: Final = frozenset({"apiVersion", "kind", "metadata"})
_ABSENT: Final = object()


@dataclass(slots=True)
class _Search:
    bad: object
    good: object
    made: Made
    tries: int = TRIES

    def below(self, path: Path, hint: Path) -> Inquiry[Path | None]:
        """Find the smallest piece in a piece that has to be put back; None: none is enough."""
        unclear = list[Path]()
        pieces = sorted(self.pieces(path), key=lambda piece: piece != hint[: len(piece)])
        for piece in pieces:
            if self.tries <= 0:
                return None
            self.tries -= 1
            resource = self.made(self.with_piece_back(piece))
            if resource is None:
                unclear.append(piece)
                continue
            rejected = yield (resource,)
            if resource not in rejected:
                return (yield from self.below(piece, hint)) or piece
        for piece in unclear:
            smaller = yield from self.below(piece, hint)
            if smaller is not None:
                return smaller
        return None

    def pieces(self, path: Path) -> Iterator[Path]:
        """The pieces of a piece that differ from what was good."""
        bad = _at(self.bad, path)
        if isinstance(bad, dict):
            keys: Sequence[Key] = [key for key in bad if path or key not in _IDENTITY]
        else:
            keys = range(len(bad)) if isinstance(bad, list) else ()
        for key in keys:
            piece = (*path, key)
            if _at(self.bad, piece) != _at(self.good, piece):
                yield piece

    def leaves(self, path: Path) -> Iterator[Path]:
        """The scalars of a piece that differ from what was good."""
        if isinstance(_at(self.bad, path), dict | list):
            for piece in self.pieces(path):
                yield from self.leaves(piece)
        else:
            yield path

    def with_piece_back(self, piece: Path) -> object:
        """The bad document, but for a piece that is as in the good one."""
        document = copy.deepcopy(self.bad)
        around = _at(document, piece[:-1])
        good, key = _at(self.good, piece), piece[-1]
        if isinstance(around, dict | list):
            if good is _ABSENT:
                del around[key]  # type: ignore[arg-type]  # the path was walked on this very shape
            else:
                around[key] = copy.deepcopy(good)  # type: ignore[index]  # as above
        return document


def find_field(bad: object, good: object | None, hint: str, made: Made) -> Inquiry[str]:
    """Find the path of the field that is to blame; empty when that is not known.

    Args:
        bad: The document of which something is rejected.
        good: What it was when all was good; None: there was none.
        hint: The path that Envoy's words seem to mean; empty when they say nothing.
        made: What is made of a document.
    """
    search = _Search(bad, _ABSENT if good is None else good, made)
    leaves = list(search.leaves(()))
    if len(leaves) == 1:
        return render(leaves[0])
    hinted = next((leaf for leaf in leaves if render(leaf) == hint), ())
    piece = yield from search.below((), hinted)
    if piece is None:
        return hint
    inner = list(search.leaves(piece))
    if len(inner) == 1:
        return render(inner[0])
    return render(hinted if hinted in inner else piece)


def _at(document: object, path: Path) -> object:
    """What stands at a path."""
    here = document
    for key in path:
        if isinstance(here, dict):
            here = here.get(key, _ABSENT)
        elif isinstance(here, list) and isinstance(key, int):
            here = here[key] if key < len(here) else _ABSENT
        else:
            return _ABSENT
    return here
