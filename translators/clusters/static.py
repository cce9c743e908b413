"""Clusters that every Envoy has: where traffic goes of which nothing is known."""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterLbPolicy
from envoy_data_plane.envoy.config.core.v3 import BindConfig, SocketAddress

from translators.clusters.discovery import original_dst_head, static_head
from translators.clusters.settings import settings
from translators.codec import encode, new
from translators.database import QueryKey, Reader, query
from translators.envoy.addresses import PASSTHROUGH_SOURCE
from translators.model.policy import TrafficPolicy
from translators.model.resource import Resource, resource
from translators.model.service import Protocol
from translators.names import (
    BLACKHOLE_CLUSTER,
    CLUSTER_TYPE,
    INBOUND_PASSTHROUGH_CLUSTER,
    PASSTHROUGH_CLUSTER,
)


@query
def passthrough_cluster(_db: Reader) -> Resource:
    """Where a captured connection was going, when no service is there."""
    body = original_dst_head(PASSTHROUGH_CLUSTER) + _passthrough()
    return resource(CLUSTER_TYPE, PASSTHROUGH_CLUSTER, body)


@query
def blackhole_cluster(_db: Reader) -> Resource:
    """A cluster without hosts."""
    body = static_head(BLACKHOLE_CLUSTER, ()) + settings(Protocol.TCP, TrafficPolicy())
    return resource(CLUSTER_TYPE, BLACKHOLE_CLUSTER, body)


@query
def inbound_passthrough_cluster(_db: Reader) -> Resource:
    """The application at the address and port that a client called.

    For ports that are none of a service's.
    """
    source = new(BindConfig)(
        source_address=new(SocketAddress)(address=PASSTHROUGH_SOURCE, port_value=0)
    )
    body = (
        original_dst_head(INBOUND_PASSTHROUGH_CLUSTER)
        + _passthrough()
        + encode(new(Cluster)(upstream_bind_config=source))
    )
    return resource(CLUSTER_TYPE, INBOUND_PASSTHROUGH_CLUSTER, body)


def _passthrough() -> bytes:
    return settings(Protocol.AUTO, TrafficPolicy(), ClusterLbPolicy.CLUSTER_PROVIDED)


def static_clusters() -> tuple[tuple[str, QueryKey[Resource]], ...]:
    """Name and query of the clusters that every client has for outbound traffic, sorted by name."""
    return (
        (BLACKHOLE_CLUSTER, blackhole_cluster.ref()),
        (PASSTHROUGH_CLUSTER, passthrough_cluster.ref()),
    )
