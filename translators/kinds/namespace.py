"""``v1 Namespace``: its labels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamespaceSpec:
    """Nothing of the spec is read; the labels are on the object."""
