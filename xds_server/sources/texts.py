"""What a set of texts says together, from text to text: last good versions, and who owns a name.

Texts by source name (a file's path) flow in, batches flow out. No I/O. Rules:

* a document that is refused keeps the version of it that this text held before; a text that is not
  YAML keeps all of them;
* of two texts that define the same object the first by name owns it, and the other one has a
  problem that names both;
* a batch holds only what differs by value from what was published;
* problems are kept to a number in all, shared fairly between the texts, and the rest is counted.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from translators.kinds.field_path import split
from translators.kinds.manifest import Entry, Manifest, read_document, read_manifest
from translators.kinds.yaml.documents import Memo
from translators.kinds.yaml.lines import Locator
from translators.model.config_object import ConfigObject
from translators.model.origin import FilePlace, Origin, Problem, Severity
from translators.object_key import ObjectKey
from xds_server.sources.batch import Batch, by_place

MAX_PROBLEMS: Final = 2000
"""How many problems are told of all texts together; each text has the same share of them."""


_READ_AGAIN: Final = 512 * 1024
"""Characters of a text that is read again for one of its objects."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A text that is there and cannot be read, and why."""

    reason: str


Content = str | Unreadable | None
"""A text; None when there is none any more."""


@dataclass(frozen=True, slots=True)
class Held:
    """An accepted object, with the text in which it was accepted (its last good one)."""

    entry: Entry
    text: str

    def document(self) -> object | None:
        """The object as its text has it; None when that text is too long to be read in passing."""
        if len(self.text) > _READ_AGAIN:
            return None
        here = read_document(self.text, self.entry.origin)
        for step in self.entry.steps:
            here = here[step]  # type: ignore[index]  # the way on which it was found there
        return here


@dataclass(frozen=True, slots=True)
class Text:
    """A text as last read.

    Attributes:
        content: What it says; None when it could not be read.
        held: The objects that it stands for.
        problems: What is wrong with it, sorted by place.
        failures: The tracebacks of bugs of ours that it has uncovered.
    """

    content: str | None
    held: Mapping[ObjectKey, Held] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    failures: tuple[str, ...] = ()


Parsed = Mapping[str, Text | None]
"""Texts as they are now, by their names; None for one that is gone."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Texts that are read and not yet taken in. `lost` are keys that would be gone with them."""

    texts: Parsed
    lost: frozenset[ObjectKey]


