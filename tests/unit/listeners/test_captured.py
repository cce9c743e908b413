"""Captured outbound listeners.

Which there are, what each does with a connection, and what leaves them alone.
"""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
)
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import TcpProxy

from tests.support.documents import objects
from tests.support.documents.buckets import everywhere
from tests.support.documents.translation import CLIENT, apply, mesh
from translators import listeners
from translators.codec import decode, encode
from translators.database import Database
from translators.model.proxy_node import Mode
from translators.model.resource import Reference, Resource
from translators.model.viewer import Viewer
from translators.names import ROUTE_TYPE
from translators.world import BUCKETS


def service(name: str, ports: str, ip: str = "10.0.0.1") -> str:
    return objects.service(name, ports, cluster_ip=ip)


def entry(
    name: str, hosts: str, ports: str, extra: str = "", created: str = "2026-01-01T00:00:00Z"
) -> str:
    return objects.service_entry(name, hosts, ports, extra, resolution="NONE", created=created)


HTTP80 = "{port: 80, name: http}"
TCP = "{port: 5432, name: tcp}"


def listener_names(db: Database) -> tuple[str, ...]:
    found = everywhere(lambda bucket: listeners.listener_names(db, CLIENT, Mode.CAPTURED, bucket))
    return tuple(sorted(found))


def resource(db: Database, name: str) -> Resource:
    return db.outcome(listeners.listener.ref(CLIENT, Mode.CAPTURED, name, 0))


def listener(db: Database, name: str) -> Listener:
    return decode(Listener, resource(db, name).body)


def manager(chain: FilterChain) -> HttpConnectionManager:
    config = chain.filters[0].typed_config
    assert config is not None
    return decode(HttpConnectionManager, config.value)


def proxy(chain: FilterChain | None) -> TcpProxy:
    assert chain is not None
    config = chain.filters[0].typed_config
    assert config is not None
    assert config.type_url.endswith("TcpProxy")
    return decode(TcpProxy, config.value)


def server_names(chain: FilterChain) -> list[str]:
    return [] if chain.filter_chain_match is None else chain.filter_chain_match.server_names


def split(found: TcpProxy) -> list[tuple[str, int]]:
    assert found.weighted_clusters is not None
    return [(one.name, one.weight) for one in found.weighted_clusters.clusters]


def test_http_services_share_the_listener_of_their_port() -> None:
    db = mesh(service("a", HTTP80), service("b", HTTP80, "10.0.0.2"))
    assert listener_names(db) == ("0.0.0.0_80", "virtualOutbound")
    found = listener(db, "0.0.0.0_80")
    assert found.bind_to_port is False
    (requests,) = found.filter_chains
    routes = manager(requests).rds
    assert routes is not None
    assert routes.route_config_name == "80"
    assert resource(db, "0.0.0.0_80").needs == (Reference(ROUTE_TYPE, "80"),)
    assert proxy(found.default_filter_chain).cluster == "PassthroughCluster"


def test_a_new_http_service_on_a_port_leaves_its_listener_untouched() -> None:
    db = mesh(service("a", HTTP80))
    ref = listeners.listener.ref(CLIENT, Mode.CAPTURED, "0.0.0.0_80", 0)
    db.pin(ref)
    db.settle()
    before, names = db.outcome(ref), listener_names(db)
    apply(db, service("b", HTTP80, "10.0.0.2"), revision=2)
    apply(db, entry("c", "c.example.com", "{number: 80, name: http, protocol: HTTP}"), revision=3)
    assert db.settle() == ()
    assert db.outcome(ref) is before
    assert listener_names(db) == names


def test_endpoints_touch_no_listener() -> None:
    text = entry(
        "db", "db.example.com", "{number: 5432, name: tcp, protocol: TCP}", "addresses: [10.5.0.1]"
    ).replace("NONE", "STATIC\n  endpoints: [{address: 10.9.0.1}]")
    db = mesh(text)
    for name in listener_names(db):
        db.pin(listeners.listener.ref(CLIENT, Mode.CAPTURED, name, 0))
    for bucket in BUCKETS:
        db.pin(listeners.listener_names.ref(CLIENT, Mode.CAPTURED, bucket))
    db.settle()
    before = db.statistics.runs
    apply(db, text.replace("10.9.0.1", "10.9.0.2"), revision=2)
    assert db.settle() == ()
    assert db.statistics.runs - before <= 3, "what describes the service itself"


def test_a_tcp_service_has_a_listener_at_its_virtual_ip() -> None:
    db = mesh(service("db", TCP))
    assert listener_names(db) == ("10.0.0.1_5432", "virtualOutbound")
    found = listener(db, "10.0.0.1_5432")
    assert not found.listener_filters, "the server may speak first"
    assert not found.filter_chains
    assert (
        proxy(found.default_filter_chain).cluster == "outbound|5432||db.default.svc.cluster.local"
    )
    assert resource(db, "10.0.0.1_5432").needs == ()


