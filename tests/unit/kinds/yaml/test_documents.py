"""YAML is read as Kubernetes reads it, with mistakes at their lines."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from translators.kinds.field_path import render, split
from translators.kinds.yaml import documents as yaml_documents
from translators.kinds.yaml.documents import (
    Document,
    YamlSyntaxError,
    _documents_of_events,
    documents,
)
from translators.kinds.yaml.lines import Locator
from translators.kinds.yaml.plain import Lines, plain_documents
from translators.kinds.yaml.scalars import plain


def line_of(text: str, document_index: int, path: str) -> int:
    """The line of a field in a text."""
    return Locator(text).line(document_index, split(path))


def value(text: str) -> object:
    (document,) = documents(text)
    assert not document.faults
    return document.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", 80), ("0x50", 80), ("0120", 80), ("0o120", 80), ("1_000", 1000), ("-3", -3), ("1.5", 1.5),
        ("1e3", 1000.0), ("true", True), ("Yes", True), ("off", False), ("~", None), ("", None),
        ("y", True), ("N", False), ("ny", "ny"), ("10.0.0.1", "10.0.0.1"), ("2024-01-01", "2024-01-01"), ("12:30", "12:30"), ("1s", "1s"),
        ("-", "-"), (".", "."), ("0b", "0b"), ("v1", "v1"),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_what_kubernetes_makes_of_it(text: str, expected: object) -> None:
    scalar = plain(text)
    assert scalar == expected
    assert type(scalar) is type(expected)


def test_quotes_and_blocks_are_text() -> None:
    assert value("a: '80'\nb: \"true\"\nc: |\n  1\n  2\nd: >-\n  x\n  y") == {
        "a": "80", "b": "true", "c": "1\n2\n", "d": "x y",
    }  # fmt: skip


def test_aliases_and_merges_are_followed() -> None:
    assert value("a: &a {x: 1, w: 2}\nb: {<<: *a, w: 3}\nc: *a\nd: {<<: [*a, {z: 4}]}") == {
        "a": {"x": 1, "w": 2}, "b": {"x": 1, "w": 3}, "c": {"x": 1, "w": 2}, "d": {"x": 1, "w": 2, "z": 4},
    }  # fmt: skip


def test_tags_of_plain_types_are_obeyed() -> None:
    assert value("a: !!str 80\nb: !!int '80'\nc: !!map {d: !!seq [1]}") == {
        "a": "80",
        "b": 80,
        "c": {"d": [1]},
    }


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a: 1\nb: 2\na: 3", "given twice", 3),
        ("a: *x", "names no anchor", 1),
        ("a: 1\nb: !!binary eA==", "not supported", 2),
        ("a: 1\nb: !thing {}", "not supported", 2),
        ("on: 1", "put it in quotes", 1),
        ("y: 1", "the key y is not text in YAML; put it in quotes", 1),
        ("a: {x: 1, N: 2}", "the key N is not text in YAML; put it in quotes", 1),
        ("? [1]\n: 2", "must be text", 1),
        ("a: {<<: 1}", "takes a mapping", 1),
    ],
)
def test_a_documents_own_mistake_leaves_the_others_alone(
    text: str, message: str, line: int
) -> None:
    first, second = documents(f"{text}\n---\nok: 1")
    (fault,) = first.faults
    assert message in fault.message
    assert fault.line == line
    assert second.value == {"ok": 1}
    assert not second.faults


@pytest.mark.parametrize(
    ("text", "line"), [("a: 1\nb: [", 2), ("a: 1\n b: 2", 2), ("a: \x00", 0), ("x: 'a", 1)]
)
def test_a_mistake_of_syntax_names_its_line(text: str, line: int) -> None:
    with pytest.raises(YamlSyntaxError) as raised:
        documents(text)
    assert abs(raised.value.line - line) <= 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [::1]", 1),
        ("b: 1\na: [10.0.0.1, ::1]", 2),
        ("a: {a: ::1}", 1),
        ("a: [fe80::]", 1),
        ("a: [fd00::, 10.0.0.1]", 1),
        ("a: [\n  10.0.0.1,\n  ::ffff:1.2.3.4]", 3),
        ("a: fd00::", 1),
    ],
)
def test_an_address_that_yaml_does_not_take_for_text_is_to_be_quoted(text: str, line: int) -> None:
    with pytest.raises(YamlSyntaxError, match="such as an IPv6 address, in quotes") as raised:
        documents(text)
    assert raised.value.line == line


@pytest.mark.parametrize("text", ["[fd00::1, a]", "{a: fd00::1}", "::1", "['::1']", '{a: "::"}'])
def test_other_addresses_are_text(text: str) -> None:
    assert value(f"a: {text}") == {"a": yaml.safe_load(text)}


def test_a_mistake_elsewhere_says_nothing_of_quotes() -> None:
    with pytest.raises(YamlSyntaxError) as raised:
        documents("a: ::1\nb: [1")
    assert "quotes" not in raised.value.message


def test_aliases_cannot_grow_without_bound() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    (document,) = documents("\n".join(lines))
    assert any("aliases stand for more" in fault.message for fault in document.faults)


def test_depth_is_bounded() -> None:
    with pytest.raises(YamlSyntaxError, match="deeper"):
        documents("[" * 500 + "]" * 500)


# PyYAML writes these texts without quotes. To Kubernetes they are numbers or booleans.
NOT_TEXT = re.compile(r"[-+]?(\.?[0-9]+\.?[0-9]*[eE][-+]?[0-9]+|0o[0-7_]+)|[yYnN]")
TEXTS = st.text(max_size=12).filter(lambda text: not NOT_TEXT.fullmatch(text))
PLAIN = st.one_of(st.integers(-9999, 9999), st.booleans(), st.none(), TEXTS)
TREES = st.recursive(
    PLAIN,
    lambda t: st.lists(t, max_size=4) | st.dictionaries(TEXTS, t, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(TREES, min_size=1, max_size=3), st.booleans())
def test_what_yaml_writes_is_read_back(trees: list[object], flow: bool) -> None:
    text = yaml.safe_dump_all(trees, default_flow_style=flow)
    read = documents(text)
    if not any(document.faults for document in read):
        assert [document.value for document in read] == trees


INDENTS = st.sampled_from(["", "  ", "    ", " ", "- ", "  - ", "- - ", "-   "])
BODIES = st.sampled_from(
    ["a:", "b:", "c: 1", "d: x", "a: 1", "x", "- y", "e: {f: g}", "h: [1, two, 3.5]", "[a, b]", "{a: b, c: [d]}",
     "---", "", " ", "k: 10.0.0.1", "l: a:b", "m: a: b", "n: yes", "nn: n", "on: 1", "1: x", "a b", "p: a b", "q: -1", "r: -",
     "s: {a: b:c}", "t: [a,]", "u: {a}", "v: []", "w: {}", "...", "-", "x:y", "x: y:", "z: http://a/b", "aa:  b",
     "bb: c ", "cc: 0x1F", "dd: 1e3", "ee: null", "ff: 'q'", "gg: {a: b} c", "hh: [a: b]", "ii: [[a], {b: c}]"]
)  # fmt: skip
LINES = st.lists(st.tuples(INDENTS, BODIES).map("".join), max_size=8)


@settings(max_examples=400, deadline=None)
@given(LINES)
def test_the_short_way_reads_what_libyaml_reads(lines: list[str]) -> None:
    text = "\n".join(lines)
    short = plain_documents(text, Lines())
    if short is not None:
        read = _documents_of_events(text, {})
        assert not [document for document in read if document.faults]
        assert [(document.value, document.line) for document in read] == short
        assert repr(read[0].value) == repr(short[0][0])


def test_the_short_way_reads_ordinary_documents() -> None:
    text = "a:\n- b: 1\n  c: [x, {m: z}]\n- - d\n  - e\nf:\n  g:\n    h: true\ni:\n---\n\nj: k\n"
    value = {
        "a": [{"b": 1, "c": ["x", {"m": "z"}]}, ["d", "e"]],
        "f": {"g": {"h": True}},
        "i": None,
    }
    assert plain_documents(text, Lines()) == [(value, 1), ({"j": "k"}, 12)]


def test_the_pure_python_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x [1, {b: c}]\nd: *x\n---\n---\n{e: 'f'}\n"
    expected = documents(text)
    monkeypatch.setattr(yaml_documents, "_Loader", yaml.SafeLoader)
    assert documents(text) == expected
    with pytest.raises(YamlSyntaxError):
        documents("a: [")


def test_documents_are_counted_with_their_lines() -> None:
    text = "# hello\na: 1\n---\n---\n# x\nb: 2\n"
    assert documents(text) == [
        Document({"a": 1}, 1, 2), Document(None, 2, 4), Document({"b": 2}, 3, 6),
    ]  # fmt: skip
    assert line_of(text, 3, "b") == 6


@pytest.mark.parametrize(
    ("path", "line"),
    [("", 1), ("spec", 1), ("spec.http[1]", 4), ("spec.http[1].b", 5), ("spec.http[7].b", 2), ("spec.x.y", 1),
     ('spec["a.b"]', 6)],
)  # fmt: skip
def test_a_field_is_found_at_its_line_or_near(path: str, line: int) -> None:
    assert line_of('spec:\n  http:\n  - a: 1\n  - a: 2\n    b: 3\n  "a.b": c\n', 1, path) == line


def test_every_scalar_is_listed_with_its_path() -> None:
    assert list(Locator("x:\n- spec: {a: [1, two], b: ''}").scalars(1, ("x", 0))) == [
        ("spec.a[0]", "1"), ("spec.a[1]", "two"), ("spec.b", ""),
    ]  # fmt: skip


@settings(max_examples=100)
@given(st.lists(st.one_of(st.text(), st.integers(0, 10**6))))
def test_a_path_survives_being_written(steps: list[str | int]) -> None:
    assert split(render(tuple(steps))) == tuple(steps)