class Texts:
    """The texts of one source and the objects in them."""

    def __init__(self) -> None:
        self._memo = Memo()
        self._texts: dict[str, Text] = {}
        self._claims: dict[ObjectKey, list[str]] = {}
        self._objects: dict[ObjectKey, ConfigObject[object]] = {}
        self._origins: dict[ObjectKey, Origin] = {}
        self._conflicts: dict[ObjectKey, tuple[Problem, ...]] = {}
        self._problems: tuple[Problem, ...] = ()
        self._troubled: list[str] = []
        self._problem_count = 0

    def sources(self) -> Iterable[str]:
        """The names of the texts taken in."""
        return self._texts.keys()

    def get(self, source: str) -> Text | None:
        """A text as it was taken in; None when there is none."""
        return self._texts.get(source)

    def has(self, key: ObjectKey) -> bool:
        """Say whether some text defines an object."""
        return key in self._claims

    @property
    def count(self) -> int:
        """How many objects there are in all."""
        return len(self._objects)

    def parse(self, contents: Mapping[str, Content], memo: Memo | None = None) -> Parsed:
        """Read texts. Texts that are the same as before are left out.

        Args:
            contents: The texts by their names.
            memo: Only for a caller on a thread of its own, which must not share one.
        """
        texts: dict[str, Text | None] = {}
        for source, content in contents.items():
            before = self._texts.get(source)
            if content is None:
                if before is not None:
                    texts[source] = None
            elif isinstance(content, Unreadable):
                texts[source] = self._unreadable(source, content, before)
            elif before is None or before.content != content:
                manifest = read_manifest(content, source, memo or self._memo)
                problems = tuple(sorted(manifest.problems, key=by_place))
                held = _held(manifest, content, before)
                texts[source] = Text(content, held, problems, manifest.failures)
        return texts

    def propose(self, texts: Parsed) -> Draft:
        """What it means to take parsed texts in."""
        return Draft(texts, self._lost(texts))

    def loses(self, draft: Draft, source: str) -> bool:
        """Whether a text of a draft has a part in what would be lost."""
        before = self._texts.get(source)
        return bool(draft.lost) and before is not None and not draft.lost.isdisjoint(before.held)

    def draft(self, contents: Mapping[str, Content]) -> Draft:
        """Read texts without taking them in. Texts that are the same as before are left out."""
        return self.propose(self.parse(contents))

    def commit(self, draft: Draft, extra: tuple[Problem, ...] = ()) -> Batch | None:
        """Take a draft in.

        Args:
            draft: made by these texts since the last commit.
            extra: problems of the source as a whole.

        Returns:
            What is different now; None when nothing is.
        """
        return next(self.steps(draft, extra, len(self._claims) + _keys(draft)), None)

    def steps(self, draft: Draft, extra: tuple[Problem, ...], size: int) -> Iterator[Batch]:
        """Take a draft in, in batches of so many objects: what is set first, what is gone last.

        See `commit`. Other drafts may be taken in between two batches; every batch must be taken.
        """
        touched: set[ObjectKey] = set()
        for source, text in draft.texts.items():
            touched |= self._replace(source, text)
        kept = [key for key in touched if key in self._claims]
        keys = sorted(kept) + sorted(touched.difference(kept))
        last = max(len(keys) - 1, 0) // max(size, 1) * max(size, 1)
        for start in range(0, last + 1, max(size, 1)):
            new: dict[ObjectKey, ConfigObject[object]] = {}
            removed: set[ObjectKey] = set()
            origins: dict[ObjectKey, Origin] = {}
            for key in keys[start : start + max(size, 1)]:
                self._settle(key, new, removed, origins)
            written = {key: held for key in new if (held := self._owner(key)) is not None}
            # What is wrong is told with the last batch: it costs as much as a batch.
            problems = self._problems if start < last else self._all_problems(extra)
            if new or removed or origins or problems != self._problems:
                self._problems = problems
                yield Batch(new, frozenset(removed), origins, problems, written)

    def locate(self, key: ObjectKey, path: str = "") -> FilePlace | None:
        """The place of an object's field (of what is nearest around it).

        None for an object that is not here.
        """
        held = self._owner(key)
        if held is None:
            return None
        place = held.entry.origin
        return place.at(Locator(held.text).line(place.document, (*held.entry.steps, *split(path))))

    def find_values(self, key: ObjectKey) -> Iterator[tuple[str, str]]:
        """(field path, text as written) of every scalar of an object, in the order written."""
        held = self._owner(key)
        if held is not None:
            yield from Locator(held.text).scalars(held.entry.origin.document, held.entry.steps)

    def _owner(self, key: ObjectKey) -> Held | None:
        claims = self._claims.get(key)
        return self._texts[claims[0]].held[key] if claims else None

    def _unreadable(self, source: str, content: Unreadable, before: Text | None) -> Text:
        problem = Problem(
            Severity.ERROR,
            f"cannot be read: {content.reason}; what was read before is kept",
            origin=FilePlace(shown(source)),
        )
        return Text(None, before.held if before else {}, (problem,))

    def _lost(self, texts: Parsed) -> frozenset[ObjectKey]:
        kept = {key for text in texts.values() if text is not None for key in text.held}
        return frozenset(
            key
            for source in texts
            if source in self._texts
            for key in self._texts[source].held
            if key not in kept and not any(c not in texts for c in self._claims.get(key, ()))
        )

    def _replace(self, source: str, text: Text | None) -> set[ObjectKey]:
        """Put one text in its place; returns the keys that it holds or held."""
        before = self._texts.pop(source, None)
        touched: set[ObjectKey] = set()
        for key in before.held if before else ():
            touched.add(key)
            claims = self._claims[key]
            claims.remove(source)
            if not claims:
                del self._claims[key]
        if before is not None and before.problems:
            del self._troubled[bisect_left(self._troubled, source)]
            self._problem_count -= _findings(before)
        if text is not None:
            self._texts[source] = text
            if text.problems:
                insort(self._troubled, source)
                self._problem_count += _findings(text)
            for key in text.held:
                touched.add(key)
                claims = self._claims.setdefault(key, [])
                claims.append(source)
                claims.sort()
        return touched

    def _settle(
        self,
        key: ObjectKey,
        new: dict[ObjectKey, ConfigObject[object]],
        removed: set[ObjectKey],
        origins: dict[ObjectKey, Origin],
    ) -> None:
        """Compare one key's owner with what was published, and note the difference."""
        self._conflicts.pop(key, None)
        held = self._owner(key)
        if held is None:
            if self._objects.pop(key, None) is not None:
                removed.add(key)
            self._origins.pop(key, None)
            return
        entry = held.entry
        if self._objects.get(key) != entry.object:
            self._objects[key] = new[key] = entry.object
        if self._origins.get(key) != entry.origin:
            self._origins[key] = origins[key] = entry.origin
        if len(self._claims[key]) > 1:
            self._conflicts[key] = tuple(self._conflict(key, entry.origin))

    def _conflict(self, key: ObjectKey, owner: FilePlace) -> Iterator[Problem]:
        for source in self._claims[key][1:]:
            origin = self._texts[source].held[key].entry.origin
            message = f"{key} is defined at {owner} too, which is used; remove one"
            yield Problem(Severity.ERROR, message, "", key, origin, origin.line)

    def _all_problems(self, extra: tuple[Problem, ...]) -> tuple[Problem, ...]:
        """What is wrong in all; costs no more than what may be told."""
        problems: list[Problem] = []
        share = max(1, MAX_PROBLEMS // max(1, len(self._troubled)))
        for source in self._troubled[:MAX_PROBLEMS]:
            problems.extend(self._texts[source].problems[:share])
        more = self._problem_count - sum(problem.count for problem in problems)
        conflicts = list(chain.from_iterable(self._conflicts.values()))
        problems += conflicts[:MAX_PROBLEMS]
        more += max(0, len(conflicts) - MAX_PROBLEMS)
        problems += extra
        problems.sort(key=by_place)
        if more:
            message = f"and {more} more problems; mend some of these, and others are told"
            problems.append(Problem(Severity.ERROR, message, count=more))
        return tuple(problems)


def shown(source: str) -> str:
    """A text's name as people are shown it: what cannot be written is escaped."""
    return source.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _findings(text: Text) -> int:
    return sum(problem.count for problem in text.problems)


def _keys(draft: Draft) -> int:
    return sum(len(text.held) for text in draft.texts.values() if text is not None)


def _held(manifest: Manifest, text: str, before: Text | None) -> dict[ObjectKey, Held]:
    """The objects that a text stands for.

    The accepted ones, and the last good versions of those refused.
    """
    held = {key: Held(entry, text) for key, entry in manifest.entries.items()}
    for key, old in before.held.items() if before else ():
        if key not in held and (manifest.is_partial or key in manifest.refused):
            held[key] = old
    return held
