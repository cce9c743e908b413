"""Clusters: how Envoy reaches the hosts of each service, and of its own application.

In flow services, destination rules and names, out come encoded `Cluster` resources under Istio's
names. Each subset is a cluster of its own, so that it has limits, health and statistics of its own.
"""

from translators.clusters.inbound import inbound_cluster
from translators.clusters.outbound import (
    cluster,
    cluster_names,
    eds_cluster_names,
    host_clusters,
    proxyless_cluster,
)
from translators.clusters.static import (
    blackhole_cluster,
    inbound_passthrough_cluster,
    passthrough_cluster,
    static_clusters,
)

__all__ = [
    "blackhole_cluster",
    "cluster",
    "cluster_names",
    "eds_cluster_names",
    "host_clusters",
    "inbound_cluster",
    "inbound_passthrough_cluster",
    "passthrough_cluster",
    "proxyless_cluster",
    "static_clusters",
]
