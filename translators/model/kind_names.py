"""The names of the configuration kinds that are accepted, as an `ObjectKey` has them.

They stand below the kinds, so that who only asks for an object's kind needs none of their schemas.
"""

from __future__ import annotations

from typing import Final

DESTINATION_RULE: Final = "DestinationRule"
ENDPOINT_SLICE: Final = "EndpointSlice"
NAMESPACE: Final = "Namespace"
NODE: Final = "Node"
POD: Final = "Pod"
SERVICE: Final = "Service"
SERVICE_ENTRY: Final = "ServiceEntry"
VIRTUAL_SERVICE: Final = "VirtualService"
WORKLOAD_ENTRY: Final = "WorkloadEntry"
