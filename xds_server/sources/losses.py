"""Half a save is no edit: what a draft would take away is believed only when it lasts.

Drafts and the time flow in; what is believed of them, and what is told of the rest, flows out. No
I/O, no clock. What must last, for the delay:

* a file that said something and now says nothing, or a directory without files where there were
  some;
* a file that was cut short: it is the beginning of what it was and loses an object, or changes one
  and ends in the middle of a line;
* any edit that takes away more than half of all objects at once, or bit by bit during one delay.

Until then the last good objects of those files stay, and the rest of the draft is taken in. What
was whole again in between begins anew.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from translators.model.origin import FilePlace, Problem, Severity
from translators.object_key import ObjectKey
from xds_server.sources.texts import Draft, Text, Texts, shown

MORE_THAN_HALF: Final = "it would take away more than half of all objects"
EMPTIED: Final = "it was emptied"
DIRECTORY_EMPTIED: Final = "it is gone, and its directory was emptied"
CUT_SHORT: Final = "it was cut short"
MAX_TOLD: Final = 20
"""So many files are named of which a loss is not believed yet."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A text that is not believed yet: since when, why, and how many objects are at stake."""

    since: float
    reason: str
    objects: int


class Losses:
    """What is not believed yet.

    Args:
        texts: What is believed.
        delay: Seconds for which a loss must last.
    """

    def __init__(self, texts: Texts, delay: float) -> None:
        self._texts = texts
        self._delay = delay
        self._doubts: dict[str, _Doubt] = {}
        self._recent: deque[tuple[float, frozenset[ObjectKey]]] = deque()

    def review(self, draft: Draft, read: Iterable[str], now: float) -> Draft:
        """Give what is believed of a draft.

        Args:
            draft: What was read and differs from what is believed.
            read: All that was read for it, also what does not differ.
            now: Seconds.
        """
        for source in read:
            if source not in draft.texts:
                self._doubts.pop(source, None)  # it is again as it was
        doubts: dict[str, _Doubt] = {}
        for source, (reason, objects) in self._suspicions(draft, now).items():
            earlier = self._doubts.get(source)
            since = earlier.since if earlier else now
            if now - since < self._delay:
                doubts[source] = _Doubt(since, reason, objects)
        for source in draft.texts:
            self._doubts.pop(source, None)
        self._doubts.update(doubts)
        if doubts:
            draft = self._texts.propose(
                {source: text for source, text in draft.texts.items() if source not in doubts}
            )
        if draft.lost:
            self._recent.append((now, draft.lost))
        return draft

    @property
    def sources(self) -> frozenset[str]:
        """What is not believed yet, and has to be read again at `due`."""
        return frozenset(self._doubts)

    @property
    def due(self) -> float | None:
        """When the next of it has lasted long enough; None when there is none."""
        times = [doubt.since + self._delay for doubt in self._doubts.values()]
        return min(times, default=None)

    def problems(self) -> Iterator[Problem]:
        """What is waited for."""
        for source, doubt in islice(self._doubts.items(), MAX_TOLD):
            objects = f"{doubt.objects} object{'' if doubt.objects == 1 else 's'}"
            message = (
                f"{doubt.reason}, which may be half a save: {objects} of it stay as they were unless"
                f" this lasts for {self._delay:g} s (--removal-delay)"
            )
            yield Problem(Severity.WARNING, message, origin=FilePlace(shown(source)))
        if len(self._doubts) > MAX_TOLD:
            more = f"{len(self._doubts) - MAX_TOLD} more files are waited for in the same way"
            yield Problem(Severity.WARNING, more)

    def _suspicions(self, draft: Draft, now: float) -> dict[str, tuple[str, int]]:
        """Text → why it may be half a save, and how many objects are at stake."""
        while self._recent and self._recent[0][0] <= now - self._delay:
            self._recent.popleft()
        # What came back was moved, or is edited to and fro.
        gone = {key for _, keys in self._recent for key in keys if not self._texts.has(key)}
        earlier = len(gone)
        is_most = (len(draft.lost) + earlier) * 2 > self._texts.count + earlier
        directories = self._directories(draft)
        suspicions = {}
        for source, text in draft.texts.items():
            before = self._texts.get(source)
            if before is None:
                continue
            objects = sum(key in draft.lost for key in before.held)
            reason = ""
            if text is None:
                if objects and os.path.dirname(source) not in directories:  # noqa: PTH120 - a name
                    reason = DIRECTORY_EMPTIED
            elif objects and not text.held and not text.problems:
                reason = EMPTIED
            elif changed := _cut_short(before, text, draft):
                reason, objects = CUT_SHORT, changed
            if not reason and objects and is_most:
                reason = MORE_THAN_HALF
            if reason:
                suspicions[source] = (reason, objects)
        return suspicions

    def _directories(self, draft: Draft) -> frozenset[str]:
        """The directories in which there will be files."""
        if None not in draft.texts.values():
            return frozenset()
        files = {source for source in self._texts.sources() if source not in draft.texts}
        files |= {source for source, text in draft.texts.items() if text is not None}
        return frozenset(map(os.path.dirname, files))


def _cut_short(before: Text, text: Text, draft: Draft) -> int:
    """How many objects a text loses or changes because it is the beginning of what it was."""
    if not text.content:
        return 0
    ends_inside = not text.content.endswith("\n")
    cuts: dict[int, bool] = {}  # most objects of a text were accepted in the same one
    at_stake = 0
    for key, old in before.held.items():
        whole = old.text
        if id(whole) not in cuts:
            shorter = len(text.content) < len(whole.rstrip())
            cuts[id(whole)] = shorter and whole.startswith(text.content)
        if cuts[id(whole)]:
            new = text.held.get(key)
            at_stake += key in draft.lost if new is None else ends_inside and new.entry != old.entry
    return at_stake
