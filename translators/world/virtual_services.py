"""Which virtual service routes a host's requests for sidecars, and the hosts that only virtual services know.

Source: Istio; on sidecars virtual services of the same host are not merged; the oldest wins. Of several that cover a
host by wildcard the most specific one wins.
"""

from __future__ import annotations

from translators.database import InputKey, Reader, query
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.model.config_object import ConfigObject
from translators.world.indexes import (
    VIRTUAL_SERVICE_EXPORTS,
    VIRTUAL_SERVICE_HOSTS,
    VIRTUAL_SERVICE_WILDCARDS,
)
from translators.world.inputs import index_pairs, index_texts, objects
from translators.world.services import visible_hosts
from translators.world.visibility import (
    EVERYONE,
    covering_wildcards,
    covers,
    is_exported,
    is_wildcard,
)


def virtual_service(
    db: Reader, host: str, namespace: str
) -> ConfigObject[VirtualServiceSpec] | None:
    """The virtual service for the mesh by which clients in `namespace` reach a full host name, or None."""
    for keys in virtual_services_of_host(db, host):
        found = [
            one
            for one in objects(db, keys, VirtualServiceSpec)
            if is_exported(one.spec.export_to, one.namespace, namespace)
        ]
        if found:
            return min(found, key=_age)
    return None


@query
def virtual_services_of_host(db: Reader, host: str) -> tuple[tuple[InputKey, ...], ...]:
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
def unregistered_hosts(db: Reader, namespace: str) -> tuple[str, ...]:
    """The hosts that virtual services route for clients in a namespace though no service that these see is meant.

    Sorted. A wildcard host is among them when no service falls under it.
    """
    routed = {
        host
        for target, host in index_pairs(db, VIRTUAL_SERVICE_EXPORTS)
        if target in (EVERYONE, namespace)
    }
    if not routed:
        return ()
    visible = visible_hosts(db, namespace)
    left = routed.difference(visible)
    return tuple(
        host
        for host in sorted(left)
        if not (is_wildcard(host) and any(covers(host, one) for one in visible))
    )


@query
def _wildcards(db: Reader) -> frozenset[str]:
    return frozenset(index_texts(db, VIRTUAL_SERVICE_WILDCARDS))


def _age(found: ConfigObject[VirtualServiceSpec]) -> tuple[str, str, str]:
    return found.age
