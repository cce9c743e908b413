"""`v1 Node`: the place of everything that runs on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from translators.kinds.schema.context import Context
from translators.kinds.schema.kind import CORE, Kind, Metadata, document
from translators.kinds.schema.record import ignored
from translators.model.locality import NOWHERE, Locality


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """Region, zone and sub-zone from the well-known topology labels."""

    locality: Locality = NOWHERE


_REGION: Final = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
_ZONE: Final = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_SUB_ZONE: Final = ("topology.istio.io/subzone",)


def _place(spec: NodeSpec, metadata: Metadata, context: Context) -> NodeSpec:  # noqa: ARG001 a completion
    labels = dict(metadata.labels)
    region, zone, sub_zone = (
        next((labels[name] for name in names if labels.get(name)), "")
        for names in (_REGION, _ZONE, _SUB_ZONE)
    )
    if not region:
        return NodeSpec()
    return NodeSpec(Locality(region, zone, sub_zone if zone else ""))


NODE: Final = Kind(
    "Node",
    CORE,
    document(
        NodeSpec,
        {
            "spec": ignored("how the node is run; its place is in its labels"),
            "status": ignored("what the node reports about itself"),
        },
    ),
    suspicion=90,
    is_namespaced=False,
    complete=_place,
)
