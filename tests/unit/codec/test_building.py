"""Messages made without their classes' checks are the same messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.route.v3 import Route, RouteAction, RouteMatch, VirtualHost

from translators.codec import EncodeError, encode, new

FIELDS = {
    "name": "c",
    "type": ClusterDiscoveryType.EDS,
    "connect_timeout": timedelta(seconds=1),
}


def test_a_message_is_what_its_class_would_have_made() -> None:
    made, known = new(Cluster)(**FIELDS), Cluster(**FIELDS)
    assert made == known
    assert encode(made) == bytes(known)
    nested = new(VirtualHost)(
        name="h",
        routes=[new(Route)(match=new(RouteMatch)(prefix="/"), route=new(RouteAction)(cluster="c"))],
    )
    same = VirtualHost(
        name="h", routes=[Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster="c"))]
    )
    assert nested == same
    assert encode(nested) == bytes(same)


def test_messages_share_no_list() -> None:
    first, second = new(VirtualHost)(name="a"), new(VirtualHost)(name="b")
    first.domains.append("x")
    assert second.domains == []


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Cluster has no field nmae"):
        new(Cluster)(nmae="c")


def test_a_value_of_another_type_is_refused_when_it_is_encoded() -> None:
    with pytest.raises(EncodeError, match="name"):
        encode(new(Cluster)(name=7))
