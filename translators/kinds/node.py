"""``v1 Node``: the place of everything that runs on it."""

from __future__ import annotations

from dataclasses import dataclass

from translators.model.locality import NOWHERE, Locality


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """Region, zone and sub-zone from the well-known topology labels."""

    locality: Locality = NOWHERE
