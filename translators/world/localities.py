"""Where workloads run: from their own label, their node, or what the endpoint says itself."""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import Index, Reader, query
from translators.kinds.node import NODE, NodeSpec
from translators.kinds.pod import PodSpec
from translators.model.config_object import ConfigObject
from translators.model.locality import NOWHERE, Locality
from translators.object_key import ObjectKey
from translators.world.inputs import as_config_object, config_object


def _node_zones(value: object) -> Iterable[str]:
    node = as_config_object(value, NodeSpec)
    return () if node is None or not node.spec.locality.zone else (node.spec.locality.zone,)


NODE_ZONES = Index("nodes by zone", NODE.name, _node_zones)


@query
def node_locality(db: Reader, node: str) -> Locality:
    """The locality of a node, `NOWHERE` when the node is not known."""
    known = config_object(db, ObjectKey(NODE.name, "", node), NodeSpec)
    return NOWHERE if known is None else known.spec.locality


@query
def zone_locality(db: Reader, zone: str) -> Locality:
    """Region and zone for the name of a zone.

    The region that nodes of this zone are in, or none.
    """
    for key in db.lookup(NODE_ZONES, zone):
        node = config_object(db, key, NodeSpec)
        if node is not None and node.spec.locality.region:
            return Locality(node.spec.locality.region, zone)
    return Locality("", zone)


def pod_locality(db: Reader, pod: ConfigObject[PodSpec]) -> Locality:
    """The locality of a pod: its own label, else its node's."""
    if pod.spec.locality:
        return Locality.parse(pod.spec.locality)
    return node_locality(db, pod.spec.node_name) if pod.spec.node_name else NOWHERE
