"""Nothing that a text says ends its reader: a nasty document is a problem of its own."""

from __future__ import annotations

import textwrap

import pytest

from tests.support.documents.kind_documents import workload_entry
from translators.kinds import manifest as manifests
from translators.kinds.manifest import MAX_MESSAGE, MAX_PROBLEMS, Manifest, read_manifest
from translators.kinds.registry import Parsed
from translators.kinds.schema.context import MAX_ERRORS
from translators.model.origin import Severity

HEAD = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\nspec:\n"
NINES = "9" * 5000
LONG_NUMBER = "is a number of 5000 digits"


def refused(text: str, source: str = "bad.yaml") -> Manifest:
    """What a text says of which nothing is accepted."""
    read = read_manifest(text, source)
    assert not read.entries
    assert any(problem.severity is Severity.ERROR for problem in read.problems)
    assert not read.failures
    return read


@pytest.mark.parametrize(
    ("text", "source", "message", "line"),
    [
        (f"spec:\n  a: {NINES}\n", "a.yaml", LONG_NUMBER, 2),
        (f"spec:\n  a: [{NINES}]\n", "a.yaml", LONG_NUMBER, 2),
        (f"spec: {{'a': -{NINES}}}\n", "a.yaml", "is a number of 5001 digits", 1),
        (f"a: 0x{'f' * 6000}\n", "a.yaml", "is a number of 6002 digits", 1),
        (f"? {NINES}\n: a\n", "a.yaml", LONG_NUMBER, 1),
        (f"a: !!int {NINES}\n", "a.yaml", LONG_NUMBER, 1),
        (f"a: !!float {'9' * 400}\n", "a.yaml", "is a number of 400 digits", 1),
        (f'{{\n"a": {NINES}}}', "a.json", LONG_NUMBER, 2),
        ('{"kind":\n"\\ud800"}', "a.json", "half of a character", 2),
        ('{"a": "\\ud83d\\ude00\\udc00"}', "a.json", "\\udc00 is half of a character", 1),
        ("a: !!binary \xe9\n", "a.yaml", "is not supported", 1),
        ("[" * 100_000, "a.yaml", "nesting", 1),
        ("[" * 100_000, "a.json", "nesting", 1),
        ('{"a":' * 5000 + "1" + "}" * 5000, "a.json", "nested deeper", 1),
        ("- " * 100_000, "a.yaml", "nested deeper", 1),
        ("a: &a [*a]\n", "a.yaml", "names no anchor", 1),
    ],
)  # fmt: skip
def test_a_nasty_text_is_a_problem_at_its_line(
    text: str, source: str, message: str, line: int
) -> None:
    found = [(problem.message, problem.line) for problem in refused(text, source).problems]
    assert any(message in said and at == line for said, at in found), found


def test_a_body_in_bytes_that_are_not_ascii_is_refused_at_its_field() -> None:
    spec = "  hosts: [v]\n  http:\n  - directResponse: {status: 200, body: {bytes: é}}\n"
    (problem,) = refused(HEAD + spec).problems
    assert problem.path == "spec.http[0].directResponse.body.bytes"
    assert "base64" in problem.message
    assert problem.line == 7


def test_whole_characters_in_json_and_escaped_backslashes_are_text() -> None:
    text = """\
        {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadEntry",
         "metadata": {"name": "x", "annotations": {"a": "\\ud83d\\ude00", "b": "\\\\ud800"}},
         "spec": {"address": "10.0.0.1"}}"""
    read = read_manifest(textwrap.dedent(text), "a.json")
    assert not read.problems
    (entry,) = read.entries.values()
    assert dict(entry.object.annotations) == {"a": "\U0001f600", "b": "\\ud800"}


def test_a_bug_of_ours_costs_one_document_and_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parse = manifests.parse

    def buggy(document: object) -> Parsed:
        if "10.0.0.66" in str(document):
            raise KeyError("surprise")
        return parse(document)

    monkeypatch.setattr(manifests, "parse", buggy)
    texts = (workload_entry("a"), workload_entry("b", "10.0.0.66"), workload_entry("c"))
    read = read_manifest("---\n".join(texts), "x.yaml")
    assert [key.name for key in read.entries] == ["a", "c"]
    assert read.is_partial, "what was read of it before must stay"
    (problem,) = read.problems
    assert "bug in Chancery (KeyError: 'surprise')" in problem.message
    assert "report" in problem.message
    assert str(problem.origin) == "x.yaml:8"
    (failure,) = read.failures
    assert "surprise" in failure
    assert "Traceback" in failure


def test_a_bug_in_the_reader_of_yaml_costs_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(*_arguments: object) -> list[object]:
        raise MemoryError

    monkeypatch.setattr(manifests, "documents", buggy)
    read = read_manifest("a: 1", "x.yaml")
    assert read.is_partial
    assert read.failures
    assert "bug in Chancery" in read.problems[0].message


def test_problems_of_a_text_are_bounded_and_the_rest_is_counted() -> None:
    wrong = workload_entry("x").replace("address", "adress")
    text = "---\n".join(wrong.replace("name: x", f"name: x{i}") for i in range(412))
    problems = read_manifest(text, "x.yaml").problems
    assert len(problems) == MAX_PROBLEMS + 1
    errors = sum(map(len, [read_manifest(wrong, "x.yaml").problems]))
    assert problems[-1].message == f"and {412 * errors - MAX_PROBLEMS} more errors"
    assert problems[-1].severity is Severity.ERROR
    assert all(problem.line for problem in problems[:-1])


def test_errors_are_told_before_what_refuses_nothing() -> None:
    harmless = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n---\n"
    wrong = workload_entry("x").replace("address", "adress")
    problems = read_manifest(harmless * 300 + wrong, "x.yaml").problems
    assert any(problem.severity is Severity.ERROR for problem in problems)
    assert len(problems) == MAX_PROBLEMS + 1
    assert "more warnings" in problems[-1].message
    assert problems[-1].severity is Severity.WARNING


def test_a_document_of_errors_is_left_at_some_point() -> None:
    fields = "".join(f"  unknown{i}: 1\n" for i in range(100_000))
    read = refused(HEAD + fields)
    untold = f"and {MAX_ERRORS + 1 - MAX_PROBLEMS} more errors"
    assert untold in [problem.message for problem in read.problems]
    assert {key.name for key in read.refused} == {"v"}, "its last good version must stay"


def test_a_message_is_short_whatever_it_repeats() -> None:
    for text in (f"? {'k' * 50_000}\n: 1\n? {'k' * 50_000}\n: 1\n", f"kind: {'k' * 50_000}\n"):
        for problem in refused(text).problems:
            assert len(problem.message) <= MAX_MESSAGE + 1


def test_keys_given_twice_by_the_thousand_are_no_feast() -> None:
    text = "".join(f"k{i}: 1\nk{i}: 2\n" for i in range(50_000))
    assert len(refused(text).problems) <= MAX_PROBLEMS + 1
