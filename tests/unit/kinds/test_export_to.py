"""`exportTo` says who sees an object; a list that contradicts itself is refused, in every kind."""

from __future__ import annotations

import pytest

from tests.support.documents.kind_documents import document, manifest
from translators.model.origin import Severity

SPECS = {
    "VirtualService": "hosts: [a]\nhttp: [{route: [{destination: {host: a}}]}]",
    "DestinationRule": "host: a",
    "ServiceEntry": "hosts: [a.b]\nports: [{number: 80, name: http}]",
}
EVERYWHERE: list[tuple[str, int | None, str]] = [
    # exportTo, the place of the mistake (None: it is right), part of the message
    ("[]", None, ""),
    ('["*"]', None, ""),
    ('["."]', None, ""),
    ("[shop]", None, ""),
    ('[shop, "."]', None, ""),
    ('[".", default]', 1, "one namespace"),
    ('[default, "."]', 1, "one namespace"),
    ('[".", "."]', 1, "listed already"),
    ("[shop, shop]", 1, "listed already"),
    ('["*", "."]', 0, "everybody"),
    ('[shop, "*"]', 1, "everybody"),
    ('["~", "*"]', 1, "everybody"),
    ("[Shop]", 0, "must be a namespace"),
]
OF_RULES: list[tuple[str, int | None, str]] = [("['~']", 0, "for services")]
OF_SERVICES: list[tuple[str, int | None, str]] = [
    ("['~']", None, ""),
    ("['~', shop]", 0, "nobody"),
    ("['.', '~']", 1, "nobody"),
]
CASES = [
    (kind, *case)
    for kind in SPECS
    for case in EVERYWHERE + (OF_SERVICES if kind == "ServiceEntry" else OF_RULES)
]


@pytest.mark.parametrize(("kind", "export_to", "at", "message"), CASES)
def test_a_list_that_contradicts_itself_is_refused(
    kind: str, export_to: str, at: int | None, message: str
) -> None:
    outcome = manifest(document(kind, f"{SPECS[kind]}\nexportTo: {export_to}"))
    errors = {p.path: p.message for p in outcome.problems if p.severity is Severity.ERROR}
    if at is None:
        assert not errors
        assert len(outcome.entries) == 1
    else:
        assert message in errors[f"spec.exportTo[{at}]"]
        assert not outcome.entries


@pytest.mark.parametrize(
    ("annotation", "refused"),
    [("., shop", False), ("~", False), ("*", False), ("., default", True), ("*, shop", True)],
)
def test_the_annotation_of_a_service_is_read_alike(annotation: str, refused: bool) -> None:
    outcome = manifest(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations:\n"
        f"    networking.istio.io/exportTo: '{annotation}'\nspec: {{ports: [{{port: 80}}]}}"
    )
    assert bool(outcome.refused) is refused


@pytest.mark.parametrize(
    ("export_to", "at"),
    [
        ('["."]', None),
        ("[default]", None),
        ("[]", None),
        ("[shop]", 0),
        ('["*"]', 0),
        ('[".", shop]', 1),
    ],
)
def test_a_rule_for_chosen_workloads_stays_in_its_namespace(export_to: str, at: int | None) -> None:
    spec = f"host: a\nworkloadSelector: {{matchLabels: {{app: a}}}}\nexportTo: {export_to}"
    outcome = manifest(document("DestinationRule", spec))
    paths = {p.path for p in outcome.problems if p.severity is Severity.ERROR}
    assert paths == (set() if at is None else {f"spec.exportTo[{at}]"})
