"""The demo's files and processes describe the same mesh, and edits find what they change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from translators.kinds.manifest import read_manifest
from translators.model.origin import Severity
from xds_server.demo.errors import DemoError
from xds_server.demo.story import _BAD_RULE, _GOOD_MATCH
from xds_server.demo.topology import BACKENDS, NAMESPACE, NETWORK, RATINGS, REVIEWS
from xds_server.demo.workspace import NEAR_ZONE, RATINGS_FILE, ROUTES, Workspace

EXAMPLES = Path(__file__).parents[3] / "examples" / "demo"


def documents(kind: str) -> list[dict[str, Any]]:
    found = [d for path in EXAMPLES.glob("*.yaml") for d in yaml.safe_load_all(path.read_text())]
    return [document for document in found if document["kind"] == kind]


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    made = Workspace("127.0.7")
    yield made
    made.close()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_every_file_is_accepted_without_a_word(path: Path) -> None:
    manifest = read_manifest(path.read_text(), path.name)
    assert manifest.entries
    assert manifest.problems == ()


def test_reviews_are_the_workload_entries() -> None:
    written = {
        (
            d["metadata"]["name"],
            d["spec"]["labels"]["version"],
            d["spec"]["address"],
            d["spec"]["locality"],
        )
        for d in documents("WorkloadEntry")
    }
    assert written == {
        (w.name, w.version, w.address(NETWORK), str(w.locality))
        for w in BACKENDS
        if w.app == "reviews"
    }


def test_ratings_are_the_endpoint_slice() -> None:
    (found,) = documents("EndpointSlice")
    written = {(e["hostname"], e["addresses"][0], e["zone"]) for e in found["endpoints"]}
    assert written == {
        (w.name, w.address(NETWORK), w.locality.zone) for w in BACKENDS if w.app == "ratings"
    }
    assert {port["port"] for port in found["ports"]} == {
        w.port for w in BACKENDS if w.app == "ratings"
    }


def test_called_names_are_the_written_ones() -> None:
    (entry,) = documents("ServiceEntry")
    (service,) = documents("Service")
    assert entry["spec"]["hosts"] == [REVIEWS]
    assert service["metadata"]["name"] == RATINGS
    assert {d["metadata"]["namespace"] for d in (entry, service)} == {NAMESPACE}


def test_copy_lives_in_the_network_that_was_found(workspace: Workspace) -> None:
    assert "127.0.7.11" in workspace.read(NEAR_ZONE)
    assert f"{NETWORK}." not in workspace.read(NEAR_ZONE) + workspace.read(RATINGS_FILE)


def test_weights_are_written_in_their_order(workspace: Workspace) -> None:
    workspace.set_weights(90, 10)
    (document,) = yaml.safe_load_all(workspace.read(ROUTES))
    destinations = document["spec"]["http"][0]["route"]
    assert [(d["destination"]["subset"], d["weight"]) for d in destinations] == [
        ("v1", 90),
        ("v2", 10),
    ]


def test_zone_leaves_and_returns(workspace: Workspace) -> None:
    before = workspace.read(NEAR_ZONE)
    workspace.remove(NEAR_ZONE)
    assert not (workspace.mesh / NEAR_ZONE).exists()
    workspace.restore(NEAR_ZONE)
    assert workspace.read(NEAR_ZONE) == before


def test_typing_error_is_found_at_the_line_that_the_script_expects(workspace: Workspace) -> None:
    line = workspace.replace(ROUTES, "weight:", "wieght:")
    (problem,) = read_manifest(workspace.read(ROUTES), ROUTES).problems
    assert problem.line == line
    assert "weight" in problem.message


def test_rejected_rule_is_one_that_only_envoy_rejects(workspace: Workspace) -> None:
    workspace.replace(RATINGS_FILE, _GOOD_MATCH, _BAD_RULE)
    (problem,) = read_manifest(workspace.read(RATINGS_FILE), RATINGS_FILE).problems
    assert problem.severity is Severity.WARNING
    assert "only Envoy can say" in problem.message


def test_edit_that_finds_nothing_is_an_error(workspace: Workspace) -> None:
    with pytest.raises(DemoError, match="no 'absent'"):
        workspace.replace(ROUTES, "absent", "")


def test_nothing_is_left_behind_unless_kept() -> None:
    gone, kept = Workspace(NETWORK), Workspace(NETWORK)
    gone.close()
    assert not gone.root.exists()
    kept.keep()
    kept.close()
    assert kept.root.exists()
    kept._is_kept = False
    kept.close()
