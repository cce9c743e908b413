"""Half a save is no edit: a loss has to last before it is believed."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.documents.kind_documents import workload_entry as entry
from tests.unit.sources.test_files import following
from xds_server.sources.losses import MAX_TOLD, Losses
from xds_server.sources.texts import Content, Texts

DELAY = 3.0
ROUTES = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v}
spec:
  hosts: [v]
  http:
  - match: [{uri: {prefix: /admin}}]
    route: [{destination: {host: admin}}]
  - route: [{destination: {host: web}}]
"""


class Saved:
    """Texts, what is believed of them, and a time that the test owns."""

    def __init__(self, **contents: Content) -> None:
        self.texts = Texts()
        self.losses = Losses(self.texts, DELAY)
        self.now = 0.0
        self._disk: dict[str, Content] = {}
        self.texts.commit(self.texts.draft(self._named(contents)))

    def _named(self, contents: dict[str, Content]) -> dict[str, Content]:
        named: dict[str, Content] = {f"team/{n}.yaml": text for n, text in contents.items()}
        self._disk |= named
        return named

    def save(self, **contents: Content) -> Saved:
        self._take(self._named(contents))
        return self

    def after(self, seconds: float) -> Saved:
        """Let time pass; what is due is read again, as the source does."""
        self.now += seconds
        if self.losses.due is not None and self.losses.due <= self.now:
            self._take({source: self._disk[source] for source in self.losses.sources})
        return self

    def _take(self, contents: dict[str, Content]) -> None:
        draft = self.losses.review(self.texts.draft(contents), contents, self.now)
        self.texts.commit(draft)

    @property
    def names(self) -> str:
        """The names of all objects."""
        return "".join(sorted(key.name for key in self.texts._objects))

    @property
    def waits(self) -> str:
        """What is said of what is waited for."""
        return "\n".join(problem.message for problem in self.losses.problems())


def several(names: str) -> str:
    return "---\n".join(entry(name) for name in names)


def test_an_emptied_file_has_to_last() -> None:
    saved = Saved(f=several("ab"), g=several("cdefg")).save(f="")
    assert saved.names == "abcdefg"
    assert "it was emptied" in saved.waits
    assert "2 objects of it stay" in saved.waits
    assert "lasts for 3 s (--removal-delay)" in saved.waits
    assert saved.after(2.9).names == "abcdefg"
    assert saved.after(0.2).names == "cdefg"
    assert saved.waits == ""
    assert saved.losses.due is None


@pytest.mark.parametrize("text", ["\n \n", "# nothing\n", "---\n---\n"])
def test_a_file_of_comments_and_blanks_is_emptied(text: str) -> None:
    assert Saved(f=several("ab"), g=several("cdefg")).save(f=text).names == "abcdefg"


def test_what_is_whole_again_begins_anew() -> None:
    saved = Saved(f=several("ab"), g=several("cdefg")).save(f="").after(2)
    assert saved.save(f=several("ab")).waits == ""
    saved.save(f="")
    assert saved.after(2).names == "abcdefg"
    assert saved.after(1.1).names == "cdefg"


def test_a_file_that_is_cut_short_after_a_document_has_to_last() -> None:
    whole = several("abc")
    saved = Saved(f=whole, g=several("defghi")).save(f=whole[: len(several("ab")) + 4])
    assert saved.names == "abcdefghi"
    assert "cut short" in saved.waits
    assert saved.after(3.1).names == "abdefghi"


def test_every_beginning_of_a_file_leaves_all_objects_as_they_are() -> None:
    whole = several("ab") + "---\n" + ROUTES
    for end in range(len(whole.rstrip()) - 1):
        saved = Saved(f=whole, g=several("cdefgh"))
        before = dict(saved.texts._objects)
        saved.save(f=whole[:end])
        if whole[:end].endswith("\n") and saved.names == "abcdefghv":
            continue  # whole lines that lose no object are an edit like another
        assert saved.texts._objects == before, whole[:end]


def test_a_rule_that_is_cut_off_inside_of_a_line_has_to_last() -> None:
    whole = ROUTES.rstrip() + "\n  exportTo: [a, b]"
    cut = whole[: whole.index("\n  exportTo")]
    saved = Saved(f=whole, g=several("abc"))
    before = dict(saved.texts._objects)
    assert saved.save(f=cut).texts._objects == before
    assert "cut short" in saved.waits
    assert saved.after(3.1).texts._objects != before


