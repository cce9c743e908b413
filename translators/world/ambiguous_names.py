"""Host names that might be taken for a further name of another host.

Such as `reviews.default` or an IP address.

They belong to the host that has them in full. There are few such names in any mesh, and the indexes
hold only these, so that nothing is asked again when ordinary hosts come and go.
"""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import Index, Reader, query
from translators.kinds.service_entry import SERVICE_ENTRY, ServiceEntrySpec
from translators.kinds.virtual_service import VIRTUAL_SERVICE, VirtualServiceSpec
from translators.model.viewer import Viewer
from translators.names import SERVICE_SUFFIX
from translators.world.inputs import as_config_object, index_pairs
from translators.world.visibility import EVERYONE, MESH_GATEWAY, export_targets


def is_ambiguous(host: str) -> bool:
    """Whether a host's full name has the shape of a further name of some host."""
    if host.endswith(SERVICE_SUFFIX) or host.startswith("*"):
        return False
    labels = host.count(".") + 1
    if labels <= 2 or (labels == 3 and host.endswith(".svc")):
        return True
    return host.endswith(".") or ":" in host or host.replace(".", "").isdigit()


def _entry_names(value: object) -> Iterable[tuple[str, str]]:
    entry = as_config_object(value, ServiceEntrySpec)
    if entry is None:
        return ()
    hosts = filter(is_ambiguous, entry.spec.hosts)
    targets = export_targets(entry.spec.export_to, entry.namespace)
    return [(target, host) for host in hosts for target in targets]


def _virtual_service_names(value: object) -> Iterable[tuple[str, str]]:
    virtual_service = as_config_object(value, VirtualServiceSpec)
    if virtual_service is None or MESH_GATEWAY not in virtual_service.spec.gateways:
        return ()
    hosts = filter(is_ambiguous, virtual_service.spec.hosts)
    targets = export_targets(virtual_service.spec.export_to, virtual_service.namespace)
    return [(target, host) for host in hosts for target in targets]


AMBIGUOUS_ENTRIES = Index("service entries by ambiguous host", SERVICE_ENTRY.name, _entry_names)
AMBIGUOUS_VIRTUAL_SERVICES = Index(
    "virtual services by ambiguous host", VIRTUAL_SERVICE.name, _virtual_service_names
)


@query
def ambiguous_names(db: Reader, viewer: Viewer) -> frozenset[str]:
    """The ambiguous host names that a client sees; they are no other host's further name.

    Nearly always empty.
    """
    return frozenset(
        host
        for index in (AMBIGUOUS_ENTRIES, AMBIGUOUS_VIRTUAL_SERVICES)
        for target, host in index_pairs(db, index)
        if target in (EVERYONE, viewer.namespace)
    )
