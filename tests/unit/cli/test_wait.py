"""`chancery wait`: patience in slices, and a verdict that names who lacks a revision."""

from collections.abc import Iterable
from dataclasses import replace

from tests.support.fakes.mesh_status import REJECTION
from xds_server.admin.client import AdminClient
from xds_server.cli.wait import SLICE_SECONDS, await_revision, verdict
from xds_server.status import Lacking, ProblemStatus, WaitResult

BUG = ProblemStatus(
    "error",
    "VirtualService default/reviews",
    "mesh/reviews.yaml:12",
    "spec.http[0].timeout",
    "ValueError: too long",
)
WEB = Lacking("web-0.default", ("eds", "vhds"), "no answer yet")
API = Lacking("api-0.default", (), "")


class Scripted(AdminClient):
    """Answers in turn.

    Each comes after the whole time that it was asked to wait unless everyone has the revision.
    """

    def __init__(self, answers: Iterable[tuple[Lacking, ...]]) -> None:
        super().__init__("127.0.0.1", 1)
        self.answers = iter(answers)
        self.asked: list[tuple[int | None, float]] = []

    def wait(self, revision: int | None, timeout_seconds: float) -> WaitResult:
        self.asked.append((revision, timeout_seconds))
        lacking = next(self.answers)
        return WaitResult(
            revision=42 if revision is None else revision,
            everywhere=not lacking,
            proxies=8,
            seconds=timeout_seconds if lacking else 0.5,
            lacking=lacking,
        )


def test_an_answer_at_once_asks_once() -> None:
    client = Scripted([()])
    shown: list[str] = []
    assert await_revision(client, 7, 60, shown.append).everywhere
    assert client.asked == [(7, SLICE_SECONDS)]
    assert shown == []


def test_the_newest_revision_is_settled_by_the_first_answer() -> None:
    client = Scripted([(WEB,), (WEB,), ()])
    result = await_revision(client, None, 60, lambda _: None)
    assert [revision for revision, _ in client.asked] == [None, 42, 42]
    assert result.seconds == 2 * SLICE_SECONDS + 0.5


def test_progress_names_who_is_waited_for() -> None:
    many = tuple(Lacking(f"p{number}", (), "") for number in range(5))
    shown: list[str] = []
    await_revision(Scripted([many, (WEB,), ()]), 42, 60, shown.append)
    assert shown == [
        "revision 42: 3 of 8 proxies have it; waiting for p0, p1, p2 and 2 more",
        "revision 42: 7 of 8 proxies have it; waiting for web-0.default",
    ]


def test_patience_ends_when_the_time_is_up() -> None:
    client = Scripted([(WEB,)] * 10)
    result = await_revision(client, 42, 2 * SLICE_SECONDS + 0.5, lambda _: None)
    assert [seconds for _, seconds in client.asked] == [SLICE_SECONDS, SLICE_SECONDS, 0.5]
    assert not result.everywhere


def test_no_patience_asks_once_and_waits_not_at_all() -> None:
    client = Scripted([(WEB,)] * 2)
    assert not await_revision(client, 42, 0, lambda _: None).everywhere
    assert client.asked == [(42, 0)]


def test_the_verdict_names_each_proxy_with_types_and_reason() -> None:
    assert verdict(WaitResult(42, False, 3, 60.0, (WEB, API))) == [
        "revision 42 is not everywhere after 60.0 s: 2 of 3 proxies lack it",
        "  web-0.default  eds, vhds  no answer yet",
        "  api-0.default",
    ]


def test_the_verdict_of_success_counts_the_proxies() -> None:
    assert verdict(WaitResult(42, True, 3, 0.04)) == [
        "revision 42 is everywhere (3 proxies, 0.04 s)"
    ]
    assert verdict(WaitResult(42, True, 0, 0.0)) == [
        "revision 42 is everywhere (no proxies are connected, 0.00 s)"
    ]


def test_a_revision_to_come_is_said_not_to_exist() -> None:
    [line] = verdict(WaitResult(99, False, 3, 1.0, exists=False))
    assert line.startswith("revision 99 does not exist after 1.0 s")


def test_a_revision_that_exists_is_never_said_not_to() -> None:
    [line] = verdict(WaitResult(42, False, 3, 1.0))
    assert line == (
        "revision 42 is not everywhere after 1.0 s: every proxy has answered, and what one of them "
        "rejected is still being judged"
    )


def test_progress_tells_what_is_to_come_from_what_is_undecided() -> None:
    class Undecided(Scripted):
        def wait(self, revision: int | None, timeout_seconds: float) -> WaitResult:
            self.asked.append((revision, timeout_seconds))
            return WaitResult(42, False, 2, 2.0, exists=len(self.asked) > 1)

    shown: list[str] = []
    await_revision(Undecided([]), 42, 3 * SLICE_SECONDS, shown.append)
    assert shown == [
        "revision 42 does not exist yet",
        "revision 42: what a proxy rejected is being judged",
    ]


def test_what_could_not_be_translated_is_not_waited_for() -> None:
    class Failed(Scripted):
        def wait(self, revision: int | None, timeout_seconds: float) -> WaitResult:
            self.asked.append((revision, timeout_seconds))
            return WaitResult(42, False, 2, 0.1, (WEB,), failed=(BUG, replace(BUG, place="")))

    client = Failed([])
    result = await_revision(client, None, 60, lambda _: None)
    assert (len(client.asked), result.seconds) == (1, 0.1)
    assert verdict(result) == [
        "revision 42 is not everywhere: chancery failed to translate a part of it, the rest is "
        "served",
        "  mesh/reviews.yaml:12  VirtualService default/reviews  spec.http[0].timeout",
        "    ValueError: too long",
        "  VirtualService default/reviews  spec.http[0].timeout",
        "    ValueError: too long",
        "revision 42 is not everywhere after 0.1 s: 1 of 2 proxies lack it",
        "  web-0.default  eds, vhds  no answer yet",
    ]


def test_what_is_held_back_is_not_waited_for() -> None:
    class Refused(Scripted):
        def wait(self, revision: int | None, timeout_seconds: float) -> WaitResult:
            self.asked.append((revision, timeout_seconds))
            return WaitResult(42, False, 2, 0.1, (), (REJECTION,))

    client = Refused([])
    result = await_revision(client, None, 60, lambda _: None)
    assert (len(client.asked), result.seconds) == (1, 0.1)
    assert result.rejected == (REJECTION,)


def test_the_verdict_of_a_refusal_names_file_line_object_and_field() -> None:
    rejection = replace(REJECTION, proxies=("web-0.default",))
    assert verdict(WaitResult(42, False, 3, 0.1, (), (rejection,))) == [
        "revision 42 is not everywhere: Envoy rejected this part of it, the rest is served",
        "  mesh/reviews.yaml:12  VirtualService default/reviews  spec.hosts",
        "    Only unique values for domains are permitted",
        "    rejected by web-0.default",
        "    proxies have instead: the last good version",
    ]


def test_what_earlier_revisions_brought_is_told_and_does_not_fail() -> None:
    told = verdict(WaitResult(43, True, 3, 0.04, (), (), (REJECTION,)))
    assert told == [
        "revision 43 is everywhere (3 proxies, 0.04 s)",
        "still held back from earlier revisions:",
        "  mesh/reviews.yaml:12  VirtualService default/reviews  spec.hosts",
    ]
