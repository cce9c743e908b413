"""Every accepted kind is in a golden, a refused document, an example, and the README's table.

What is missing for a new kind is told by name, with the place where it belongs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.unit.kinds.test_invalid_documents import CASES, CORE_CASES
from translators.kinds.registry import KINDS, expand
from translators.kinds.schema.kind import Kind
from translators.kinds.yaml.documents import documents

ROOT = Path(__file__).parents[3]


def kinds_in(texts: Iterable[str]) -> set[str]:
    """The kinds of the documents of YAML texts."""
    return {
        str(item["kind"])
        for text in texts
        for document in documents(text)
        for _, item in expand(document.value)
        if isinstance(item, dict) and "kind" in item
    }


IN_GOLDENS = kinds_in(path.read_text() for path in (ROOT / "tests" / "golden").glob("*/in.yaml"))
IN_EXAMPLES = kinds_in(path.read_text() for path in (ROOT / "examples").glob("*/*.yaml"))
REFUSED = {case[0] for case in CASES} | kinds_in(case[0] for case in CORE_CASES)

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@every_kind
def test_a_golden_shows_it(kind: Kind) -> None:
    assert kind.name in IN_GOLDENS, "add a case to tests/golden"


@every_kind
def test_a_mistake_in_it_is_refused(kind: Kind) -> None:
    assert kind.name in REFUSED, "add a case to tests/unit/kinds/test_invalid_documents.py"


@every_kind
def test_an_example_uses_it(kind: Kind) -> None:
    assert kind.name in IN_EXAMPLES, "add a document to a directory below examples"


@every_kind
def test_the_readme_names_it(kind: Kind) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("\n## What is understood\n")[2].partition("\n\nIstio's kinds")[0]
    named = {
        name for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for name in row.split("`")
    }
    assert kind.name in named, "add it to the table below 'What is understood' in README.md"
