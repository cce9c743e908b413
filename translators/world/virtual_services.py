"""Which virtual service routes a host's requests for sidecars.

And the hosts that only virtual services know.

Source: Istio; on sidecars virtual services of the same host are not merged; the oldest wins. Of
several that cover a host by wildcard the most specific one wins.
"""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import Index, Reader, query
from translators.kinds.virtual_service import VIRTUAL_SERVICE, VirtualServiceSpec
from translators.model.config_object import ConfigObject
from translators.model.hosts import covers
from translators.model.routing import HttpRule, L4Rule
from translators.model.service import Protocol
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey
from translators.world.buckets import BUCKETS, bucket_of
from translators.world.inputs import (
    as_config_object,
    grouped_pairs,
    index_texts,
    keys_by_host,
    objects,
)
from translators.world.services import visible_hosts
from translators.world.visibility import (
    EVERYONE,
    MESH_GATEWAY,
    export_targets,
    is_exported,
    is_wildcard,
)


def meshed(value: object) -> ConfigObject[VirtualServiceSpec] | None:
    """Give the value, if it is a virtual service for sidecars."""
    virtual_service = as_config_object(value, VirtualServiceSpec)
    return (
        virtual_service
        if virtual_service is not None and MESH_GATEWAY in virtual_service.spec.gateways
        else None
    )


def _virtual_service_hosts(value: object) -> Iterable[str]:
    virtual_service = meshed(value)
    return () if virtual_service is None else virtual_service.spec.hosts


def _virtual_service_wildcards(value: object) -> Iterable[str]:
    return filter(is_wildcard, _virtual_service_hosts(value))


def _virtual_service_exports(value: object) -> Iterable[tuple[int, str, str]]:
    virtual_service = meshed(value)
    if virtual_service is None:
        return ()
    targets = export_targets(virtual_service.spec.export_to, virtual_service.namespace)
    return (
        (bucket_of(host), target, host) for target in targets for host in virtual_service.spec.hosts
    )


VIRTUAL_SERVICE_HOSTS = Index(
    "virtual services by host", VIRTUAL_SERVICE.name, _virtual_service_hosts
)
VIRTUAL_SERVICE_WILDCARDS = Index(
    "virtual services for wildcard hosts", VIRTUAL_SERVICE.name, _virtual_service_wildcards
)
VIRTUAL_SERVICE_EXPORTS = Index(
    "virtual services by namespace they are exported to",
    VIRTUAL_SERVICE.name,
    _virtual_service_exports,
    is_grouped=True,
)


def http_rules(db: Reader, host: str, viewer: Viewer) -> tuple[HttpRule, ...] | None:
    """The rules for a client's requests to a full host name, in order.

    None when nothing is said of the host.
    """
    policy = virtual_service_of(db, host, viewer)
    return None if policy is None else policy.spec.http


def l4_rules(db: Reader, host: str, viewer: Viewer, protocol: Protocol) -> tuple[L4Rule, ...]:
    """The rules for a client's connections to a full host name.

    Those for TLS or, of other protocols, those for TCP.
    """
    policy = virtual_service_of(db, host, viewer)
    if policy is None:
        return ()
    return policy.spec.tls if protocol is Protocol.TLS else policy.spec.tcp


def virtual_service_of(
    db: Reader, host: str, viewer: Viewer
) -> ConfigObject[VirtualServiceSpec] | None:
    """The virtual service for the mesh by which a client reaches a full host name, or None."""
    for keys in virtual_services_of_host(db, host):
        exported = [
            candidate
            for candidate in objects(db, keys, VirtualServiceSpec)
            if is_exported(candidate.spec.export_to, candidate.namespace, viewer.namespace)
        ]
        if exported:
            return min(exported, key=_age)
    return None


@query
def virtual_services_of_host(db: Reader, host: str) -> tuple[tuple[ObjectKey, ...], ...]:
    """The keys of all virtual services for the mesh that cover a host, whoever sees them.

    Grouped by the host they name.

    Ordered as `keys_by_host` has it.
    """
    return keys_by_host(db, VIRTUAL_SERVICE_HOSTS, host, _wildcards(db))


@query
def unregistered_hosts(db: Reader, viewer: Viewer, bucket: int) -> tuple[str, ...]:
    """The hosts in a bucket that a client knows from virtual services alone.

    They route for it though no service that it sees is meant.

    Sorted. A wildcard host is among them when no service falls under it.
    """
    routed = {
        host
        for target, host in grouped_pairs(db, VIRTUAL_SERVICE_EXPORTS, bucket)
        if target in (EVERYONE, viewer.namespace)
    }
    if not routed:
        return ()
    return tuple(
        host
        for host in sorted(routed.difference(visible_hosts(db, viewer, bucket)))
        if not (is_wildcard(host) and _covers_any(db, viewer, host))
    )


def is_unregistered(db: Reader, viewer: Viewer, host: str) -> bool:
    """Whether a host is one of `unregistered_hosts`."""
    return host in unregistered_hosts(db, viewer, bucket_of(host))


def _covers_any(db: Reader, viewer: Viewer, wildcard: str) -> bool:
    return any(_covers_any_in.last_good(db, viewer, wildcard, bucket) for bucket in BUCKETS)


@query
def _covers_any_in(db: Reader, viewer: Viewer, wildcard: str, bucket: int) -> bool:
    """Whether any service in a bucket falls under a wildcard host."""
    return any(covers(wildcard, host) for host in visible_hosts(db, viewer, bucket))


@query
def _wildcards(db: Reader) -> frozenset[str]:
    return frozenset(index_texts(db, VIRTUAL_SERVICE_WILDCARDS))


def _age(virtual_service: ConfigObject[VirtualServiceSpec]) -> tuple[str, str, str]:
    return virtual_service.age
