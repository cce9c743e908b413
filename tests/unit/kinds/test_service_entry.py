"""What a ServiceEntry, a WorkloadEntry and a Service accept, tell of and refuse."""

from __future__ import annotations

import pytest

from tests.support.documents.kind_documents import document, manifest, only_object
from tests.support.documents.proxy_resources import resources
from tests.support.documents.translation import mesh
from translators.kinds.service_entry import EntryPort, ServiceEntrySpec
from translators.kinds.workload_entry import WorkloadEntrySpec
from translators.model.origin import Severity
from translators.model.proxy_node import Mode, ProxyNode
from translators.model.service import Resolution

SE, WE = "ServiceEntry", "WorkloadEntry"
OTHER = document(
    SE,
    "hosts: [other.com]\naddresses: [10.5.0.1]\nresolution: STATIC\n"
    "ports: [{number: 80, name: http}, {number: 3306, name: mysql}]\nendpoints: [{address: 10.0.0.9}]",
    name="other",
)


def told(text: str) -> dict[str, tuple[Severity, str]]:
    """Path → what is told of an accepted document."""
    outcome = manifest(text)
    assert len(outcome.entries) == 1, outcome.problems
    return {p.path: (p.severity, p.message) for p in outcome.problems}


def served(*texts: str) -> list[dict[str, list[bytes]]]:
    """What proxies of every mode get."""
    db = mesh(*texts)
    return [
        {
            kind: [resource.body for resource in held]
            for kind, held in resources(
                db, ProxyNode("n", "n", "default", mode, ("10.0.0.1",)), inline=True
            ).items()
        }
        for mode in Mode
    ]


def test_dynamic_dns_is_not_supported_yet_and_the_entry_has_no_effect() -> None:
    text = document(
        SE,
        "hosts: ['*.b.c']\naddresses: [10.5.0.1]\nresolution: DYNAMIC_DNS\nports: [{number: 80, name: http}]",
    )
    severity, message = told(text)["spec.resolution"]
    assert severity is Severity.UNSUPPORTED
    assert "whole ServiceEntry is without effect" in message
    assert only_object(text) == ServiceEntrySpec((), resolution=Resolution.DYNAMIC_DNS)
    assert served(OTHER, text) == served(OTHER)


def test_an_entry_without_ports_is_accepted_and_told_of() -> None:
    for ports in ("", "\nports: []", "\nports:"):
        text = document(SE, f"hosts: [a.b]\naddresses: [10.5.0.1]\nresolution: STATIC{ports}")
        severity, message = told(text)["spec.ports"]
        assert severity is Severity.WARNING
        assert "nobody can connect" in message
        listeners = [
            held["type.googleapis.com/envoy.config.listener.v3.Listener"] for held in served(text)
        ]
        assert listeners == [
            held["type.googleapis.com/envoy.config.listener.v3.Listener"] for held in served()
        ]


@pytest.mark.parametrize("protocol", ['""', "HTTP", "http", "gRPC-Web"])
def test_a_protocol_may_be_empty_and_of_any_case(protocol: str) -> None:
    spec = only_object(
        document(SE, f"hosts: [a.b]\nports: [{{number: 80, name: x, protocol: {protocol}}}]")
    )
    assert isinstance(spec, ServiceEntrySpec)
    assert spec.ports == (EntryPort(80, "x", protocol.strip('"')),)


def test_a_selector_with_resolution_none_is_a_warning() -> None:
    text = document(
        SE, "hosts: [a.b]\nports: [{number: 80, name: x}]\nworkloadSelector: {labels: {a: b}}"
    )
    severity, message = told(text)["spec.workloadSelector"]
    assert severity is Severity.WARNING
    assert "use STATIC" in message


def test_a_selector_without_labels_is_a_warning() -> None:
    for text in (
        document(
            SE,
            "hosts: [a.b]\nresolution: STATIC\nports: [{number: 80, name: x}]\nworkloadSelector: {}",
        ),
        document("DestinationRule", "host: a\nworkloadSelector: {}"),
        document("DestinationRule", "host: a\nworkloadSelector: {matchLabels: {}}"),
    ):
        severity, message = told(text)["spec.workloadSelector"]
        assert severity is Severity.WARNING
        assert "every workload" in message


def test_an_endpoint_with_a_network_and_no_address_is_not_supported_yet() -> None:
    text = document(
        SE,
        "hosts: [a.b]\nresolution: STATIC\nports: [{number: 80, name: http}]\n"
        "endpoints: [{network: net}, {address: 10.0.0.1, network: net}]",
    )
    at = told(text)
    for i, rest in enumerate(("without an address", "directly")):
        severity, message = at[f"spec.endpoints[{i}].network"]
        assert severity is Severity.UNSUPPORTED
        assert "networks are not supported yet" in message
        assert rest in message
    spec = only_object(text)
    assert isinstance(spec, ServiceEntrySpec)
    assert [endpoint.address for endpoint in spec.endpoints] == ["10.0.0.1"]


def test_a_workload_with_a_network_and_no_address_has_no_effect() -> None:
    selecting = document(
        SE,
        "hosts: [a.b]\nresolution: STATIC\nports: [{number: 80, name: http}]\n"
        "workloadSelector: {labels: {app: a}}",
    )
    workload = document(WE, "network: net\nlabels: {app: a}")
    assert told(workload)["spec.network"][0] is Severity.UNSUPPORTED
    assert served(OTHER, selecting, workload) == served(OTHER, selecting)


@pytest.mark.parametrize(
    "address",
    ["unix:///a", "unix:///a/b.sock", "unix://@a", "unix:///" + "a" * 106, "unix:///ä b"],
)
def test_a_socket_is_an_endpoint(address: str) -> None:
    assert only_object(document(WE, f'address: "{address}"')) == WorkloadEntrySpec(address)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("unix:///a/", "absolute path of a socket"),
        ("unix:///", "absolute path of a socket"),
        ("unix://", "absolute path of a socket"),
        ("unix://@", "absolute path of a socket"),
        ("unix://./a", "absolute path of a socket"),
        ("unix://a", "absolute path of a socket"),
        ("unix:///a\\nb", "characters"),
        ("unix:///a\\0b", "characters"),
        ("unix:///" + "a" * 107, "is 108 bytes long after unix://; Linux takes at most 107"),
        ("unix:///" + "ä" * 54, "is 109 bytes long after unix://; Linux takes at most 107"),
    ],
)
@pytest.mark.parametrize("kind", [SE, WE])
def test_what_is_no_socket_is_refused(kind: str, address: str, message: str) -> None:
    endpoint = f'address: "{address}"'
    spec = endpoint
    if kind == SE:
        spec = (
            "hosts: [a.b]\nresolution: STATIC\nports: [{number: 80, name: x}]\n"
            f"endpoints: [{{{endpoint}}}]"
        )
    (problem,) = manifest(document(kind, spec)).problems
    assert problem.severity is Severity.ERROR
    assert problem.path == ("spec.address" if kind == WE else "spec.endpoints[0].address")
    assert message in problem.message


@pytest.mark.parametrize(
    "spec",
    [
        "{type: ExternalName, externalName: a.example.com}",
        "{clusterIP: None}",
        "{clusterIP: None, ports: []}",
    ],
)
def test_a_service_without_ports_is_told_of(spec: str) -> None:
    text = f"apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {spec}"
    severity, message = told(text)["spec.ports"]
    assert severity is Severity.WARNING
    assert "proxies do not know it" in message
