"""``networking.istio.io WorkloadEntry``: one workload outside Kubernetes."""

from __future__ import annotations

from dataclasses import dataclass

from translators.model.locality import NOWHERE, Locality
from translators.model.origin import Labels


@dataclass(frozen=True, slots=True)
class WorkloadEntrySpec:
    """Where one workload is; also the shape of an endpoint written inside a ServiceEntry.

    ``address`` is an IP, a DNS name or ``unix://path``. ``ports`` maps a service port's name to the workload's port number, sorted
    by name. ``labels`` are spec.labels. ``weight`` 0 means not given (1).
    """

    address: str
    ports: tuple[tuple[str, int], ...] = ()
    labels: Labels = frozenset()
    locality: Locality = NOWHERE
    weight: int = 0
    service_account: str = ""
