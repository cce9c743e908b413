"""Nodes as Istio's bootstraps, our own and gRPC write them."""

from __future__ import annotations

from typing import Any

import pytest

from translators.codec.node import RawNode
from translators.model.locality import Locality
from translators.model.proxy_node import Mode
from xds_server.ads.node import proxy_node
from xds_server.errors import NodeRefusedError

ISTIO = "sidecar~10.1.2.3~reviews-v1-abc.shop~shop.svc.cluster.local"


def node(node_id: str, *, agent: str = "envoy", **metadata: Any) -> RawNode:
    return RawNode(node_id, "c", "r", "z", "s", metadata, agent, "1.40.0", ())


def test_istio_sidecar() -> None:
    proxy = proxy_node(
        node(
            ISTIO,
            NAMESPACE="shop",
            LABELS={"app": "reviews", "version": "v1"},
            INSTANCE_IPS="10.1.2.3,fd00::1",
            SERVICE_ACCOUNT="reviews",
            CLUSTER_ID="east",
            INTERCEPTION_MODE="REDIRECT",
            ISTIO_VERSION="1.30.0",
        )
    )
    assert (proxy.name, proxy.namespace, proxy.mode) == ("reviews-v1-abc", "shop", Mode.CAPTURED)
    assert proxy.addresses == ("10.1.2.3", "fd00::1")
    assert proxy.labels == {("app", "reviews"), ("version", "v1")}
    assert proxy.locality == Locality("r", "z", "s")
    assert (proxy.service_account, proxy.cluster_id) == ("reviews", "east")
    assert proxy.agent_version == "1.40.0"


def test_istio_sidecar_without_interception_sends_to_a_listener() -> None:
    assert proxy_node(node(ISTIO, INTERCEPTION_MODE="NONE")).mode is Mode.EGRESS


def test_plain_name() -> None:
    proxy = proxy_node(
        node(
            "web.default",
            CHANCERY_INBOUND={"9080": "127.0.0.1:19080", "80": "[::1]:8080"},
            CHANCERY_EGRESS_PORT=15009.0,
        )
    )
    assert (proxy.name, proxy.namespace, proxy.mode) == ("web", "default", Mode.EGRESS)
    assert proxy.inbound == ((80, "[::1]:8080"), (9080, "127.0.0.1:19080"))
    assert proxy.egress_port == 15009
    assert (proxy.service_account, proxy.cluster_id) == ("default", "Kubernetes")


def test_defaults() -> None:
    proxy = proxy_node(node("web.default"))
    assert (proxy.egress_port, proxy.inbound, proxy.addresses) == (15001, (), ())


def test_dots_before_the_last_belong_to_the_name() -> None:
    assert proxy_node(node("web.v1.shop")).name == "web.v1"


def test_mode_can_be_chosen() -> None:
    assert proxy_node(node("web.default", CHANCERY_MODE="captured")).mode is Mode.CAPTURED


def test_grpc_client_is_proxyless() -> None:
    assert proxy_node(node("web.default", agent="gRPC Python")).mode is Mode.PROXYLESS
    assert proxy_node(node(ISTIO, agent="gRPC Go")).mode is Mode.PROXYLESS


@pytest.mark.parametrize(
    ("node_id", "message"),
    [
        ("", "no id"),
        ("web", "NAME.NAMESPACE"),
        ("web.", "NAME.NAMESPACE"),
        (".default", "NAME.NAMESPACE"),
        ("Web.default", "lower case"),
        ("web.default_", "NAME.NAMESPACE"),
        ("sidecar~10.0.0.1~web.default", "3 parts"),
        ("router~10.0.0.1~gw.default~default.svc.cluster.local", "'router'"),
        ("sidecar~ten~web.default~default.svc.cluster.local", "not an IP address"),
        ("sidecar~10.0.0.1~web~default.svc.cluster.local", "NAME.NAMESPACE"),
    ],
)
def test_id_that_cannot_be_understood_is_refused_with_what_is_expected(
    node_id: str, message: str
) -> None:
    with pytest.raises(NodeRefusedError) as refused:
        proxy_node(node(node_id))
    assert message in str(refused.value)
    if "IP" not in message:
        assert "sidecar~IP~POD.NAMESPACE" in str(refused.value)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"NAMESPACE": "other"}, "make them agree"),
        ({"LABELS": "app=web"}, "map of strings"),
        ({"LABELS": {"app": 1.0}}, "map of strings"),
        ({"INSTANCE_IPS": "10.0.0.1,nowhere"}, "'nowhere'"),
        ({"CHANCERY_MODE": "magic"}, "egress, captured, proxyless"),
        ({"CHANCERY_INBOUND": "9080"}, "map of ports"),
        ({"CHANCERY_INBOUND": {"http": "127.0.0.1:80"}}, "'http'"),
        ({"CHANCERY_INBOUND": {"80": "localhost:80"}}, "'localhost'"),
        ({"CHANCERY_INBOUND": {"80": "127.0.0.1:0"}}, "'0'"),
        ({"CHANCERY_EGRESS_PORT": 70000.0}, "not a port"),
        ({"CHANCERY_EGRESS_PORT": None}, "not a port"),
    ],
)
def test_metadata_that_cannot_be_understood_is_refused(
    metadata: dict[str, Any], message: str
) -> None:
    with pytest.raises(NodeRefusedError) as refused:
        proxy_node(node("web.default", **metadata))
    assert message in str(refused.value)
    assert "web.default" in str(refused.value)


def test_an_id_that_is_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(NodeRefusedError, match="600 characters, more than 512") as refused:
        proxy_node(node("a" * 592 + ".default"))
    assert len(str(refused.value)) < 300


def test_the_longest_names_of_kubernetes_are_taken() -> None:
    pod, namespace = "p" * 253, "n" * 63
    text = f"sidecar~fd00:1111:2222:3333:4444:5555:6666:7777~{pod}.{namespace}~{namespace}.svc.cluster.local"
    assert proxy_node(node(text)).namespace == namespace


@pytest.mark.parametrize("text", ["p" * 254 + ".default", "web." + "n" * 64])
def test_longer_names_than_kubernetes_knows_are_refused(text: str) -> None:
    with pytest.raises(NodeRefusedError, match="the limits are 253 and 63"):
        proxy_node(node(text))


@pytest.mark.parametrize("port", ["9" * 5000, "", "80" * 4, "٣"])
def test_a_port_of_any_length_is_refused_in_few_words(port: str) -> None:
    with pytest.raises(NodeRefusedError, match="is not a port") as refused:
        proxy_node(node("web.default", CHANCERY_EGRESS_PORT=port))
    assert len(str(refused.value)) < 300


def test_an_address_with_a_zone_is_refused() -> None:
    with pytest.raises(NodeRefusedError, match="has a zone"):
        proxy_node(node("web.default", CHANCERY_INBOUND={"80": "[fe80::1%eth0]:8080"}))


@pytest.mark.parametrize(
    "metadata",
    [
        {"CHANCERY_MODE": "x" * 50_000},
        {"NAMESPACE": "x" * 50_000},
        {"INSTANCE_IPS": "x" * 50_000},
    ],
)
def test_what_is_wrong_in_the_metadata_is_quoted_in_few_words(metadata: dict[str, str]) -> None:
    with pytest.raises(NodeRefusedError) as refused:
        proxy_node(node("web.default", **metadata))
    assert len(str(refused.value)) < 400


def test_a_place_of_any_length_is_refused() -> None:
    with pytest.raises(NodeRefusedError, match="locality"):
        proxy_node(RawNode("web.default", "", "r" * 254, "", "", {}, "envoy", "1", ()))
