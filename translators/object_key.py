"""The name of a configuration object.

What the database keys inputs by, and problems are told of.
"""

from __future__ import annotations

from typing import NamedTuple


class ObjectKey(NamedTuple):
    """Which object: its kind, namespace and name, in one Kubernetes cluster.

    A tuple, since it is hashed and compared everywhere; it sorts by kind, namespace and name.

    Attributes:
        kind: The kind's short name, e.g. `VirtualService`.
        namespace: Its namespace; empty for kinds that have none.
        name: Its name.
        cluster: The Kubernetes cluster that it comes from; empty is the local one.
    """

    kind: str
    namespace: str
    name: str
    cluster: str = ""

    def __str__(self) -> str:
        """Give `Kind namespace/name`, or `Kind name` where there is no namespace."""
        if not self.namespace:
            return f"{self.kind} {self.name}"
        return f"{self.kind} {self.namespace}/{self.name}"