def test_tcp_rules_split_by_weight_and_match_subnets() -> None:
    db = mesh(
        service("db", TCP),
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: db}
        spec:
          hosts: [db]
          tcp:
          - match: [{destinationSubnets: [10.7.1.2/16]}]
            route: [{destination: {host: db, subset: far}}]
          - match: [{port: 1}]
            route: [{destination: {host: db, subset: never}}]
          - route:
            - {destination: {host: db, subset: v1}, weight: 80}
            - {destination: {host: db, subset: v2}, weight: 20}
        """,
    )
    found = listener(db, "10.0.0.1_5432")
    (far,) = found.filter_chains
    assert far.filter_chain_match is not None
    (subnet,) = far.filter_chain_match.prefix_ranges
    assert (subnet.address_prefix, subnet.prefix_len) == ("10.7.0.0", 16)
    assert proxy(far).cluster == "outbound|5432|far|db.default.svc.cluster.local"
    assert split(proxy(found.default_filter_chain)) == [
        ("outbound|5432|v1|db.default.svc.cluster.local", 80),
        ("outbound|5432|v2|db.default.svc.cluster.local", 20),
    ]


@pytest.mark.parametrize("port", [15000, 15001, 15006])
@pytest.mark.parametrize("name", ["http", "tcp", "tls", "untold"])
@pytest.mark.parametrize("address", ["10.0.0.1", "None"])
def test_envoy_s_own_ports_have_no_listener_for_services(
    port: int, name: str, address: str
) -> None:
    db = mesh(service("own", f"{{port: {port}, name: {name}}}", address))
    assert listener_names(db) == ("virtualOutbound",)


def test_headless_tcp_services_pass_through() -> None:
    assert listener_names(mesh(service("db", TCP, "None"))) == ("virtualOutbound",)


def test_an_unknown_protocol_is_looked_at() -> None:
    db = mesh(service("auto", "{port: 8000, name: x}"))
    assert listener_names(db) == ("0.0.0.0_8000", "10.0.0.1_8000", "virtualOutbound")
    found = listener(db, "10.0.0.1_8000")
    assert [one.name for one in found.listener_filters] == ["envoy.filters.listener.http_inspector"]
    (requests,) = found.filter_chains
    assert requests.filter_chain_match is not None
    assert requests.filter_chain_match.application_protocols == ["http/1.0", "http/1.1", "h2c"]
    assert (
        proxy(found.default_filter_chain).cluster == "outbound|8000||auto.default.svc.cluster.local"
    )
    assert resource(db, "10.0.0.1_8000").needs == (Reference(ROUTE_TYPE, "8000"),)


def test_http_is_found_in_ranges_of_addresses_too() -> None:
    db = mesh(
        service("auto", "{port: 8000, name: x}"),
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: auto}
        spec:
          hosts: [auto]
          tcp:
          - match: [{destinationSubnets: [10.7.0.0/16]}]
            route: [{destination: {host: auto, subset: far}}]
        """,
    )
    anywhere, near, far = listener(db, "10.0.0.1_8000").filter_chains
    assert manager(anywhere).rds == manager(near).rds
    assert proxy(far).cluster == "outbound|8000|far|auto.default.svc.cluster.local"
    assert near.filter_chain_match is not None
    assert far.filter_chain_match is not None
    assert near.filter_chain_match.prefix_ranges == far.filter_chain_match.prefix_ranges
    assert near.filter_chain_match.application_protocols
    assert not near.filter_chain_match.transport_protocol, "Envoy does not come back from it"


def test_a_range_of_addresses_does_not_hide_an_older_service_s_name() -> None:
    db = mesh(
        entry("old", "a.example.com", TLS443),
        entry(
            "new", "range.example.com", "{number: 443, name: tcp, protocol: TCP}",
            "addresses: [10.8.0.0/16]", "2026-02-01T00:00:00Z",
        ),
    )  # fmt: skip
    chains = [
        (tuple(server_names(one)), len(match.prefix_ranges), proxy(one).cluster)
        for one in listener(db, "0.0.0.0_443").filter_chains
        if (match := one.filter_chain_match) is not None
    ]
    assert chains == [
        (("a.example.com",), 0, "outbound|443||a.example.com"),
        (("a.example.com",), 1, "outbound|443||a.example.com"),
        ((), 1, "outbound|443||range.example.com"),
    ]


TLS443 = "{number: 443, name: tls, protocol: TLS}"


