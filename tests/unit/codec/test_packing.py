"""Type URLs and Any."""

import pytest
from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.rbac.v3 import Rbac
from envoy_data_plane.envoy.config.route.v3 import RouteActionHashPolicyHeader
from envoy_data_plane.google.protobuf import Any, Struct, Value

from translators.codec import any_bytes, encode, message_class, pack, type_url


class Stranger(Message):
    """Belongs to no generated package."""


def test_type_urls_carry_protobuf_names() -> None:
    assert type_url(Cluster) == "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    assert type_url(Rbac) == "type.googleapis.com/envoy.config.rbac.v3.RBAC"
    nested = "type.googleapis.com/envoy.config.route.v3.RouteAction.HashPolicy.Header"
    assert type_url(RouteActionHashPolicyHeader) == nested
    with pytest.raises(TypeError, match="Stranger is not a generated"):
        type_url(Stranger)


def test_packing_is_betterprotos_packing() -> None:
    message = Struct(fields={"a": Value(number_value=1)})
    assert pack(message) == Any.pack(message)
    assert pack(message).unpack() == message


def test_any_around_bytes_is_the_packed_message() -> None:
    for message in (Cluster(name="a"), Cluster()):
        assert any_bytes(type_url(Cluster), encode(message)) == encode(pack(message))


def test_a_type_is_found_though_its_module_was_never_imported() -> None:
    url = "type.googleapis.com/envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit"
    assert message_class(url).__name__ == "BandwidthLimit"
    nested = "type.googleapis.com/envoy.config.cluster.v3.Cluster.RingHashLbConfig"
    assert message_class(nested).__name__ == "ClusterRingHashLbConfig"


@pytest.mark.parametrize(
    "url", ["", "x", "type.googleapis.com/no.such.v3.Thing", "a/b.__main__.C", "a/os.Path"]
)
def test_unknown_types_are_named(url: str) -> None:
    with pytest.raises(TypeError, match="not the type of a generated Envoy message"):
        message_class(url)
