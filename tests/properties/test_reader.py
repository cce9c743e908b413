"""The reader of documents raises nothing, whatever it is given, and tells what is wrong.

Documents of the right shape with nasty values in them, and real examples that were damaged.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from translators.kinds.manifest import MAX_MESSAGE, MAX_PROBLEMS, Manifest, read_manifest
from translators.kinds.registry import KINDS
from translators.kinds.yaml.lines import Locator
from xds_server.admin.documents import document
from xds_server.sources.texts import Texts
from xds_server.status import MeshStatus, problem_status

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = tuple(
    path.read_text()
    for place in ("examples", "tests/golden")
    for path in sorted((ROOT / place).rglob("*.yaml"))
    if "out" not in path.parts and path.stat().st_size < 20_000
)
WORDS: Final = (
    "",
    "~",
    "y",
    "on",
    "9" * 400,
    "9" * 5000,
    "-" + "9" * 5000,
    "0x" + "f" * 6000,
    "1e999",
    "-.inf",
    ".nan",
    "0o8",
    "0b_",
    "1_",
    "99999-99-99",
    "!!binary \xe9",
    "!!int x",
    "!!float " + "9" * 400,
    "!!null x",
    "!!timestamp x",
    "!foo x",
    "&a [*a]",
    "*a",
    "<<: 1",
    "? [a]: b",
    "[" * 200,
    "{a: " * 200,
    "'",
    '"\\ud800"',
    '"\\x00"',
    "%YAML 9.9",
    "---",
    "...",
    "\x85",
    "\u2028",
    "\ufeff",
    "\x00",
    "\ud800",
    "²",
    "\u0661",
    "*",
    "*.",
    "a..b",
    "é",
    "[::1]",
    "::1%eth0",
    "256.256.256.256",
    "unix:///x",
    "1h1",
    "-1s",
    "9" * 400 + "s",
    "0.0000000000000000001s",
    "%",
    "%REQ(",
    "(" * 100,
    "[[:x:]]",
    "\\",
)
TOKENS = st.sampled_from(WORDS) | st.text(max_size=20)
SCALARS: st.SearchStrategy[object] = (
    TOKENS
    | st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=0, max_value=70_000)
    | st.floats()
)
KEYS = st.sampled_from(
    sorted(
        {
            word
            for text in EXAMPLES
            for word in text.replace("{", " ").replace(",", " ").split()
            if word.endswith(":") and len(word) < 40
        }
    )
).map(lambda word: word[:-1]) | st.text(max_size=8)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5)
)
NASTY = st.builds(
    lambda kind, name, spec, more: {
        "apiVersion": kind.api_versions[0],
        "kind": kind.name,
        "metadata": {"name": name, **more},
        "spec": spec,
    },
    st.sampled_from(KINDS),
    st.just("x") | TOKENS,
    st.dictionaries(KEYS, TREES, max_size=6),
    st.dictionaries(st.sampled_from(["namespace", "labels", "annotations"]), TREES, max_size=2),
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """An example with parts cut out, doubled, exchanged, or replaced by what is nasty."""
    text = draw(st.sampled_from(EXAMPLES))
    for _ in range(draw(st.integers(1, 4))):
        ends = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        start, end = ends[0], min(ends[1], ends[0] + draw(st.sampled_from([0, 1, 10, 1000])))
        how = draw(st.sampled_from(["cut", "double", "word", "value", "end"]))
        if how == "cut":
            text = text[:start] + text[end:]
        elif how == "double":
            text = text[:end] + text[start:end] + text[end:]
        elif how == "end":
            text = text[:start]
        elif how == "word":
            text = text[:start] + draw(TOKENS) + text[end:]
        else:
            at = text.find(": ", start)
            stop = min((i for i in (text.find(c, at + 2) for c in "\n,}]") if i > 0), default=-1)
            if at >= 0 and stop > 0:
                text = f"{text[:at]}: {draw(TOKENS)}{text[stop:]}"
    return text


def check(text: str, source: str) -> Manifest:
    """Read a text, and prove that everything that is said of it can be said."""
    text.encode("utf-8", "surrogatepass")
    read = read_manifest(text, source)
    if text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text):
        # A file cannot hold halves of characters; they only must not raise.
        assert read.failures == (), read.failures[0]
    assert len(read.problems) <= MAX_PROBLEMS + 2
    for problem in read.problems:
        assert len(problem.message) <= MAX_MESSAGE + 1
        assert problem.line <= len(text.splitlines()) + 1  # YAML knows breaks beside "\n" too
    status = MeshStatus(1, problems=tuple(map(problem_status, read.problems)))
    json.dumps(document(status))
    for entry in read.entries.values():
        hash(entry.object.spec)
        assert entry.object == entry.object
        list(Locator(text).scalars(entry.origin.document, entry.steps))
    return read


@settings(deadline=None)
@given(st.lists(NASTY | TREES, min_size=1, max_size=3))
def test_documents_with_nasty_values_raise_nothing(trees: list[object]) -> None:
    try:
        written = yaml.safe_dump_all(trees, allow_unicode=True)
    except (UnicodeEncodeError, ValueError):
        written = yaml.safe_dump_all(trees)
    check(written, "x.yaml")
    try:
        as_json = json.dumps(trees[0])
    except ValueError:  # an integer that Python does not write
        return
    check(as_json, "x.json")


@settings(deadline=None)
@given(damaged())
def test_damaged_examples_raise_nothing(text: str) -> None:
    check(text, "x.yaml")
    check(text, "x.json")


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS) | st.sampled_from(["\n", " ", "a: ", "- ", "\n  "])))
def test_heaps_of_nasty_words_raise_nothing(words: list[str]) -> None:
    check("".join(words), "x.yaml")


@settings(deadline=None)
@given(damaged(), st.data())
def test_a_save_that_ends_anywhere_keeps_what_is_not_in_it(text: str, data: st.DataObject) -> None:
    texts = Texts()
    texts.commit(texts.draft({"x.yaml": text}))
    end = data.draw(st.integers(0, len(text)))
    draft = texts.draft({"x.yaml": text[:end]})
    texts.commit(draft)
    for key in read_manifest(text[:end], "x.yaml").entries:
        assert texts.locate(key) is not None
