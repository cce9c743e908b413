"""The roots of translation: what one proxy subscribes to, per type.

A proxy's resources are the union of resource sets. A resource set is a query that lists its members
and a query that makes each of them. Proxies with equal resource sets share everything, and resource
sets with the same listing the lists: endpoints are listed once for proxies everywhere and made for
each place. What is outbound is listed bucket by bucket, so that a new host changes short lists.
Which resource sets a proxy has follows from its `Scope`, which depends on the proxy's node and on
the services that its workload serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from translators import clusters, endpoints, listeners, routes
from translators.database import AnyQuery, QueryKey, Reader, query
from translators.model.locality import Locality
from translators.model.proxy_node import Mode, ProxyNode
from translators.model.resource import Resource
from translators.model.service import ClientScope
from translators.names import (
    CLUSTER_TYPE,
    ENDPOINT_TYPE,
    INBOUND_PASSTHROUGH_CLUSTER,
    LISTENER_TYPE,
    ROUTE_TYPE,
    VIRTUAL_HOST_TYPE,
    inbound_cluster,
    inbound_route,
)
from translators.world import BUCKETS, Inbound, client_scope, inbound_of, served_ports

Maker = QueryKey[Resource] | tuple[object, ...]
"""What makes a resource.

A query's result by name, or the rest of the key that its resource set's query is asked with.
"""
Makers = tuple[tuple[str, Maker], ...]
"""(resource name, how it is made), each name once; may be empty."""


class ResourceSet(NamedTuple):
    """Resources of one type that are listed by one query and made by another.

    Attributes:
        listing: The query that lists the members.
        listed_for: What it is asked with.
        made_by: The query that makes them; None: each member says itself.
        made_for: What it is asked with, before the member's own.
        is_bucketed: Whether there is a list for each bucket of hosts; then lists may share members.
    """

    listing: AnyQuery
    listed_for: tuple[object, ...]
    made_by: AnyQuery | None = None
    made_for: tuple[object, ...] = ()
    is_bucketed: bool = False

    def listings(self) -> tuple[QueryKey[Makers], ...]:
        """The queries whose results together are the members."""
        if self.is_bucketed:
            return tuple(QueryKey(self.listing, (*self.listed_for, bucket)) for bucket in BUCKETS)
        return (QueryKey(self.listing, self.listed_for),)

    def ref(self, maker: Maker) -> QueryKey[Resource]:
        """The query that makes a member."""
        if self.made_by is not None:
            return QueryKey(self.made_by, (*self.made_for, *maker))
        if isinstance(maker, QueryKey):
            return maker
        raise TypeError(f"{self.listing} lists {maker}, and there is no query to make it")


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a proxy matters to its configuration.

    Proxies with equal scopes hold the same resources.
    """

    client: ClientScope
    mode: Mode
    locality: Locality
    egress_port: int
    inbound: Inbound


@query
def scope_of(db: Reader, node: ProxyNode) -> Scope:
    """The scope of this proxy now.

    It changes when services begin or cease to select its workload.
    """
    ports = (
        ()
        if node.mode is Mode.PROXYLESS
        else served_ports(db, node.addresses, node.namespace, node.labels)
    )
    return Scope(
        client=client_scope(db, node.namespace, node.labels),
        mode=node.mode,
        locality=node.locality,
        egress_port=node.egress_port if node.mode is Mode.EGRESS else 0,
        inbound=inbound_of(node, ports),
    )


