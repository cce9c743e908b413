"""Saved become objects; mistakes keep the last good version, and names have one owner."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.documents.kind_documents import workload_entry as entry
from translators.kinds import manifest
from translators.kinds.registry import Parsed
from translators.kinds.workload_entry import WorkloadEntrySpec
from translators.model.origin import FilePlace, Origin, Severity
from translators.object_key import ObjectKey
from xds_server.sources import texts as texts_module
from xds_server.sources.batch import Batch
from xds_server.sources.texts import Content, Texts, Unreadable


def read_texts(contents: dict[str, str]) -> Batch:
    """Everything that some texts say, by the names under which problems shall report them."""
    texts = Texts()
    return texts.commit(texts.draft(dict(contents))) or Batch()


def key(name: str) -> ObjectKey:
    return ObjectKey("WorkloadEntry", "default", name)


class Saved:
    """Texts with what it published, added up."""

    def __init__(self) -> None:
        self.texts = Texts()
        self.addresses: dict[str, str] = {}
        self.origins: dict[ObjectKey, Origin] = {}
        self.batch: Batch | None = None

    def put(self, **contents: Content) -> Batch | None:
        named = {f"{name}.yaml": content for name, content in contents.items()}
        self.batch = batch = self.texts.commit(self.texts.draft(named))
        if batch is not None:
            for gone in batch.removed:
                del self.addresses[gone[2]]
                del self.origins[gone]
            for found in batch.set.values():
                assert isinstance(found.spec, WorkloadEntrySpec)
                self.addresses[found.name] = found.spec.address
            self.origins.update(batch.origins)
            assert self.origins.keys() == {key(name) for name in self.addresses}
        return batch

    def problems(self) -> list[tuple[str, int, str]]:
        assert self.batch is not None
        return [(p.origin.source, p.line, p.path) for p in self.batch.problems if p.origin]


def test_only_what_differs_is_published() -> None:
    texts = Saved()
    first = texts.put(a=entry("a") + "---\n" + entry("b"))
    assert first is not None
    assert first.set.keys() == {key("a"), key("b")}
    second = texts.put(a=entry("a") + "---\n" + entry("b", "10.0.0.2"))
    assert second is not None
    assert second.set.keys() == {key("b")}
    assert not second.origins
    assert texts.put(a=entry("a") + "---\n" + entry("b", "10.0.0.2")) is None


def test_a_comment_moves_origins_and_changes_no_object() -> None:
    texts = Saved()
    texts.put(a=entry("a"))
    batch = texts.put(a="# why\n" + entry("a"))
    assert batch is not None
    assert (batch.set, batch.removed) == ({}, frozenset())
    assert batch.origins == {key("a"): FilePlace("a.yaml", 1, 2)}


def test_a_removed_document_and_a_removed_file_remove_their_objects() -> None:
    texts = Saved()
    texts.put(a=entry("a") + "---\n" + entry("b"))
    texts.put(a=entry("b"))
    assert texts.addresses == {"b": "10.0.0.1"}
    texts.put(a=None)
    assert texts.addresses == {}


def test_a_refused_document_keeps_its_last_good_version_and_the_others_go_on() -> None:
    texts = Saved()
    texts.put(a=entry("a") + "---\n" + entry("b"))
    texts.put(a=entry("a", "not valid") + "---\n" + entry("b", "10.0.0.2"))
    assert texts.addresses == {"a": "10.0.0.1", "b": "10.0.0.2"}
    assert texts.problems() == [("a.yaml", 6, "spec.address")]
    texts.put(a=entry("a", "10.0.0.3") + "---\n" + entry("b", "10.0.0.2"))
    assert texts.addresses == {"a": "10.0.0.3", "b": "10.0.0.2"}
    assert texts.problems() == []


def test_a_file_that_is_no_yaml_keeps_everything_and_names_the_line() -> None:
    texts = Saved()
    texts.put(a=entry("a") + "---\n" + entry("b"))
    batch = texts.put(a=entry("a", "10.0.0.9") + "---\nx: [")
    assert batch is not None
    assert texts.addresses == {"a": "10.0.0.1", "b": "10.0.0.1"}
    (problem,) = batch.problems
    assert "not valid YAML" in problem.message
    assert problem.origin is not None
    assert (problem.origin.source, problem.line) == ("a.yaml", 8)


def test_a_document_that_cannot_be_told_apart_removes_nothing() -> None:
    texts = Saved()
    texts.put(a=entry("a") + "---\n" + entry("b"))
    for broken in (
        entry("a").replace("name: a", "nam: a"),
        entry("a").replace("WorkloadEntry", "WorkloadEntri"),
    ):
        texts.put(a=broken + "---\n" + entry("b"))
        assert texts.addresses == {"a": "10.0.0.1", "b": "10.0.0.1"}


def test_a_key_given_twice_refuses_one_document() -> None:
    texts = Saved()
    texts.put(a=entry("a"))
    texts.put(a=entry("a", "10.0.0.2") + "  address: 10.0.0.3\n---\n" + entry("b"))
    assert texts.addresses == {"a": "10.0.0.1", "b": "10.0.0.1"}
    assert texts.problems() == [("a.yaml", 7, "")]


def test_an_unreadable_file_keeps_everything() -> None:
    texts = Saved()
    texts.put(a=entry("a"))
    texts.put(a=Unreadable("Permission denied"))
    assert texts.addresses == {"a": "10.0.0.1"}
    assert texts.problems() == [("a.yaml", 0, "")]
    texts.put(a=entry("a"))
    assert texts.problems() == []


def test_the_first_file_by_name_owns_an_object_and_the_second_takes_over() -> None:
    texts = Saved()
    texts.put(b=entry("x", "10.0.0.2"))
    texts.put(a=entry("x", "10.0.0.1"))
    assert texts.addresses == {"x": "10.0.0.1"}
    assert texts.batch is not None
    (problem,) = texts.batch.problems
    assert problem.severity is Severity.ERROR
    assert problem.origin == FilePlace("b.yaml", 1, 1)
    assert "a.yaml:1" in problem.message
    texts.put(a=None)
    assert texts.addresses == {"x": "10.0.0.2"}
    assert texts.problems() == []


def test_the_first_document_of_a_file_owns_an_object() -> None:
    texts = Saved()
    texts.put(a=entry("x", "10.0.0.1") + "---\n" + entry("x", "10.0.0.2"))
    assert texts.addresses == {"x": "10.0.0.1"}
    assert texts.problems() == [("a.yaml", 8, "")]


def test_an_object_that_moves_to_another_file_is_never_lost() -> None:
    texts = Saved()
    texts.put(a=entry("x"))
    draft = texts.texts.draft({"a.yaml": None, "b.yaml": entry("x")})
    assert not draft.lost
    batch = texts.texts.commit(draft)
    assert batch is not None
    assert (batch.set, batch.removed) == ({}, frozenset())
    assert batch.origins == {key("x"): FilePlace("b.yaml")}
    assert texts.texts.draft({"b.yaml": ""}).lost == {key("x")}


def test_a_field_is_located_in_the_text_that_is_served() -> None:
    texts = Saved()
    texts.put(a="# one\n" + entry("a"))
    texts.put(a="x: [")
    assert texts.texts.locate(key("a"), "spec.address") == FilePlace("a.yaml", 1, 7)
    assert texts.texts.locate(key("a"), "spec.nothing") == FilePlace("a.yaml", 1, 6)
    assert texts.texts.locate(key("b")) is None
    assert ("spec.address", "10.0.0.1") in list(texts.texts.find_values(key("a")))
    assert list(texts.texts.find_values(key("b"))) == []


def test_texts_can_be_read_once() -> None:
    batch = read_texts({"a.yaml": entry("a"), "b.yaml": "x"})
    assert batch.set.keys() == {key("a")}
    assert len(batch.problems) == 1


EDITS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.none() | st.lists(st.tuples(st.sampled_from("uvx"), st.integers(1, 3)), max_size=3),
    ),
    max_size=12,
)


def content(names: list[tuple[str, int]] | None) -> Content:
    return None if names is None else "---\n".join(entry(n, f"10.0.0.{i}") for n, i in names)


@settings(max_examples=150, deadline=None)
@given(EDITS, st.randoms(use_true_random=False))
def test_any_order_of_valid_edits_ends_the_same(
    edits: list[tuple[str, list[tuple[str, int]] | None]], chance: random.Random
) -> None:
    step_by_step = Saved()
    for name, names in edits:
        step_by_step.put(**{name: content(names)})
    last = {name: content(names) for name, names in edits}
    shuffled = list(last.items())
    chance.shuffle(shuffled)
    other = Saved()
    for name, text in shuffled:
        other.put(**{name: text})
    fresh = read_texts(
        {f"{name}.yaml": text for name, text in last.items() if isinstance(text, str)}
    )
    expected = {found.name: found.spec for found in fresh.set.values()}
    for texts in (step_by_step, other):
        assert texts.addresses == {
            n: s.address for n, s in expected.items() if isinstance(s, WorkloadEntrySpec)
        }
        assert texts.origins == fresh.origins
        final = texts.texts.commit(texts.texts.draft({"z.yaml": "?"}))
        assert final is not None
        assert [p for p in final.problems if p.origin and p.origin.source != "z.yaml"] == list(
            fresh.problems
        )


def test_problems_in_all_are_bounded_shared_fairly_and_counted() -> None:
    saved = Saved()
    wrong = entry("x") + "".join(f"  u{i}: 1\n" for i in range(90))
    saved.put(**{f"f{i}": wrong.replace("name: x", f"name: x{i}") for i in range(100)})
    saved.put(zz=entry("z") + "  colour: red\n")
    assert saved.batch is not None
    *problems, rest = saved.batch.problems
    assert len(problems) <= texts_module.MAX_PROBLEMS
    assert rest.message.startswith(f"and {100 * 90 + 1 - len(problems)} more problems")
    assert any(p.origin and p.origin.source == "zz.yaml" for p in problems), "one line for each"
    saved.put(**{f"f{i}": None for i in range(100)})
    assert [path for _, _, path in saved.problems()] == ["spec.colour"]


def test_a_large_draft_is_taken_in_by_and_by_and_what_is_gone_goes_last() -> None:
    saved = Saved()
    saved.put(a="---\n".join(entry(f"old{i}") for i in range(10)))
    draft = saved.texts.draft({"a.yaml": "---\n".join(entry(f"new{i}") for i in range(25))})
    batches = list(saved.texts.steps(draft, (), 10))
    assert [(len(batch.set), len(batch.removed)) for batch in batches] == [
        (10, 0),
        (10, 0),
        (5, 5),
        (0, 5),
    ]


def test_a_bug_of_ours_is_carried_to_whom_it_concerns(monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(_document: object) -> Parsed:
        raise KeyError("surprise")

    saved = Saved()
    saved.put(a=entry("a"))
    monkeypatch.setattr(manifest, "parse", buggy)
    draft = saved.texts.draft({"a.yaml": entry("a", "10.0.0.2")})
    text = draft.texts["a.yaml"]
    assert text is not None
    assert "surprise" in text.failures[0]
    saved.texts.commit(draft)
    assert saved.addresses == {"a": "10.0.0.1"}
