"""`networking.istio.io WorkloadEntry`: one workload outside Kubernetes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context, Invalid
from translators.kinds.schema.field_types import LABELS, LOCALITY, PORT, UINT32, is_address, is_host
from translators.kinds.schema.kind import ISTIO_NETWORKING, Kind, document_with_spec
from translators.kinds.schema.record import optional, record, required, unsupported
from translators.kinds.schema.shape import TEXT, describe, map_of, text_as
from translators.model.locality import NOWHERE, Locality
from translators.model.origin import Labels


@dataclass(frozen=True, slots=True)
class WorkloadEntrySpec:
    """Where one workload is; also the shape of an endpoint written inside a ServiceEntry.

    `address` is an IP, a DNS name or `unix://path`. `ports` maps a service port's name to the
    workload's port number, sorted by name. `labels` are spec.labels. `weight` 0 means not given
    (1).
    """

    address: str
    ports: tuple[tuple[str, int], ...] = ()
    labels: Labels = frozenset()
    locality: Locality = NOWHERE
    weight: int = 0
    service_account: str = ""


_UNIX: Final = re.compile(r"unix://(/|@).+")


def _endpoint_address(text: str, path: Path, context: Context) -> str | Invalid:
    if is_address(text) or _UNIX.match(text) or (is_host(text) and "*" not in text):
        return text
    return context.error(
        path, f"must be an IP address, a host name or unix:///a/path, not {describe(text)}"
    )


WORKLOAD: Final = record(
    WorkloadEntrySpec,
    {
        "address": required(
            "address", text_as(_endpoint_address), "an IP address, a host name or unix:///a/path"
        ),
        "ports": optional("ports", map_of(PORT)),
        "labels": optional("labels", LABELS),
        "network": unsupported("all endpoints are taken to be reachable directly", harmless=("",)),
        "locality": optional("locality", LOCALITY),
        "weight": optional("weight", UINT32),
        "serviceAccount": optional("service_account", TEXT),
    },
)
"""A workload's place, alone or inside a ServiceEntry."""

WORKLOAD_ENTRY: Final = Kind(
    "WorkloadEntry", ISTIO_NETWORKING, document_with_spec(WORKLOAD), suspicion=40
)
