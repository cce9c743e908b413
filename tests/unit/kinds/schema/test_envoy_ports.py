"""The sidecars' own ports are a problem at the document that asks for them, in its own field."""

from __future__ import annotations

import pytest

from tests.support.documents.kind_documents import document, manifest
from translators.model.origin import Severity
from translators.names import ENVOY_PORTS

LISTENER, RECEIVES = "they have no listener for it", "a captured workload receives nothing there"
ENTRY = "hosts: [a.example]\nresolution: STATIC\n"
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: x, labels: {kubernetes.io/service-name: x}}
addressType: IPv4
ports:
- name: a
  port: %s
endpoints: [{addresses: [10.0.0.1]}]
"""
# The document, the path and the line of its problem, and what the message says.
CASES = [
    (document("Service", "ports:\n- port: %s", version="v1"), "spec.ports[0].port", 7, LISTENER),
    (
        document("Service", "ports:\n- port: 80\n  targetPort: %s", version="v1"),
        "spec.ports[0].targetPort", 8, RECEIVES,
    ),
    (
        document("ServiceEntry", f"{ENTRY}ports:\n- name: a\n  number: %s"),
        "spec.ports[0].number", 10, LISTENER,
    ),
    (
        document("ServiceEntry", f"{ENTRY}ports:\n- {{name: a, number: 80}}\n- name: b\n"
                 "  number: 81\n  targetPort: %s"),
        "spec.ports[1].targetPort", 12, RECEIVES,
    ),
    (
        document("ServiceEntry", f"{ENTRY}ports: [{{name: a, number: 80}}]\nendpoints:\n"
                 "- address: 10.0.0.1\n  ports:\n    a: %s"),
        "spec.endpoints[0].ports.a", 12, RECEIVES,
    ),
    (
        document("WorkloadEntry", "address: 10.0.0.1\nports:\n  a: %s"),
        "spec.ports.a", 8, RECEIVES,
    ),
    (
        document("Pod", "containers:\n- ports:\n  - name: a\n    containerPort: %s", version="v1"),
        "spec.containers[0].ports[0].containerPort", 9, RECEIVES,
    ),
    (SLICE, "ports[0].port", 7, RECEIVES),
]  # fmt: skip


@pytest.mark.parametrize("port", sorted(ENVOY_PORTS))
@pytest.mark.parametrize(("text", "path", "line", "says"), CASES, ids=lambda value: str(value)[:40])
def test_a_port_of_envoy_s_own_is_warned_of(
    text: str, path: str, line: int, says: str, port: int
) -> None:
    outcome = manifest(text % port)
    (problem,) = outcome.problems
    assert (problem.severity, problem.path) == (Severity.WARNING, path)
    assert problem.line == line
    assert says in problem.message
    assert str(port) in problem.message
    assert outcome.entries, "the document is accepted"


@pytest.mark.parametrize("text", [text for text, *_ in CASES])
def test_other_ports_are_not(text: str) -> None:
    assert manifest(text % 15010).problems == ()


def test_ports_that_are_not_tcp_are_not() -> None:
    ports = "ports: [{name: a, port: 15006, targetPort: 15001, protocol: UDP}]"
    assert manifest(document("Service", ports, version="v1")).problems == ()
    ports = "ports: [{name: a, number: 15006, targetPort: 15001, protocol: UDP}]"
    assert manifest(document("ServiceEntry", ENTRY + ports)).problems == ()
