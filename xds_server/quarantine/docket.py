"""Inquiries that wait for the judge, and what was judged.

An inquiry is a generator: it yields resources, is sent which of those an Envoy of our own rejects
and why, and goes on until it needs to know more. So what is a course of several questions reads as
one, though the judge is asked by somebody else, off the event loop. What all inquiries want to know
at one time is asked at once.

In: inquiries. Out: what is to be asked. Back in: answers. What was judged is remembered, and is not
asked again.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from translators.model.resource import Resource

T = TypeVar("T")

Question: TypeAlias = Collection[Resource]
Answer: TypeAlias = Mapping[Resource, str]
"""Those of the resources asked about that are rejected, with Envoy's words."""
Inquiry: TypeAlias = Generator[Question, Answer, T]

REMEMBERED = 16_384
"""Verdicts that are remembered."""
AT_ONCE = 400
"""Resources that are asked about at a time when nobody is in a hurry."""


class Urgency(enum.IntEnum):
    """Who waits for what an inquiry finds out."""

    REVIEW = 0
    """Nobody."""
    DETAIL = 1
    """Whoever wants to know more of what is held back already."""
    VERDICT = 2
    """Proxies."""


@dataclass(slots=True, eq=False)
class _Case:
    """An inquiry under way; `wants` is what it waits for."""

    inquiry: Inquiry[None]
    urgency: Urgency
    wants: dict[Resource, None] = field(default_factory=dict)


class Docket:
    """The inquiries under way.

    Attributes:
        is_closed: There is no judge: nothing is asked, and inquiries are ended as they come.
    """

    def __init__(self) -> None:
        self.is_closed = True
        self._cases: dict[_Case, None] = {}
        self._verdicts: dict[Resource, str] = {}
        self._asked: set[Resource] = set()

    def has(self, urgency: Urgency) -> bool:
        """Whether there is an inquiry that is at least so urgent."""
        return any(case.urgency >= urgency for case in self._cases)

    def open(self, inquiry: Inquiry[None], urgency: Urgency = Urgency.VERDICT) -> None:
        """Begin an inquiry, and take it as far as is known already."""
        if self.is_closed:
            inquiry.close()
            return
        case = _Case(inquiry, urgency)
        self._cases[case] = None
        self._advance(case, None)

    def verdict(self, resource: Resource) -> str | None:
        """What is known of a resource.

        Envoy's words, empty when it was accepted; None when it was not judged yet.
        """
        return self._verdicts.get(resource)

    def forget(self, resource: Resource) -> None:
        """Have a resource judged anew when it is asked about next."""
        self._verdicts.pop(resource, None)

    def take(self) -> tuple[Resource, ...]:
        """What is to be asked now and was not yet; empty when there is nothing.

        What is urgent is asked as a whole, the rest some at a time, and when nothing else is.
        """
        asked: tuple[Resource, ...] = ()
        for urgency in sorted(Urgency, reverse=True):
            unasked = self._unasked(urgency)
            if unasked and (urgency is not Urgency.REVIEW or not self._asked):
                asked = unasked[:AT_ONCE] if urgency is Urgency.REVIEW else unasked
                break
        self._asked.update(asked)
        return asked

    def answer(self, asked: Question, rejected: Answer) -> None:
        """Note what was judged, and go on with the inquiries that wanted to know."""
        self._asked.difference_update(asked)
        for resource in asked:
            self._verdicts.pop(resource, None)
            self._verdicts[resource.stub()] = rejected.get(resource, "")
        for case in list(self._cases):
            if case.wants and all(resource in self._verdicts for resource in case.wants):
                self._advance(case, tuple(case.wants))
        while len(self._verdicts) > REMEMBERED:
            del self._verdicts[next(iter(self._verdicts))]

    def close(self) -> None:
        """Give up all inquiries: there is no judge any more."""
        self.is_closed = True
        self._asked.clear()
        for case in list(self._cases):
            case.inquiry.close()
        self._cases.clear()

    def _unasked(self, urgency: Urgency) -> tuple[Resource, ...]:
        return tuple(
            dict.fromkeys(
                resource
                for case in self._cases
                if case.urgency is urgency
                for resource in case.wants
                if resource not in self._asked and resource not in self._verdicts
            )
        )

    def _advance(self, case: _Case, known: Collection[Resource] | None) -> None:
        """Take an inquiry on until it wants to know what is not known."""
        while True:
            try:
                if known is None:
                    wants = next(case.inquiry)
                else:
                    wants = case.inquiry.send(
                        {each: words for each in known if (words := self._verdicts[each])}
                    )
            except StopIteration:
                del self._cases[case]
                return
            case.wants = dict.fromkeys(wants)
            if any(resource not in self._verdicts for resource in case.wants):
                return
            known = tuple(case.wants)
