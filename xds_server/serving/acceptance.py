"""Which resources are still in question: made and accepted by nobody yet, or rejected and withheld.

The publisher asks what may be served, the quarantine decides. What is in neither list has been
accepted by some proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from translators.model.resource import Resource

_UNPROVEN_SLACK = 4096


class Acceptance:
    """The resources in question.

    Attributes:
        unproven: Resources made and accepted by nobody yet, with the revision that made them.
        withheld: Resources that are never served while they are here.
        pending: Resources that are served when they have been judged, with the revision that made
            them.
    """

    def __init__(self) -> None:
        self.unproven: dict[Resource, int] = {}
        self.withheld: set[Resource] = set()
        self.pending: dict[Resource, int] = {}
        self._kept = _UNPROVEN_SLACK

    def doubt(self, resource: Resource, revision: int) -> None:
        """Note that nobody is known to have accepted a resource, which a revision made."""
        self.unproven.setdefault(resource, revision)

    def prove(self, resources: Iterable[Resource]) -> list[Resource]:
        """Note that a proxy accepted these; those that nobody had accepted before."""
        unproven = self.unproven
        return [each for each in resources if unproven.pop(each, None) is not None]

    def claim(self, held: Mapping[str, Resource], doubtful: Collection[str]) -> None:
        """Note that a proxy holds these, by name, from an earlier stream, but for doubtful ones."""
        unproven = self.unproven
        if len(unproven) < len(held):
            claimed = [each for each in unproven if held.get(each.name) == each]
        else:
            claimed = [each for each in held.values() if each in unproven]
        for resource in claimed:
            if resource.name not in doubtful:
                del unproven[resource]

    def settle(self, resource: Resource, revision: int) -> int:
        """Take a resource off the list.

        The revision that made it, or this one when that is not known.
        """
        return self.unproven.pop(resource, revision)

    def withhold(self, resources: Iterable[Resource]) -> set[Resource]:
        """Have these served no more; those that were."""
        fresh = {each.stub() for each in resources} - self.withheld
        self.withheld |= fresh
        return fresh

    def release(self, resources: Iterable[Resource]) -> set[Resource]:
        """Have these served again; those that were not."""
        back = set(resources) & self.withheld
        self.withheld -= back
        return back

    def prune(self, is_made: Callable[[Resource], bool]) -> None:
        """Forget what is made no more, once much has gathered."""
        if len(self.unproven) > self._kept:
            for resource in [each for each in self.unproven if not is_made(each)]:
                del self.unproven[resource]
            self._kept = 2 * len(self.unproven) + _UNPROVEN_SLACK
