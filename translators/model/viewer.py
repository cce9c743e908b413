"""Who looks: what decides which services and rules a client sees."""

from __future__ import annotations

from typing import NamedTuple


class Viewer(NamedTuple):
    """The sight of a client; clients with equal viewers see the same services and rules.

    A tuple, since queries are keyed by it.

    Attributes:
        namespace: The client's own namespace.
        sidecar: The name of the Sidecar object that narrows its sight; empty when none does.
    """

    namespace: str
    sidecar: str = ""
