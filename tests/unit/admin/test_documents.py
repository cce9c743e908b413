"""Status values survive the way over HTTP, and foreign documents are refused with a reason."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fakes.mesh_status import MESH
from xds_server.admin.documents import document, read_mesh_status, read_wait_result
from xds_server.status import Lacking, MeshStatus, ProblemStatus, WaitResult

quick = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(st.from_type(MeshStatus))
def test_a_status_reads_back_as_it_was(mesh: MeshStatus) -> None:
    assert read_mesh_status(json.dumps(document(mesh))) == mesh


@quick
@given(
    st.builds(
        WaitResult,
        seconds=st.floats(allow_nan=False, allow_infinity=False),
        lacking=st.lists(st.from_type(Lacking)).map(tuple),
        exists=st.booleans(),
        failed=st.lists(st.from_type(ProblemStatus)).map(tuple),
    )
)
def test_an_answer_reads_back_as_it_was(result: WaitResult) -> None:
    assert read_wait_result(json.dumps(document(result))) == result


def test_an_older_server_says_nothing_of_failures() -> None:
    older = document(WaitResult(42, everywhere=True, proxies=1, seconds=0.5))
    for field in ("rejected", "held_back", "exists", "failed"):
        del older[field]
    assert read_wait_result(json.dumps(older)) == WaitResult(42, True, 1, 0.5)


def test_fields_of_a_newer_server_are_ignored() -> None:
    newer = document(MESH) | {"weather": "fine"}
    assert read_mesh_status(json.dumps(newer)) == MESH


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "expected an object"),
        ("{}", "'revision' is missing"),
        ('{"revision": "42"}', "'revision' should be a number"),
        ('{"revision": true}', "'revision' should be a number"),
        ('{"revision": 1, "proxies": {}}', "'proxies' should be a list"),
        ("<html>", "Expecting value"),
    ],
)
def test_a_foreign_document_is_refused_with_the_field(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_mesh_status(text)
