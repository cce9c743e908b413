"""`v1 Namespace`: its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from translators.kinds.schema.kind import CORE, Kind, document
from translators.kinds.schema.record import ignored


@dataclass(frozen=True, slots=True)
class NamespaceSpec:
    """Nothing of the spec is read; the labels are on the object."""


NAMESPACE: Final = Kind(
    "Namespace",
    CORE,
    document(
        NamespaceSpec,
        {
            "spec": ignored("only finalizers of the API server"),
            "status": ignored("what controllers report, not what is asked for"),
        },
    ),
    suspicion=80,
    is_namespaced=False,
    has_label_names=True,
)