def resource_sets(scope: Scope, *, inline: bool) -> Mapping[str, tuple[ResourceSet, ...]]:
    """Type URL → the resource sets of that type, in the order in which the types are served.

    `inline`: route configurations carry their hosts, for streams that cannot get them one by one.
    """
    client, mode, inbound = scope.client, scope.mode, scope.inbound
    scoped, placed = (client, mode), (client, scope.locality)

    def outbound(
        listing: AnyQuery,
        listed_for: tuple[object, ...],
        made_by: AnyQuery,
        made_for: tuple[object, ...],
    ) -> ResourceSet:
        return ResourceSet(listing, listed_for, made_by, made_for, is_bucketed=True)

    assignments = outbound(eds_clusters, (client,), endpoints.load_assignment, placed)
    sockets = outbound(outbound_listeners, (*scoped, scope.egress_port), listeners.listener, scoped)
    inlined = outbound(outbound_routes, scoped, routes.inline_route_configuration, scoped)
    if mode is Mode.PROXYLESS:
        return {
            CLUSTER_TYPE: (
                outbound(eds_clusters, (client,), clusters.proxyless_cluster, (client,)),
            ),
            ENDPOINT_TYPE: (assignments,),
            LISTENER_TYPE: (sockets,),
            ROUTE_TYPE: (inlined,),
        }
    bare = outbound(outbound_routes, scoped, routes.route_configuration, scoped)
    served = {
        CLUSTER_TYPE: (
            outbound(outbound_clusters, (client,), clusters.cluster, (client,)),
            ResourceSet(static_clusters, ()),
            ResourceSet(inbound_clusters, (inbound,)),
        ),
        ENDPOINT_TYPE: (assignments,),
        LISTENER_TYPE: (sockets, ResourceSet(inbound_listeners, (inbound,))),
        ROUTE_TYPE: (inlined if inline else bare, ResourceSet(inbound_routes, (inbound,))),
    }
    if not inline:
        hosts = outbound(virtual_hosts, scoped, routes.virtual_host, scoped)
        served[VIRTUAL_HOST_TYPE] = (hosts,)
    return served


@query
def outbound_clusters(db: Reader, client: ClientScope, bucket: int) -> Makers:
    """The clusters of every visible service port and subset."""
    return tuple((str(name), (name,)) for name in clusters.cluster_names(db, client, bucket))


@query
def static_clusters(db: Reader) -> Makers:
    """The clusters that every Envoy has."""
    del db
    return clusters.static_clusters()


@query
def eds_clusters(db: Reader, client: ClientScope, bucket: int) -> Makers:
    """Those whose endpoints are asked for over EDS; proxyless clients know no others."""
    return tuple((str(name), (name,)) for name in clusters.eds_cluster_names(db, client, bucket))


@query
def outbound_listeners(
    db: Reader, client: ClientScope, mode: Mode, egress_port: int, bucket: int
) -> Makers:
    """The listeners for what the workload sends."""
    names = listeners.listener_names(db, client, mode, bucket)
    return tuple((name, (name, egress_port)) for name in names)


@query
def outbound_routes(db: Reader, client: ClientScope, mode: Mode, bucket: int) -> Makers:
    """The outbound route configurations."""
    return tuple((name, (name,)) for name in routes.route_names(db, client, mode, bucket))


@query
def virtual_hosts(db: Reader, client: ClientScope, mode: Mode, bucket: int) -> Makers:
    """The hosts of all outbound route configurations."""
    return tuple((name, (name,)) for name in routes.host_names(db, client, mode, bucket))


@query
def inbound_clusters(db: Reader, inbound: Inbound) -> Makers:
    """The application's ports, and where a captured connection to another port goes on to."""
    del db
    makers = [
        (
            inbound_cluster(port.port),
            clusters.inbound_cluster.ref(port.port, port.app_address, port.protocol),
        )
        for port in inbound.ports
    ]
    if inbound.is_captured:
        makers.append((INBOUND_PASSTHROUGH_CLUSTER, clusters.inbound_passthrough_cluster.ref()))
    return tuple(sorted(makers, key=itemgetter(0)))


@query
def inbound_listeners(db: Reader, inbound: Inbound) -> Makers:
    """The listeners for what arrives at the workload."""
    del db
    return tuple(
        (name, listeners.inbound_listener.ref(inbound, name))
        for name in listeners.inbound_listener_names(inbound)
    )


@query
def inbound_routes(db: Reader, inbound: Inbound) -> Makers:
    """The route configurations of the workload's HTTP ports."""
    del db
    return tuple(
        sorted(
            (
                (inbound_route(port.port), routes.inbound_route.ref(port.port, port.protocol))
                for port in inbound.ports
                if port.protocol.takes_requests
            ),
            key=itemgetter(0),
        )
    )
