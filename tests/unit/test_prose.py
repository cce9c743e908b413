"""The prose of the code keeps to one dialect, as far as a tool can tell; ruff holds its width."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path.relative_to(ROOT)
    for folder in ("translators", "xds_server", "tests")
    for path in (ROOT / folder).rglob("*.py")
)


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every text that stands as a statement: docstrings, and those of constants."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            value = node.value.value
            if isinstance(value, str):
                yield node.lineno, value


@pytest.mark.parametrize("path", FILES, ids=str)
def test_code_in_prose_stands_in_single_backticks(path: Path) -> None:
    double = "`" * 2
    found = [line for line, text in docstrings((ROOT / path).read_text()) if double in text]
    assert found == [], f"{path}: docstrings with double backticks at these lines"