def test_a_document_removed_from_a_file_is_an_edit() -> None:
    saved = Saved(f=several("abc"), g=several("defghi"))
    assert saved.save(f=several("bc")).names == "bcdefghi"
    assert saved.waits == ""


def test_a_file_that_is_removed_beside_others_is_an_edit() -> None:
    saved = Saved(f=several("a"), g=several("bcde"))
    assert saved.save(f=None).names == "bcde"


def test_more_than_half_of_all_objects_have_to_be_gone_for_a_while() -> None:
    saved = Saved(f=several("abc"), g=several("de"), h=several("f")).save(
        f=entry("new"), g=None, h=several("fg")
    )
    assert saved.names == "abcdefg", "the rest of the edit is taken in"
    assert "more than half of all objects" in saved.waits
    assert saved.after(3.1).names == "fgnew"


def test_half_of_all_objects_may_go_at_once() -> None:
    assert Saved(f=several("a"), g=several("b")).save(f=None).names == "b"


def test_half_bit_by_bit_is_half() -> None:
    saved = Saved(**{name: entry(name) for name in "abcdefghij"})
    for name in "abcde":
        saved.after(0.1).save(**{name: None})
    assert saved.names == "fghij"
    assert saved.after(0.1).save(f=None).names == "fghij"
    assert saved.after(3.1).names == "ghij"


def test_a_loss_long_after_another_is_believed_at_once() -> None:
    saved = Saved(**{name: entry(name) for name in "abcdefghij"})
    for name in "abcde":
        saved.after(10).save(**{name: None})
    assert saved.after(10).save(f=None, g=None).names == "hij"


def test_an_emptied_directory_has_to_last() -> None:
    saved = Saved(a=entry("a"), b=entry("b"))
    saved.texts.commit(saved.texts.draft({"other/c.yaml": several("cdefghij")}))
    assert saved.save(a=None, b=None).names == "abcdefghij"
    assert "its directory was emptied" in saved.waits
    assert saved.after(3.1).names == "cdefghij"


def test_a_directory_that_is_moved_loses_nothing() -> None:
    saved = Saved(a=entry("a"), b=entry("b"))
    contents: dict[str, Content] = {"new/a.yaml": entry("a"), "new/b.yaml": entry("b")}
    saved._take(contents | {"team/a.yaml": None, "team/b.yaml": None})
    assert saved.waits == ""
    assert set(saved.texts.sources()) == {"new/a.yaml", "new/b.yaml"}


def test_a_file_of_many_objects_is_reviewed_in_no_time() -> None:
    names = [f"e{i}" for i in range(3000)]
    whole = "---\n".join(map(entry, names))
    saved = Saved(f=whole)
    assert len(saved.save(f=whole[: len(whole) // 2]).texts._objects) == 3000


def test_what_is_waited_for_is_told_in_few_lines() -> None:
    saved = Saved(**{f"f{i}": entry(f"e{i}") for i in range(100)})
    saved.save(**dict.fromkeys((f"f{i}" for i in range(100)), None))
    assert len(list(saved.losses.problems())) == MAX_TOLD + 1
    assert "80 more files" in saved.waits


async def test_a_directory_removed_for_good_is_gone_after_a_while(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    for name in "abc":
        (tmp_path / "team" / f"{name}.yaml").write_text(entry(name))
    delay = timedelta(milliseconds=300)
    async with following(tmp_path, removal_delay=delay) as follower:
        shutil.rmtree(tmp_path / "team")
        batch = await follower.batch()
        assert follower.addresses.keys() == {"a", "b", "c"}
        assert "unless this lasts for 0.3 s" in batch.problems[0].message
        await follower.until()
        assert follower.batches[-1].problems == ()


async def test_a_file_that_is_empty_for_a_moment_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(entry("a"))
    async with following(tmp_path, removal_delay=timedelta(seconds=30)) as follower:
        path.write_text("")
        await follower.batch()  # that it is waited for
        path.write_text(entry("a", "10.0.0.2"))
        await follower.until(a="10.0.0.2")
        assert all("a" in seen for seen in follower.seen)
        assert follower.batches[-1].problems == ()


def test_what_goes_and_comes_back_counts_once_at_most() -> None:
    saved = Saved(f=several("a"), g=several("bcd"))
    for _ in range(6):
        saved.save(f=None).save(f=several("a"))
        saved.after(0.1)
    assert saved.save(f=None).names == "bcd"
