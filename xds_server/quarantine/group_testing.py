"""Finds the guilty among suspects by trying some of them at a time.

Group testing, without knowing what a suspect is.

One group is tried at a time: it is let in, and the proxy that rejected it before says whether it
takes it. A rejected group is split, one half kept out while the other is tried; when that is
accepted the half that is out must have the guilty one, and need not be tried as a whole. So one
guilty among N is found in log2(N) answers and is not itself sent alone once more. Whoever does not
answer in time acquits, but proves nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from translators.model.resource import Resource
from xds_server.ads.stream import Stream

TRIAL_SECONDS = 15.0
"""Longer than it takes to notice that a proxy is frozen, and than a change may wait for others."""


class Suspects(Protocol):
    """Some of what was rejected together."""

    def __len__(self) -> int:
        """How many there are."""

    def split(self, reason: str) -> tuple[Suspects, Suspects]:
        """Of several: those that are likely innocent, and the others; neither is empty."""

    def let_in(self) -> None:
        """Have them served; harmless when they are."""

    def keep_out(self) -> None:
        """Have something else served in their place; harmless when it is."""

    def acquit(self) -> None:
        """They are served for good, as far as is known."""

    def made(self) -> frozenset[Resource]:
        """The resources that are served because of them while they are in, as of now."""

    def awaited(self, accuser: Stream | None) -> set[Resource]:
        """Those of them that are still to be accepted by the accuser, or without one by anybody."""

    def remaining(self, accuser: Stream | None) -> Suspects:
        """Those that still make what they were suspected for; maybe none.

        Not those that the accuser has accepted meanwhile.
        """

    def is_whole(self) -> bool:
        """Whether each of them still makes what it was suspected for.

        An edit can have changed that.
        """


Convict = Callable[[Suspects, str, Stream | None], None]
"""Takes (the one guilty suspect, Envoy's words, who rejected it: None when that one is gone).

The suspect is in or out.
"""


@dataclass(slots=True, eq=False)
class _Group:
    """Suspects whose turn is now or later."""

    suspects: Suspects
    reason: str
    accuser: Stream | None
    is_guilty: bool = False
    sibling: _Group | None = None
    made: frozenset[Resource] = frozenset()
    pending: set[Resource] = field(default_factory=set)
    is_whole: bool = True
    deadline: float = 0.0


class GroupTesting:
    """All groups of suspects; the one whose turn it is, and those that wait.

    Args:
        convict: Is told of each suspect that is found guilty; it may accuse others.
        rejected: What is known to be bad: a group that makes it is guilty without being tried.
        now: Seconds that only grow.
    """

    def __init__(
        self,
        convict: Convict,
        rejected: Collection[Resource],
        now: Callable[[], float],
    ) -> None:
        self._convict = convict
        self._rejected = rejected
        self._now = now
        self._trial: _Group | None = None
        self._waiting: deque[_Group] = deque()
        self._is_choosing = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under suspicion."""
        return self._trial is None and not self._waiting and not self._is_choosing

    @property
    def pending(self) -> Collection[Resource]:
        """What is tried now and not answered; empty when nothing is."""
        return self._trial.pending if self._trial is not None else ()

    def accuse(self, suspects: Suspects, reason: str, accuser: Stream | None) -> None:
        """At least one of these is guilty; they are in or out."""
        self._waiting.appendleft(_Group(suspects, reason, accuser, is_guilty=True))
        self._choose()

    def accept(self, resources: Collection[Resource], by: Stream) -> None:
        """A proxy accepted these."""
        trial = self._trial
        if trial is not None and (by is trial.accuser or trial.accuser is None):
            trial.pending.difference_update(resources)
            if not trial.pending:
                if trial.is_whole:
                    self._blame_sibling(trial)
                self._acquit(trial)

    def reject(self, reason: str, by: Stream) -> None:
        """A proxy rejected what is tried now."""
        trial, self._trial = self._trial, None
        if trial is not None:
            trial.reason = reason
            trial.accuser = by
            trial.is_guilty = True
            self._waiting.appendleft(trial)
            self._choose()

    def abandon(self) -> None:
        """End the present trial without a verdict, and begin no other: an accusation follows."""
        self._trial = None

    def follow(self) -> None:
        """Take note that the world has changed."""
        trial = self._trial
        if trial is None or self._is_choosing:
            return
        made = trial.suspects.made()
        trial.is_whole = trial.is_whole and trial.suspects.is_whole()
        awaited = trial.suspects.awaited(trial.accuser)
        trial.pending = {
            resource
            for resource in awaited
            if resource in trial.pending or resource not in trial.made
        }
        trial.made |= made
        if not trial.pending:
            self._acquit(trial)

    def leave(self, by: Stream) -> None:
        """A proxy is gone; without accusers, anyone's word counts."""
        for group in (*self._waiting, self._trial):
            if group is not None and group.accuser is by:
                group.accuser = None
        trial = self._trial
        if trial is not None and trial.accuser is None:
            trial.pending &= trial.suspects.awaited(None)
            if not trial.pending:
                self._acquit(trial)

    def tick(self) -> None:
        """Go on when nobody has answered in time."""
        if self._trial is not None and self._now() > self._trial.deadline:
            self._acquit(self._trial)

    def _acquit(self, trial: _Group) -> None:
        self._trial = None
        trial.suspects.acquit()
        self._choose()

    def _choose(self) -> None:
        """Go on with the groups that wait until one has to be answered."""
        if self._is_choosing:
            return
        self._is_choosing = True
        try:
            while self._trial is None and self._waiting:
                self._judge(self._waiting.popleft())
        finally:
            self._is_choosing = False

    def _judge(self, group: _Group) -> None:
        """Decide a group whose turn it is, as far as that is possible without an answer."""
        group.is_whole = group.suspects.is_whole()
        remaining = group.suspects.remaining(group.accuser)
        if not remaining:
            if group.is_whole:
                self._blame_sibling(group)
            group.suspects.acquit()
            return
        group.suspects = remaining
        if group.is_guilty and group.is_whole:
            self._narrow(group)
        else:
            self._try(group)

    @staticmethod
    def _blame_sibling(group: _Group) -> None:
        """All of a group were accepted."""
        if group.sibling is not None:
            group.sibling.is_guilty = True

    def _narrow(self, group: _Group) -> None:
        if len(group.suspects) == 1:
            self._convict(group.suspects, group.reason, group.accuser)
            return
        likely_innocent, others = group.suspects.split(group.reason)
        others.keep_out()
        rest = _Group(others, group.reason, group.accuser)
        first = _Group(likely_innocent, group.reason, group.accuser, sibling=rest)
        self._waiting.appendleft(rest)
        self._waiting.appendleft(first)

    def _try(self, group: _Group) -> None:
        group.suspects.let_in()
        group.made = group.suspects.made()
        if any(resource in self._rejected for resource in group.made):
            self._narrow(group)
            return
        group.pending = group.suspects.awaited(group.accuser)
        if group.pending:
            group.deadline = self._now() + TRIAL_SECONDS
            self._trial = group
        else:
            group.suspects.acquit()
