"""Where workloads run: from their own label, their node, or what the endpoint says itself."""

from __future__ import annotations

from translators.database import Reader, query
from translators.kinds.node import NodeSpec
from translators.kinds.pod import PodSpec
from translators.model.config_object import ConfigObject
from translators.model.locality import NOWHERE, Locality
from translators.object_key import ObjectKey
from translators.world.indexes import NODE_ZONES
from translators.world.inputs import config_object


@query
def node_locality(db: Reader, node: str) -> Locality:
    """The locality of a node, `NOWHERE` when the node is not known."""
    found = config_object(db, ObjectKey("Node", "", node), NodeSpec)
    return NOWHERE if found is None else found.spec.locality


@query
def zone_locality(db: Reader, zone: str) -> Locality:
    """Region and zone for the name of a zone: the region that nodes of this zone are in, or none."""
    for key in db.lookup(NODE_ZONES, zone):
        found = config_object(db, key, NodeSpec)
        if found is not None and found.spec.locality.region:
            return Locality(found.spec.locality.region, zone)
    return Locality("", zone)


def pod_locality(db: Reader, pod: ConfigObject[PodSpec]) -> Locality:
    """The locality of a pod: its own label, else its node's."""
    if pod.spec.locality:
        return Locality.parse(pod.spec.locality)
    return node_locality(db, pod.spec.node_name) if pod.spec.node_name else NOWHERE
