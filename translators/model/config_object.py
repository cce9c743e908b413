"""A parsed configuration object as the database holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from translators.model.origin import Labels
from translators.object_key import ObjectKey

S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True, slots=True)
class ConfigObject(Generic[S_co]):
    """One object of an accepted kind: what Kubernetes calls metadata, and the kind's typed spec.

    Where it was written is not part of it: moving a document in its file changes no translation.
    `created` is the creationTimestamp as written (RFC 3339, so text order is time order), empty
    when there is none.
    """

    kind: str
    namespace: str
    name: str
    spec: S_co
    labels: Labels = frozenset()
    annotations: Labels = frozenset()
    created: str = ""

    @property
    def key(self) -> ObjectKey:
        """The name under which the database holds it."""
        return ObjectKey(self.kind, self.namespace, self.name)

    @property
    def age(self) -> tuple[str, str, str]:
        """Sorts older objects first, then by name and namespace (Istio's tie-break)."""
        return (self.created or "9999", self.name, self.namespace)
