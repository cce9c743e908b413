"""What the registry says of kinds by their names."""

from __future__ import annotations

import pytest

from translators.kinds.registry import KINDS, is_policy, parse, suspicion

ORDER = ["VirtualService", "DestinationRule", "ServiceEntry", "WorkloadEntry", "EndpointSlice",
         "Service", "Pod", "Namespace", "Node"]  # fmt: skip


def test_kinds_are_suspected_in_their_order_and_unknown_ones_last() -> None:
    names = ["Unknown", *sorted(kind.name for kind in KINDS)]
    assert sorted(names, key=suspicion) == [*ORDER, "Unknown"]


def test_no_two_kinds_have_the_same_rank() -> None:
    assert len({kind.suspicion for kind in KINDS}) == len(KINDS)


def test_policies_are_suspected_before_what_they_treat() -> None:
    policies = [name for name in ORDER if is_policy(name)]
    assert policies == ["VirtualService", "DestinationRule"] == ORDER[: len(policies)]
    assert not is_policy("Unknown")


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        {},
        {"namespace": "shop"},
        {"name": "a", "namespace": "A B"},
        {"name": "A B"},
        {"name": "a", "labels": {"x": 1}},
        {"name": "a", "nmae": "b"},
    ],
)
def test_an_error_in_metadata_names_the_kind(metadata: object) -> None:
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    problems = parse(document).problems
    assert problems
    for problem in problems:
        named = problem.message if problem.key is None else problem.key.kind
        assert "Namespace" in named


@pytest.mark.parametrize("kind", ["Service", "Namespace"])
@pytest.mark.parametrize("name", ["1.5", "a.b", "x" * 64])
def test_a_name_that_becomes_a_part_of_hosts_is_a_label(kind: str, name: str) -> None:
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    document |= {"spec": {"ports": [{"port": 80}]}} if kind == "Service" else {}
    (problem,) = parse(document).problems
    assert (problem.path, f"a {kind}'s name" in problem.message) == ("metadata.name", True)
    document["metadata"] = {"name": "a-1"}
    assert parse(document).problems == ()
