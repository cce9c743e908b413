"""One stream in the ledger: whose it is, since when, and how far it is.

A proxy has a revision when its stream has answered the newest snapshot, up to that revision, that
changed anything for it, and took it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xds_server.ads.diff import Response
from xds_server.ads.stream import Stream
from xds_server.serving.groups import Group, Member


@dataclass(slots=True, eq=False)
class Entry:
    """One stream: whose it is, since when, and how far.

    Attributes:
        stream: The stream.
        member: The proxy's place in the world.
        connected: When it came, in ISO 8601.
        settled: The newest revision up to which everything is answered; -1 before that.
        group: The group that was meant.
        rejected: Type URL → the last response of that type, if it was rejected, and the short of
            Envoy's words.
    """

    stream: Stream
    member: Member
    connected: str
    settled: int = -1
    group: Group | None = None
    rejected: dict[str, tuple[Response, str]] = field(default_factory=dict)

    def settle(self, revision: int, newest: int) -> None:
        """Everything up to the snapshot of a revision is answered.

        All that there is, if it is the newest snapshot for this proxy.
        """
        is_newest = self.stream.order.snapshot is self.member.snapshot()
        self.settled = max(self.settled, newest if is_newest else revision)
        self.group = self.member.group if is_newest else self.group

    def accept(self, type_url: str, response: Response) -> None:
        """Note a response that was accepted.

        What was rejected before stands, unless it was in there or is to be something else by now.
        """
        rejection = self.rejected.get(type_url)
        if rejection is not None:
            lacks = set(rejection[0].changed).difference(response.changed)
            if not lacks or not self.rejects(type_url):
                del self.rejected[type_url]

    def has(self, revision: int) -> bool:
        """Whether it has all of a revision."""
        group = self.member.group
        if self.settled < group.required(revision) or (
            group is not self.group and self.settled < revision
        ):
            return False
        return not any(map(self.rejects, self.stream.watched))

    def rejects(self, type_url: str) -> bool:
        """Whether it is still to hold what it rejected of a type: nothing was put in its place."""
        last = self.rejected.get(type_url)
        watched = self.stream.watched.get(type_url)
        rejected = watched.rejected if watched is not None else ()
        if last is None and not rejected:
            return False
        goal = self.member.snapshot().resources(type_url).by_name
        responses = rejected if last is None else (last[0], *rejected)
        return not all(response.differs(goal) for response in responses)

    def newest(self, revision: int) -> int:
        """The newest revision that it has wholly; `revision` is the newest that there is."""
        if self.group is not self.member.group:
            return min(self.settled, revision)
        later = [change for change in self.member.group.changes if change > self.settled]
        return later[0] - 1 if later else revision
