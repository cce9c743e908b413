"""Host names that might be taken for a further name of another host, such as `reviews.default` or an IP address.

They belong to the host that has them in full. There are few such names in any mesh, and the indexes hold only these, so
that nothing is asked again when ordinary hosts come and go.
"""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import Index, Reader, query
from translators.kinds.service_entry import ServiceEntrySpec
from translators.kinds.virtual_service import VirtualServiceSpec
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
    found = as_config_object(value, ServiceEntrySpec)
    if found is None:
        return ()
    hosts = filter(is_ambiguous, found.spec.hosts)
    targets = export_targets(found.spec.export_to, found.namespace)
    return [(target, host) for host in hosts for target in targets]


def _virtual_service_names(value: object) -> Iterable[tuple[str, str]]:
    found = as_config_object(value, VirtualServiceSpec)
    if found is None or MESH_GATEWAY not in found.spec.gateways:
        return ()
    hosts = filter(is_ambiguous, found.spec.hosts)
    targets = export_targets(found.spec.export_to, found.namespace)
    return [(target, host) for host in hosts for target in targets]


AMBIGUOUS_ENTRIES = Index("service entries by ambiguous host", "ServiceEntry", _entry_names)
AMBIGUOUS_VIRTUAL_SERVICES = Index(
    "virtual services by ambiguous host", "VirtualService", _virtual_service_names
)


@query
def ambiguous_names(db: Reader, viewer: Viewer) -> frozenset[str]:
    """The ambiguous host names that a client sees; they are no other host's further name. Nearly always empty."""
    return frozenset(
        host
        for index in (AMBIGUOUS_ENTRIES, AMBIGUOUS_VIRTUAL_SERVICES)
        for target, host in index_pairs(db, index)
        if target in (EVERYONE, viewer.namespace)
    )
