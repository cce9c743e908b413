"""Which virtual service routes a host's requests for sidecars, and the hosts that only virtual services know.

Source: Istio; on sidecars virtual services of the same host are not merged; the oldest wins. Of several that cover a
host by wildcard the most specific one wins.
"""

from __future__ import annotations

from translators.database import Reader, query
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.model.config_object import ConfigObject
from translators.model.hosts import covers
from translators.model.routing import HttpRule, L4Rule
from translators.model.service import Protocol
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey
from translators.world.indexes import (
    VIRTUAL_SERVICE_EXPORTS,
    VIRTUAL_SERVICE_HOSTS,
    VIRTUAL_SERVICE_WILDCARDS,
)
from translators.world.inputs import grouped_pairs, index_texts, objects
from translators.world.services import visible_hosts
from translators.world.shards import SHARDS, shard_of
from translators.world.visibility import (
    EVERYONE,
    covering_wildcards,
    is_exported,
    is_wildcard,
)


def http_rules(db: Reader, host: str, viewer: Viewer) -> tuple[HttpRule, ...] | None:
    """The rules for a client's requests to a full host name, in order; None when nothing is said of the host."""
    policy = virtual_service(db, host, viewer)
    return None if policy is None else policy.spec.http


def l4_rules(db: Reader, host: str, viewer: Viewer, protocol: Protocol) -> tuple[L4Rule, ...]:
    """The rules for a client's connections to a full host name: those for TLS or, of other protocols, those for TCP."""
    policy = virtual_service(db, host, viewer)
    if policy is None:
        return ()
    return policy.spec.tls if protocol is Protocol.TLS else policy.spec.tcp


def virtual_service(
    db: Reader, host: str, viewer: Viewer
) -> ConfigObject[VirtualServiceSpec] | None:
    """The virtual service for the mesh by which a client reaches a full host name, or None."""
    for keys in virtual_services_of_host(db, host):
        found = [
            one
            for one in objects(db, keys, VirtualServiceSpec)
            if is_exported(one.spec.export_to, one.namespace, viewer.namespace)
        ]
        if found:
            return min(found, key=_age)
    return None


@query
def virtual_services_of_host(db: Reader, host: str) -> tuple[tuple[ObjectKey, ...], ...]:
    """The keys of all virtual services for the mesh that cover a host, whoever sees them, grouped by the host they name.

    First those that name just this host, then by wildcard, the most specific first. Empty groups are left out, so that
    for most hosts the result is empty.
    """
    hosts = [host]
    wildcards = _wildcards(db)
    if wildcards:
        hosts += (one for one in covering_wildcards(host) if one in wildcards and one != host)
    return tuple(keys for one in hosts if (keys := db.lookup(VIRTUAL_SERVICE_HOSTS, one)))


@query
def unregistered_hosts(db: Reader, viewer: Viewer, shard: int) -> tuple[str, ...]:
    """The hosts in a shard that virtual services route for a client though no service that it sees is meant.

    Sorted. A wildcard host is among them when no service falls under it.
    """
    routed = {
        host
        for target, host in grouped_pairs(db, VIRTUAL_SERVICE_EXPORTS, shard)
        if target in (EVERYONE, viewer.namespace)
    }
    if not routed:
        return ()
    return tuple(
        host
        for host in sorted(routed.difference(visible_hosts(db, viewer, shard)))
        if not (is_wildcard(host) and _covers_any(db, viewer, host))
    )


def is_unregistered(db: Reader, viewer: Viewer, host: str) -> bool:
    """Whether a host is one of `unregistered_hosts`."""
    return host in unregistered_hosts(db, viewer, shard_of(host))


def _covers_any(db: Reader, viewer: Viewer, wildcard: str) -> bool:
    return any(_covers_any_in(db, viewer, wildcard, shard) for shard in SHARDS)


@query
def _covers_any_in(db: Reader, viewer: Viewer, wildcard: str, shard: int) -> bool:
    """Whether any service in a shard falls under a wildcard host."""
    return any(covers(wildcard, host) for host in visible_hosts(db, viewer, shard))


@query
def _wildcards(db: Reader) -> frozenset[str]:
    return frozenset(index_texts(db, VIRTUAL_SERVICE_WILDCARDS))


def _age(found: ConfigObject[VirtualServiceSpec]) -> tuple[str, str, str]:
    return found.age
