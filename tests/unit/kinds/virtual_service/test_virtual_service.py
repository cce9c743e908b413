"""A VirtualService as a whole: its hosts, and one without."""

from __future__ import annotations

import pytest

from tests.support.documents.kind_documents import document, manifest
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.model.origin import Severity

RULE = "http: [{route: [{destination: {host: a}}]}]"
VS = "VirtualService"


def told(spec: str, severity: Severity = Severity.ERROR) -> list[tuple[str, str]]:
    problems = manifest(document(VS, spec)).problems
    return [(one.path, one.message) for one in problems if one.severity is severity]


@pytest.mark.parametrize("gateways", ["", "gateways: [mesh]\n", "gateways: [edge, mesh]\n"])
def test_on_the_mesh_it_names_its_hosts(gateways: str) -> None:
    ((path, message),) = told(f'{gateways}hosts: ["*"]\n{RULE}')
    assert path == "spec.hosts[0]"
    assert "take over every service" in message


def test_for_other_gateways_it_may_be_for_every_host() -> None:
    assert told(f'gateways: [edge]\nhosts: ["*"]\n{RULE}') == []


@pytest.mark.parametrize("hosts", ["", "hosts: []\n", "hosts: null\n"])
def test_one_without_hosts_is_a_delegate_without_effect(hosts: str) -> None:
    outcome = manifest(document(VS, hosts + RULE))
    (problem,) = outcome.problems
    assert (problem.severity, problem.path) == (Severity.UNSUPPORTED, "spec")
    assert "it is a delegate" in problem.message
    (entry,) = outcome.entries.values()
    assert isinstance(entry.object.spec, VirtualServiceSpec)
    assert entry.object.spec.hosts == ()


def test_a_delegate_has_neither_gateways_nor_rules_for_connections() -> None:
    route = "[{route: [{destination: {host: a}}]}]"
    errors = told(f"gateways: [mesh]\ntcp: {route}\n{RULE}")
    assert [path for path, _ in errors] == ["spec.gateways", "spec.tcp"]
    assert all("in a delegate" in message for _, message in errors)


def test_checks_across_fields_run_though_another_field_has_an_error() -> None:
    tls = "tls: [{match: [{sniHosts: [b.org]}], route: [{destination: {host: a}}]}]"
    errors = told(f"hosts: [a, a]\nexportTo: [1]\n{tls}\n{RULE}")
    assert [path for path, _ in errors] == [
        "spec.exportTo[0]",
        "spec.hosts[1]",
        "spec.tls[0].match[0].sniHosts[0]",
    ]
    assert [path for path, _ in told(f"hosts: [1]\n{tls}")] == ["spec.hosts[0]"]
