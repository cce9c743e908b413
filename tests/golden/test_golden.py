"""Golden directories: a mesh and proxies in, their resources out, as YAML; and Envoy accepts them.

`goldens.py` in tests/support says what a case is and which resources it prints. Nothing goes
unchecked for not being printed: its bytes are those of another proxy, which prints them, or its
name is told and each of its fields is printed for some other proxy. Envoy is asked about all.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.documents.goldens import (
    CASES,
    HERE,
    NOT_SHOWN,
    database,
    documents,
    files,
    proxies,
)
from tests.support.processes.static_envoy import validate_proxy
from translators.model.proxy_node import Mode

RERUN = "if this is meant: pytest tests/golden --update-goldens, and read the diff"


@pytest.mark.parametrize("case", CASES)
def test_translation_is_as_written(case: str, update_goldens: bool) -> None:
    out = HERE / case / "out"
    wanted = files(case)
    if update_goldens:
        shutil.rmtree(out, ignore_errors=True)
        for name, text in wanted.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return
    known = {str(path.relative_to(out)) for path in out.glob("*/*")}
    assert known == set(wanted), f"other files in {out} than there should be; {RERUN}"
    for name, text in wanted.items():
        assert (out / name).read_text() == text, f"{out / name} differs; {RERUN}"


def test_every_field_that_is_not_shown_is_printed_by_another_proxy() -> None:
    """`show` hides repetitions only: what it hides has fields that proxies of this mode print."""
    printed: dict[tuple[Mode, str], set[str]] = defaultdict(set)
    hidden = []
    for case in CASES:
        modes = {proxy.node.name: proxy.node.mode for proxy in proxies(case)}
        for proxy, held in documents(case).items():
            for document in held:
                paths = set(_fields(yaml.safe_load(document.text)))
                if document.printed_by == NOT_SHOWN:
                    hidden.append((case, proxy, modes[proxy], document, paths))
                else:
                    printed[modes[proxy], document.kind] |= paths
    nowhere = [
        f"{case}/{proxy}: {document.name} alone has {sorted(missing)}"
        for case, proxy, mode, document, paths in hidden
        if (missing := paths - printed[mode, document.kind])
    ]
    assert not nowhere, "let proxies.yaml show these:\n" + "\n".join(nowhere)


def _fields(value: object, path: str = "") -> Iterator[str]:
    """Every field's path, without the places in lists; a typed extension's has its type."""
    if isinstance(value, dict):
        kind = f"[{value['@type']}]" if "@type" in value else ""
        for field, inner in value.items():
            yield from _fields(inner, f"{path}{kind}.{field}")
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, path)
    else:
        yield path


@pytest.mark.envoy
@pytest.mark.parametrize("case", CASES)
def test_envoy_accepts_it(case: str, envoy_path: Path, tmp_path: Path) -> None:
    db = database(case)
    for proxy in proxies(case):
        validate_proxy(envoy_path, tmp_path / proxy.node.name, db, proxy.node)
