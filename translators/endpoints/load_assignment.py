"""ClusterLoadAssignments: endpoints by locality, in the order of the client's distance.

Each locality's bytes are joined once for all clients, and each client locality just puts its
priorities to them. Where there are many endpoints, the bytes of each are kept, so that one edited
endpoint costs one encoding and a join.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from envoy_data_plane.envoy.config.core.v3 import Locality as EnvoyLocality
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, LocalityLbEndpoints
from envoy_data_plane.google.protobuf import UInt32Value

from translators.codec import field_number, length_tag, number_tag
from translators.codec.wire import BYTES, delimited, string, varint
from translators.database import Reader, query
from translators.endpoints.lb_endpoint import HEALTH_STATUS, kept_lb_endpoint, lb_endpoint
from translators.endpoints.locality import priorities
from translators.model.locality import NOWHERE, Locality
from translators.model.origin import Labels
from translators.model.resource import Resource, resource
from translators.model.service import ClientScope, Health
from translators.names import ENDPOINT_TYPE, ClusterName
from translators.object_key import ObjectKey
from translators.world import policy_of, service_endpoints, service_of, subsets_of

_MAX_WEIGHT = 4294967295
_MANY = 100
_CLUSTER_NAME = field_number(ClusterLoadAssignment, "cluster_name")
_ENDPOINTS = length_tag(ClusterLoadAssignment, "endpoints")
_PRIORITY = number_tag(LocalityLbEndpoints, "priority")
_LOCALITY = field_number(LocalityLbEndpoints, "locality")
_WEIGHT = field_number(LocalityLbEndpoints, "load_balancing_weight")
_UINT32_VALUE = number_tag(UInt32Value, "value")
_REGION = field_number(EnvoyLocality, "region")
_ZONE = field_number(EnvoyLocality, "zone")
_SUB_ZONE = field_number(EnvoyLocality, "sub_zone")


class LocalityGroup(NamedTuple):
    """The endpoints of a cluster in one locality.

    A `LocalityLbEndpoints` without its priority, encoded.
    """

    locality: Locality
    body: bytes


@query
def load_assignment(
    db: Reader, client: ClientScope, locality: Locality, name: ClusterName
) -> Resource:
    """The endpoints of a cluster for clients of a scope that are at a locality.

    Never missing, may be empty.

    Sorted by priority, then locality. Where the rule turns locality load balancing off, or the
    client's place is not known, all endpoints have the same priority.
    """
    service = service_of(db, name.host, client.viewer)
    labels: Labels | None = frozenset()
    if name.subset:
        subsets = subsets_of(db, name.host, client)
        labels = next((subset.labels for subset in subsets if subset.name == name.subset), None)
    if service is None or labels is None:
        return _no_endpoints(db, name)
    balancer = policy_of(db, name.host, client, name.port, name.subset).load_balancer
    if balancer is not None and balancer.locality_enabled is False:
        locality = NOWHERE
    return _assignment(db, service.source, name, labels, locality)


@query
def _no_endpoints(_db: Reader, name: ClusterName) -> Resource:
    text = str(name)
    return resource(ENDPOINT_TYPE, text, string(_CLUSTER_NAME, text))


@query
def _assignment(
    db: Reader, source: ObjectKey, name: ClusterName, labels: Labels, locality: Locality
) -> Resource:
    """The same for all clients to whom the host means this service, and the subset these labels."""
    groups = locality_groups(db, source, name.host, name.port, labels)
    ranks = priorities(locality, tuple([group.locality for group in groups]))
    text = str(name)
    parts = [string(_CLUSTER_NAME, text)]
    for rank in range(max(ranks, default=-1) + 1):
        tail = _PRIORITY + BYTES[rank] if rank else b""
        for group_rank, (_, body) in zip(ranks, groups, strict=True):
            if group_rank == rank:
                parts += (_ENDPOINTS, varint(len(body) + len(tail)), body, tail)
    return resource(ENDPOINT_TYPE, text, b"".join(parts))


@query
def locality_groups(
    db: Reader, source: ObjectKey, host: str, port: int, labels: Labels
) -> tuple[LocalityGroup, ...]:
    """The endpoints with these labels by locality, sorted by it.

    A locality's weight is the sum of theirs.
    """
    bodies: dict[Locality, list[bytes]] = {}
    weights: dict[Locality, int] = {}  # beyond one for each endpoint
    endpoints = service_endpoints(db, source, host, port)
    encoded = kept_lb_endpoint if len(endpoints) > _MANY else lb_endpoint
    for address, number, own, place, weight, health in endpoints:
        if labels and not labels <= own:
            continue
        status = 0 if health is Health.HEALTHY else HEALTH_STATUS[health]
        body = encoded(address, number, weight, status)
        if not body:
            continue
        group = bodies.get(place)
        if group is None:
            bodies[place] = [body]
        else:
            group.append(body)
        if weight != 1:
            weights[place] = weights.get(place, 0) + weight - 1
    return tuple(
        _group(place, bodies[place], len(bodies[place]) + weights.get(place, 0))
        for place in sorted(bodies)
    )


def _group(place: Locality, bodies: list[bytes], weight: int) -> LocalityGroup:
    head = delimited(_LOCALITY, _locality_fields(place))
    tail = delimited(_WEIGHT, _UINT32_VALUE + varint(min(weight, _MAX_WEIGHT)))
    return LocalityGroup(place, b"".join((head, *bodies, tail)))


@lru_cache(maxsize=1024)
def _locality_fields(place: Locality) -> bytes:
    return (
        string(_REGION, place.region)
        + string(_ZONE, place.zone)
        + string(_SUB_ZONE, place.sub_zone)
    )
