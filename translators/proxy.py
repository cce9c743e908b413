"""The roots of translation: what one proxy subscribes to, per type.

A proxy's resources are the union of parts. A part is a query whose result lists members, (resource name, query that makes
the resource); several parts may have a member, but then by the same query. Proxies with equal parts share everything below
them. What is outbound has a part for each shard of hosts, so that a new host changes small parts. Which parts a proxy has
follows from its `Scope`, which depends on the proxy's node and on the services that its workload serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from translators import clusters, endpoints, listeners, routes
from translators.database import QueryKey, Reader, query
from translators.listeners import Inbound
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
from translators.world import SHARDS, client_scope, workload_ports

Members = tuple[tuple[str, QueryKey[Resource]], ...]
"""(resource name, the query that makes it), each name once; may be empty."""
Parts = tuple[QueryKey[Members], ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a proxy matters to its configuration; proxies with equal scopes hold the same resources."""

    client: ClientScope
    mode: Mode
    locality: Locality
    egress_port: int
    inbound: Inbound


@query
def scope(db: Reader, node: ProxyNode) -> Scope:
    """The scope of this proxy now; it changes when services begin or cease to select its workload."""
    ports = () if node.mode is Mode.PROXYLESS else workload_ports(db, node.addresses)
    return Scope(
        client=client_scope(db, node.namespace, node.labels),
        mode=node.mode,
        locality=node.locality,
        egress_port=node.egress_port if node.mode is Mode.EGRESS else 0,
        inbound=listeners.inbound(node, ports),
    )


@lru_cache(maxsize=1024)
def parts(found: Scope, *, inline: bool) -> Mapping[str, Parts]:
    """Type URL → the parts of that type, in the order in which the types are served; one mapping for equal scopes.

    ``inline``: route configurations carry their hosts, for streams that cannot get them one by one.
    """
    client, mode, inbound = found.client, found.mode, found.inbound
    if mode is Mode.PROXYLESS:
        return {
            CLUSTER_TYPE: _proxyless_clusters(client),
            ENDPOINT_TYPE: _load_assignments(client, found.locality),
            LISTENER_TYPE: _outbound_listeners(client, mode, 0),
            ROUTE_TYPE: _routes(client, mode, inline=True),
        }
    refs = {
        CLUSTER_TYPE: (*_outbound_clusters(client), inbound_clusters.ref(inbound)),
        ENDPOINT_TYPE: _load_assignments(client, found.locality),
        LISTENER_TYPE: (
            *_outbound_listeners(client, mode, found.egress_port),
            inbound_listeners.ref(inbound),
        ),
        ROUTE_TYPE: (*_routes(client, mode, inline=inline), inbound_routes.ref(inbound)),
    }
    if not inline:
        refs[VIRTUAL_HOST_TYPE] = _virtual_hosts(client, mode)
    return refs


@lru_cache(maxsize=1024)
def _outbound_clusters(client: ClientScope) -> Parts:
    return tuple(outbound_clusters.ref(client, shard) for shard in SHARDS)


@lru_cache(maxsize=1024)
def _proxyless_clusters(client: ClientScope) -> Parts:
    return tuple(proxyless_clusters.ref(client, shard) for shard in SHARDS)


@lru_cache(maxsize=1024)
def _load_assignments(client: ClientScope, locality: Locality) -> Parts:
    return tuple(load_assignments.ref(client, locality, shard) for shard in SHARDS)


@lru_cache(maxsize=1024)
def _outbound_listeners(client: ClientScope, mode: Mode, egress_port: int) -> Parts:
    return tuple(outbound_listeners.ref(client, mode, egress_port, shard) for shard in SHARDS)


@lru_cache(maxsize=1024)
def _routes(client: ClientScope, mode: Mode, *, inline: bool) -> Parts:
    form = inline_route_configurations if inline else route_configurations
    return tuple(form.ref(client, mode, shard) for shard in SHARDS)


@lru_cache(maxsize=1024)
def _virtual_hosts(client: ClientScope, mode: Mode) -> Parts:
    return tuple(virtual_hosts.ref(client, mode, shard) for shard in SHARDS)


@query
def outbound_clusters(db: Reader, client: ClientScope, shard: int) -> Members:
    """The clusters of every visible service port and subset, and in shard 0 the static ones."""
    found = [
        (str(name), clusters.cluster.ref(client, name))
        for name in clusters.cluster_names(db, client, shard)
    ]
    if shard == 0:
        found += clusters.static_clusters()
    return tuple(found)


@query
def proxyless_clusters(db: Reader, client: ClientScope, shard: int) -> Members:
    """The same for clients that speak xDS themselves: those whose endpoints come over EDS, as no others are known to them."""
    return tuple(
        (str(name), clusters.proxyless_cluster.ref(client, name))
        for name in clusters.eds_cluster_names(db, client, shard)
    )


@query
def load_assignments(db: Reader, client: ClientScope, locality: Locality, shard: int) -> Members:
    """The endpoints of every cluster that asks for them over EDS, ordered for clients at a place."""
    return tuple(
        (str(name), endpoints.load_assignment.ref(client, locality, name))
        for name in clusters.eds_cluster_names(db, client, shard)
    )


@query
def outbound_listeners(
    db: Reader, client: ClientScope, mode: Mode, egress_port: int, shard: int
) -> Members:
    """The listeners for what the workload sends."""
    return tuple(
        (name, listeners.listener.ref(client, mode, name, egress_port))
        for name in listeners.listener_names(db, client, mode, shard)
    )


@query
def route_configurations(db: Reader, client: ClientScope, mode: Mode, shard: int) -> Members:
    """The outbound route configurations, without their hosts."""
    return tuple(
        (name, routes.route_configuration.ref(client, mode, name))
        for name in routes.route_names(db, client, mode, shard)
    )


@query
def inline_route_configurations(db: Reader, client: ClientScope, mode: Mode, shard: int) -> Members:
    """The outbound route configurations with their hosts in them."""
    return tuple(
        (name, routes.inline_route_configuration.ref(client, mode, name))
        for name in routes.route_names(db, client, mode, shard)
    )


@query
def virtual_hosts(db: Reader, client: ClientScope, mode: Mode, shard: int) -> Members:
    """The hosts of all outbound route configurations."""
    return tuple(
        (name, routes.virtual_host.ref(client, mode, name))
        for name in routes.host_names(db, client, mode, shard)
    )


@query
def inbound_clusters(db: Reader, inbound: Inbound) -> Members:
    """The application's ports, and where a captured connection to another port goes on to."""
    del db
    found = [
        (
            inbound_cluster(one.port),
            clusters.inbound_cluster.ref(one.port, one.app_address, one.protocol),
        )
        for one in inbound.ports
    ]
    if inbound.is_captured:
        found.append((INBOUND_PASSTHROUGH_CLUSTER, clusters.inbound_passthrough_cluster.ref()))
    return tuple(sorted(found, key=itemgetter(0)))


@query
def inbound_listeners(db: Reader, inbound: Inbound) -> Members:
    """The listeners for what arrives at the workload."""
    del db
    return tuple(
        (name, listeners.inbound_listener.ref(inbound, name))
        for name in listeners.inbound_listener_names(inbound)
    )


@query
def inbound_routes(db: Reader, inbound: Inbound) -> Members:
    """The route configurations of the workload's HTTP ports."""
    del db
    return tuple(
        sorted(
            (
                (inbound_route(one.port), routes.inbound_route.ref(one.port, one.protocol))
                for one in inbound.ports
                if one.takes_requests
            ),
            key=itemgetter(0),
        )
    )
