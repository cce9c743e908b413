"""Clusters for what clients call.

One for each port of each visible service, and one more for each of its subsets.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import ClusterLbPolicy

from translators.clusters.discovery import dns_head, eds_head, original_dst_head
from translators.clusters.load_balancing import simple_load_balancer
from translators.clusters.settings import settings
from translators.database import Reader, query
from translators.model.origin import Labels
from translators.model.policy import SimpleLoadBalancer, TrafficPolicy
from translators.model.resource import Reference, Resource, resource
from translators.model.service import BY_DNS, ClientScope, Endpoint, Protocol, Resolution, Service
from translators.names import CLUSTER_TYPE, ENDPOINT_TYPE, ClusterName
from translators.world import policy_of, service_endpoints, service_of, subsets_of, visible_hosts


@query
def cluster_names(db: Reader, client: ClientScope, bucket: int) -> tuple[ClusterName, ...]:
    """The names of a client's clusters for hosts in a bucket.

    By host, port in the service's order, then subset; none first.
    """
    names: list[ClusterName] = []
    for host in visible_hosts(db, client.viewer, bucket):
        names += host_clusters.last_good(db, client, host) or ()
    return tuple(names)


@query
def host_clusters(db: Reader, client: ClientScope, host: str) -> tuple[ClusterName, ...]:
    """The names of a client's clusters for one host; empty when it sees no such service."""
    service = service_of(db, host, client.viewer)
    if service is None:
        return ()
    labels = ("", *(subset.name for subset in subsets_of(db, host, client)))
    return tuple(
        ClusterName("outbound", port.number, subset, host)
        for port in service.ports
        for subset in labels
    )


@query
def eds_cluster_names(db: Reader, client: ClientScope, bucket: int) -> tuple[ClusterName, ...]:
    """Those of `cluster_names` whose endpoints are asked for over EDS, in the same order."""
    names: list[ClusterName] = []
    for host in visible_hosts(db, client.viewer, bucket):
        names += _host_eds_clusters.last_good(db, client, host) or ()
    return tuple(names)


@query
def _host_eds_clusters(db: Reader, client: ClientScope, host: str) -> tuple[ClusterName, ...]:
    service = service_of(db, host, client.viewer)
    names = host_clusters(db, client, host)
    by_eds = tuple(
        name
        for name in names
        if service is not None
        and is_eds(service, policy_of(db, host, client, name.port, name.subset))
    )
    return names if len(by_eds) == len(names) else by_eds


@query
def cluster(db: Reader, client: ClientScope, name: ClusterName) -> Resource:
    """The cluster for a service's port, or for a subset of it.

    A name that means nothing to the client gives an EDS cluster, whose endpoints will be none.
    """
    service = service_of(db, name.host, client.viewer)
    blocks = policy_of(db, name.host, client, name.port, name.subset)
    port = None if service is None else service.port(name.port)
    protocol = Protocol.TCP if port is None else port.protocol
    if service is None or is_eds(service, blocks):
        return _eds_cluster(db, name, protocol, blocks)
    if service.resolution in BY_DNS and not _passes_through(blocks):
        return _dns_cluster(db, client, name, service, blocks)
    text = str(name)
    body = original_dst_head(text) + settings(protocol, blocks, ClusterLbPolicy.CLUSTER_PROVIDED)
    return resource(CLUSTER_TYPE, text, body)


@query
def proxyless_cluster(db: Reader, client: ClientScope, name: ClusterName) -> Resource:
    """The same for a gRPC client without a proxy.

    Such a client knows round robin only, and endpoints over EDS.
    """
    blocks = policy_of(db, name.host, client, name.port, name.subset)
    text = str(name)
    body = eds_head(text) + settings(Protocol.GRPC, blocks, ClusterLbPolicy.ROUND_ROBIN)
    return resource(CLUSTER_TYPE, text, body, (Reference(ENDPOINT_TYPE, text),))


def is_eds(service: Service, blocks: TrafficPolicy) -> bool:
    """Whether a service's endpoints are sent to Envoy over EDS, under this policy."""
    return service.resolution is Resolution.STATIC and not _passes_through(blocks)


def _passes_through(blocks: TrafficPolicy) -> bool:
    return simple_load_balancer(blocks) is SimpleLoadBalancer.PASSTHROUGH


@query
def _eds_cluster(
    _db: Reader, name: ClusterName, protocol: Protocol, blocks: TrafficPolicy
) -> Resource:
    """Made once for all clients that the same rules apply to."""
    text = str(name)
    return resource(
        CLUSTER_TYPE,
        text,
        eds_head(text) + settings(protocol, blocks),
        (Reference(ENDPOINT_TYPE, text),),
    )


def _dns_cluster(
    db: Reader, client: ClientScope, name: ClusterName, service: Service, blocks: TrafficPolicy
) -> Resource:
    port = service.port(name.port)
    protocol = Protocol.TCP if port is None else port.protocol
    endpoints = service_endpoints(db, service.source, name.host, name.port)
    if name.subset:
        endpoints = _with_labels(endpoints, _subset_labels(db, client, name))
    text = str(name)
    is_logical = service.resolution is Resolution.DNS_ROUND_ROBIN
    body = dns_head(text, endpoints, is_logical=is_logical) + settings(protocol, blocks)
    return resource(CLUSTER_TYPE, text, body)


def _subset_labels(db: Reader, client: ClientScope, name: ClusterName) -> Labels:
    named = subsets_of(db, name.host, client)
    return next((subset.labels for subset in named if subset.name == name.subset), frozenset())


def _with_labels(endpoints: tuple[Endpoint, ...], labels: Labels) -> tuple[Endpoint, ...]:
    return tuple(endpoint for endpoint in endpoints if labels <= endpoint.labels)
