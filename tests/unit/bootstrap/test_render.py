"""A bootstrap says what was asked for, whatever the values hold, and refuses what cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from translators.model.locality import Locality
from translators.model.proxy_node import Mode
from xds_server.bootstrap import (
    BootstrapError,
    BootstrapOptions,
    PipeAddress,
    SocketAddress,
    parse_address,
    parse_inbound,
    parse_labels,
    render,
)
from xds_server.bootstrap.templates import FILES, template

WEB = BootstrapOptions(
    name="web-0",
    namespace="shop",
    locality=Locality("eu-1", "eu-1a"),
    labels={"version": "v1", "app": "web"},
    instance_ips=("10.0.0.7", "fd00::7"),
    inbound={9080: SocketAddress("127.0.0.1", 19080)},
    egress_port=16001,
)

PRINTABLE = st.text(
    st.characters(categories=["L", "N", "P", "S"], include_characters=" ").filter(str.isprintable)
)


def rendered(options: BootstrapOptions) -> dict[str, Any]:
    text = render(options)
    found: dict[str, Any] = (
        json.loads(text) if options.mode is Mode.PROXYLESS else yaml.safe_load(text)
    )
    return found


def test_egress_node_tells_who_where_and_how() -> None:
    node = rendered(WEB)["node"]
    assert node["id"] == "web-0.shop"
    assert node["locality"] == {"region": "eu-1", "zone": "eu-1a"}
    assert node["metadata"] == {
        "CHANCERY_MODE": "egress",
        "CHANCERY_EGRESS_PORT": 16001,
        "CHANCERY_INBOUND": {"9080": "127.0.0.1:19080"},
        "NAMESPACE": "shop",
        "SERVICE_ACCOUNT": "default",
        "CLUSTER_ID": "Kubernetes",
        "LABELS": {"app": "web", "version": "v1"},
        "INSTANCE_IPS": "10.0.0.7,fd00::7",
    }


def test_captured_node_is_written_as_istio_writes_it() -> None:
    node = rendered(replace(WEB, mode=Mode.CAPTURED))["node"]
    assert node["id"] == "sidecar~10.0.0.7~web-0.shop~shop.svc.cluster.local"
    assert node["metadata"]["INTERCEPTION_MODE"] == "REDIRECT"
    assert "CHANCERY_EGRESS_PORT" not in node["metadata"]


@pytest.mark.parametrize(
    ("address", "discovery", "expected"),
    [
        (
            "10.1.2.3:15010",
            "STATIC",
            {"socket_address": {"address": "10.1.2.3", "port_value": 15010}},
        ),
        ("[::1]:15010", "STATIC", {"socket_address": {"address": "::1", "port_value": 15010}}),
        (
            "chancery.mesh:15010",
            "STRICT_DNS",
            {"socket_address": {"address": "chancery.mesh", "port_value": 15010}},
        ),
        ("unix:/run/xds.sock", "STATIC", {"pipe": {"path": "/run/xds.sock"}}),
    ],
)
def test_control_plane_may_be_an_ip_a_name_or_a_socket(
    address: str, discovery: str, expected: object
) -> None:
    (cluster,) = rendered(replace(WEB, control_plane=parse_address(address)))["static_resources"][
        "clusters"
    ]
    assert cluster["type"] == discovery
    (endpoints,) = cluster["load_assignment"]["endpoints"]
    assert endpoints["lb_endpoints"][0]["endpoint"]["address"] == expected


@pytest.mark.parametrize(("is_delta", "api_type"), [(True, "DELTA_GRPC"), (False, "GRPC")])
def test_wire_protocol_is_as_asked(is_delta: bool, api_type: str) -> None:
    ads = rendered(replace(WEB, is_delta=is_delta))["dynamic_resources"]["ads_config"]
    assert ads["api_type"] == api_type
    assert ads["set_node_on_first_message_only"] is True


def test_proxyless_bootstrap_names_the_server_and_the_node() -> None:
    found = rendered(replace(WEB, mode=Mode.PROXYLESS, control_plane=PipeAddress("/run/xds.sock")))
    assert found["xds_servers"][0]["server_uri"] == "unix:/run/xds.sock"
    assert found["node"]["id"] == "web-0.shop"


@settings(max_examples=100)
@given(
    labels=st.dictionaries(PRINTABLE, PRINTABLE),
    mode=st.sampled_from(Mode),
    zone=PRINTABLE,
)
def test_no_value_can_break_out_of_its_place(labels: dict[str, str], mode: Mode, zone: str) -> None:
    options = replace(WEB, mode=mode, labels=labels, locality=Locality("r", zone))
    node = rendered(options)["node"]
    assert node["metadata"]["LABELS"] == labels
    assert node["locality"] == ({"region": "r", "zone": zone} if zone else {"region": "r"})


@pytest.mark.parametrize("mode", Mode)
def test_every_mark_of_a_template_is_explained_in_it(mode: Mode) -> None:
    text = template(mode)
    readme = Path(__file__).parents[3] / "envoy-configs" / "README.md"
    explained = readme.read_text() if mode is Mode.PROXYLESS else text.split("\nnode:")[0]
    for mark in Template(text).get_identifiers():
        assert mark in explained, f"{FILES[mode]}: {mark} is not explained"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Web 0"}, "name 'Web 0'"),
        ({"namespace": "a.b"}, "namespace 'a.b'"),
        ({"instance_ips": ("web",)}, "'web'"),
        ({"instance_ips": (), "mode": Mode.CAPTURED}, "--ip 10.0.0.7"),
        ({"egress_port": 0}, "egress port: 0"),
        ({"inbound": {70000: SocketAddress("127.0.0.1", 1)}}, "inbound port: 70000"),
        ({"inbound": {80: SocketAddress("127.0.0.1", 15000)}}, "inbound 80=127.0.0.1:15000"),
        ({"inbound": {80: SocketAddress("127.0.0.1", 16001)}}, "inbound 80=127.0.0.1:16001"),
        (
            {"inbound": {16001: SocketAddress("127.0.0.1", 80)}, "instance_ips": ("127.0.0.1",)},
            "itself listens on 127.0.0.1:16001",
        ),
        (
            {"inbound": {80: SocketAddress("127.0.0.1", 15006)}, "mode": Mode.CAPTURED},
            "itself listens on 127.0.0.1:15006",
        ),
        ({"labels": {"app": "a\nb"}}, "label 'a\\nb'"),
        ({"locality": Locality("r", "z\x7f")}, "locality"),
        ({"max_connections": 0}, "max connections 0"),
    ],
)
def test_impossible_options_are_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BootstrapError) as refused:
        replace(WEB, **change)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        ":15010",
        "host:",
        "host:x",
        "host:0",
        "host:65536",
        "::1:15010:x",
        "unix:xds",
        "unix:/",
        "a b:1",
    ],
)
def test_text_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BootstrapError):
        parse_address(text)


def test_lists_may_be_repeated_or_joined_with_commas() -> None:
    assert parse_labels(["app=web,version=v1", "tier="]) == {
        "app": "web",
        "version": "v1",
        "tier": "",
    }
    assert parse_inbound(["9080=19080", "70=127.0.0.2:71"]) == {
        9080: SocketAddress("127.0.0.1", 19080),
        70: SocketAddress("127.0.0.2", 71),
    }


@pytest.mark.parametrize("text", ["web", "=web"])
def test_label_without_key_or_value_sign_is_refused(text: str) -> None:
    with pytest.raises(BootstrapError, match="KEY=VALUE"):
        parse_labels([text])


@pytest.mark.parametrize("text", ["9080", "x=1", "9080=", "0=1", "9080=host", "9080=host:1"])
def test_inbound_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(BootstrapError):
        parse_inbound([text])