def test_tls_hosts_without_addresses_are_told_apart_by_server_name() -> None:
    db = mesh(
        entry("a", "a.example.com, '*.b.example.com'", TLS443),
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: a}
        spec:
          hosts: [a.example.com]
          tls:
          - match: [{sniHosts: [a.example.com], port: 443}]
            route: [{destination: {host: other.example.com, port: {number: 8443}}}]
        """,
    )
    assert listener_names(db) == ("0.0.0.0_443", "virtualOutbound")
    found = listener(db, "0.0.0.0_443")
    chains = {tuple(server_names(one)): proxy(one).cluster for one in found.filter_chains}
    assert chains == {
        ("a.example.com",): "outbound|8443||other.example.com",
        ("*.b.example.com",): "outbound|443||*.b.example.com",
    }
    assert proxy(found.default_filter_chain).cluster == "PassthroughCluster"
    assert [one.name for one in found.listener_filters] == ["envoy.filters.listener.tls_inspector"]


def test_http_tls_and_tcp_on_one_port_share_its_listener_and_the_oldest_tcp_service_gets_the_rest() -> (
    None
):
    db = mesh(
        service("web", "{port: 443, name: http}"),
        entry("tls", "a.example.com", TLS443),
        entry(
            "new", "new.example.com", "{number: 443, name: tcp, protocol: TCP}",
            created="2026-02-01T00:00:00Z",
        ),
        entry("old", "old.example.com", "{number: 443, name: tcp, protocol: TCP}"),
        entry(
            "range", "range.example.com", "{number: 443, name: tcp, protocol: TCP}",
            "addresses: [10.8.0.0/16]",
        ),
    )  # fmt: skip
    found = listener(db, "0.0.0.0_443")
    http, *others = found.filter_chains
    assert manager(http).rds is not None
    assert sorted(proxy(one).cluster or "" for one in others) == [
        "outbound|443||a.example.com",
        "outbound|443||range.example.com",
    ]
    assert proxy(found.default_filter_chain).cluster == "outbound|443||old.example.com"


def test_the_oldest_service_has_a_shared_virtual_ip() -> None:
    ports = "{number: 5432, name: tcp, protocol: TCP}"
    db = mesh(
        entry("new", "new.example.com", ports, "addresses: [10.6.0.1]", "2026-02-01T00:00:00Z"),
        entry("old", "old.example.com", ports, "addresses: [10.6.0.1]"),
    )
    found = listener(db, "10.6.0.1_5432")
    assert proxy(found.default_filter_chain).cluster == "outbound|5432||old.example.com"


def test_virtual_outbound_lets_unknown_destinations_through_but_not_itself() -> None:
    found = listener(mesh(""), "virtualOutbound")
    assert found.use_original_dst
    assert proxy(found.default_filter_chain).cluster == "PassthroughCluster"
    (loop,) = found.filter_chains
    assert loop.filter_chain_match is not None
    assert loop.filter_chain_match.destination_port == 15001
    assert proxy(loop).cluster == "BlackHoleCluster"


def test_clients_of_all_namespaces_share_the_bytes() -> None:
    db = mesh(service("a", HTTP80))
    other = listeners.listener.ref(
        CLIENT._replace(viewer=Viewer("elsewhere")), Mode.CAPTURED, "0.0.0.0_80", 0
    )
    assert db.outcome(other) == resource(db, "0.0.0.0_80")


def test_tcp_idle_timeouts_come_from_the_destination_rule() -> None:
    db = mesh(
        service("db", TCP),
        """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: db}
        spec: {host: db, trafficPolicy: {connectionPool: {tcp: {idleTimeout: 90s}}}}
        """,
    )
    timeout = proxy(listener(db, "10.0.0.1_5432").default_filter_chain).idle_timeout
    assert timeout is not None
    assert timeout.total_seconds() == 90


def test_the_listener_of_a_plain_tcp_service_is_what_the_codec_would_write() -> None:
    body = resource(mesh(service("db", TCP)), "10.0.0.1_5432").body
    assert encode(decode(Listener, body)) == body


def test_a_new_tcp_service_re_runs_no_other_listener() -> None:
    db = mesh(service("db", TCP))
    db.pin(listeners.listener.ref(CLIENT, Mode.CAPTURED, "10.0.0.1_5432", 0))
    db.settle()
    before = db.statistics.runs
    apply(db, service("other", TCP, "10.0.0.2"), revision=2)
    assert db.settle() == ()
    assert db.statistics.runs == before


def test_a_server_name_that_two_services_claim_belongs_to_the_oldest() -> None:
    claims = [
        f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}}}
spec:
  hosts: [{name}.example.com, shared.example.com]
  tls:
  - match: [{{sniHosts: [shared.example.com], port: 443}}]
    route: [{{destination: {{host: {name}.example.com}}}}]
---
"""
        for name in ("new", "old")
    ]
    db = mesh(
        entry("new", "new.example.com", TLS443, created="2026-02-01T00:00:00Z"),
        entry("old", "old.example.com", TLS443),
        *claims,
    )
    chains = [
        (tuple(server_names(one)), proxy(one).cluster)
        for one in listener(db, "0.0.0.0_443").filter_chains
    ]
    assert chains == [
        (("shared.example.com",), "outbound|443||old.example.com"),
        (("old.example.com",), "outbound|443||old.example.com"),
        (("new.example.com",), "outbound|443||new.example.com"),
    ]


def test_a_wildcard_for_a_part_of_a_label_claims_no_server_name() -> None:
    db = mesh(entry("a", "'*-a.example.com'", TLS443), entry("b", "b.example.com", TLS443))
    chains = listener(db, "0.0.0.0_443").filter_chains
    assert [tuple(server_names(one)) for one in chains] == [("b.example.com",)]
