"""Every example is right: no problem is found, and Envoy accepts what a proxy of any mode gets.

Examples are found by glob: a directory below `examples` is one, and needs no test of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.documents.proxy_resources import resources
from tests.support.documents.translation import mesh, objects
from tests.support.processes.static_envoy import validate_proxy
from translators.model.proxy_node import Mode, ProxyNode
from translators.names import CLUSTER_TYPE
from xds_server.cli.validate import validate

ROOT = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(path.name for path in ROOT.iterdir() if path.is_dir())


@pytest.mark.parametrize("example", EXAMPLES)
def test_validation_finds_nothing(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    validate(ROOT / example)
    assert capsys.readouterr().out.endswith(" objects, no errors, no warnings\n")


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_file_says_at_its_top_what_it_shows(example: str) -> None:
    texts = [path.read_text() for path in (ROOT / example).iterdir()]
    assert texts
    assert all(text.startswith("# ") for text in texts)


@pytest.mark.envoy
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("example", EXAMPLES)
def test_envoy_accepts_what_is_made_of_it(
    example: str, mode: Mode, envoy_path: Path, tmp_path: Path
) -> None:
    texts = [path.read_text() for path in sorted((ROOT / example).iterdir())]
    namespaces = {entry.namespace for text in texts for entry in objects(text)} - {""}
    db = mesh(*texts)
    for namespace in sorted(namespaces):
        node = ProxyNode(id=f"client.{namespace}", name="client", namespace=namespace, mode=mode)
        clusters = [cluster.name for cluster in resources(db, node, inline=True)[CLUSTER_TYPE]]
        assert any(name.startswith("outbound|") for name in clusters), clusters
        validate_proxy(envoy_path, tmp_path / namespace, db, node)
