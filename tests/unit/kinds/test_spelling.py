"""A host or an address that is written in several ways is one, in every kind that names it."""

from __future__ import annotations

import pytest

from tests.support.documents.kind_documents import document, errors, only_object
from translators.kinds.destination_rule import DestinationRuleSpec
from translators.kinds.endpoint_slice import EndpointSliceSpec
from translators.kinds.pod import PodSpec
from translators.kinds.service import ServiceSpec
from translators.kinds.service_entry import ServiceEntrySpec
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.kinds.workload_entry import WorkloadEntrySpec

SPELLINGS = ["a.example.com", "A.Example.COM", "a.example.com.", "A.EXAMPLE.com."]
ADDRESSES = ["fd00::1", "FD00::1", "fd00:0:0:0::0001", "FD00:0000:0000:0000:0000:0000:0000:0001"]


@pytest.mark.parametrize("host", SPELLINGS)
def test_a_host_is_one(host: str) -> None:
    entry = only_object(
        document("ServiceEntry", f"hosts: [{host}]\nports: [{{number: 80, name: a}}]")
    )
    assert isinstance(entry, ServiceEntrySpec)
    assert entry.hosts == ("a.example.com",)
    service = only_object(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
        f"spec: {{type: ExternalName, externalName: {host}, ports: [{{port: 80}}]}}"
    )
    assert isinstance(service, ServiceSpec)
    assert service.external_name == "a.example.com"
    rule = only_object(document("DestinationRule", f"host: {host}"))
    assert isinstance(rule, DestinationRuleSpec)
    assert rule.host == "a.example.com"
    workload = only_object(document("WorkloadEntry", f"address: {host}"))
    assert isinstance(workload, WorkloadEntrySpec)
    assert workload.address == "a.example.com"
    routes = only_object(
        document(
            "VirtualService",
            f"hosts: [{host}]\nhttp:\n- route: [{{destination: {{host: {host}}}}}]\n"
            f"tls:\n- match: [{{sniHosts: [{host}]}}]\n  route: [{{destination: {{host: {host}}}}}]",
        )
    )
    assert isinstance(routes, VirtualServiceSpec)
    assert routes.hosts == ("a.example.com",)
    assert routes.http[0].route[0].destination.host == "a.example.com"
    assert routes.tls[0].match[0].sni_hosts == ("a.example.com",)
    assert routes.tls[0].route[0].destination.host == "a.example.com"


def test_a_short_host_is_completed_in_its_one_spelling() -> None:
    rule = only_object(document("DestinationRule", "host: Reviews"))
    assert isinstance(rule, DestinationRuleSpec)
    assert rule.host == "reviews.default.svc.cluster.local"


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_one(address: str) -> None:
    entry = only_object(
        document(
            "ServiceEntry",
            f"hosts: [a.b]\nresolution: STATIC\naddresses: ['{address}', '{address}/64']\n"
            f"ports: [{{number: 80, name: a}}]\nendpoints: [{{address: '{address}'}}]",
        )
    )
    assert isinstance(entry, ServiceEntrySpec)
    assert entry.addresses == ("fd00::1", "fd00::/64")
    assert entry.endpoints == (WorkloadEntrySpec("fd00::1"),)
    assert only_object(document("WorkloadEntry", f"address: '{address}'")) == WorkloadEntrySpec(
        "fd00::1"
    )
    pod = only_object(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
        f"status: {{podIP: '{address}', podIPs: [{{ip: 'fd00::1'}}]}}"
    )
    assert pod == PodSpec(("fd00::1",))
    service = only_object(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
        f"spec: {{clusterIP: '{address}', clusterIPs: ['{address}', 'fd00::1'], ports: [{{port: 80}}]}}"
    )
    assert isinstance(service, ServiceSpec)
    assert service.addresses == ("fd00::1",)
    endpoints = only_object(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\n"
        f"addressType: IPv6\nendpoints: [{{addresses: ['{address}']}}]"
    )
    assert isinstance(endpoints, EndpointSliceSpec)
    assert endpoints.endpoints[0].addresses == ("fd00::1",)
    routes = only_object(
        document(
            "VirtualService",
            f"hosts: ['{address}']\ntcp:\n- match: [{{destinationSubnets: ['{address}/64']}}]\n"
            "  route: [{destination: {host: a}}]",
        )
    )
    assert isinstance(routes, VirtualServiceSpec)
    assert routes.hosts == ("fd00::1",)
    assert routes.tcp[0].match[0].destination_subnets == ("fd00::/64",)


def test_a_host_or_an_address_spelt_twice_is_listed_twice() -> None:
    text = document("ServiceEntry", "hosts: [a.b, A.B.]\nports: [{number: 80, name: http}]")
    assert errors(text) == [("spec.hosts[1]", 6)]
    entry = only_object(
        document(
            "ServiceEntry",
            "hosts: [a.b]\naddresses: ['fd00::1', 'FD00::1', 10.0.0.0/8, 10.1.0.0/8]\n"
            "ports: [{number: 80, name: http}]",
        )
    )
    assert isinstance(entry, ServiceEntrySpec)
    assert entry.addresses == ("fd00::1", "10.0.0.0/8")


def test_an_external_name_of_a_slice_is_one_too() -> None:
    endpoints = only_object(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\n"
        "addressType: FQDN\nendpoints: [{addresses: [A.example.com.]}]"
    )
    assert isinstance(endpoints, EndpointSliceSpec)
    assert endpoints.endpoints[0].addresses == ("a.example.com",)


@pytest.mark.parametrize(
    ("address_type", "address"),
    [
        ("IPv4", "fd00::1"),
        ("IPv6", "10.0.0.1"),
        ("FQDN", "10.0.0.1"),
        ("FQDN", "'*.a.b'"),
        ("IPv4", "a.b"),
    ],
)
def test_an_address_of_another_type_is_refused(address_type: str, address: str) -> None:
    text = (
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\n"
        f"addressType: {address_type}\nendpoints:\n- addresses: [{address}]"
    )
    assert errors(text) == [("endpoints[0].addresses[0]", 6)]


@pytest.mark.parametrize("host", ["10.0.0.1", "'fd00::1'"])
def test_an_address_is_no_service(host: str) -> None:
    assert errors(document("DestinationRule", f"host: {host}")) == [("spec.host", 6)]
    text = document(
        "VirtualService", f"hosts: [a]\nhttp:\n- route: [{{destination: {{host: {host}}}}}]"
    )
    assert errors(text) == [("spec.http[0].route[0].destination.host", 8)]


@pytest.mark.parametrize("host", ["10.0.0.1", "a.10", "'*.10'", "10.0.0.1."])
def test_a_name_does_not_end_with_a_number(host: str) -> None:
    text = document("ServiceEntry", f"hosts: [{host}]\nports: [{{number: 80, name: http}}]")
    assert errors(text) == [("spec.hosts[0]", 6)]
