"""Virtual IPs: which hosts have one, and which of them share it."""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import Index, Reader, query
from translators.kinds.service import SERVICE, ServiceSpec
from translators.kinds.service_entry import SERVICE_ENTRY, ServiceEntrySpec
from translators.model.viewer import Viewer
from translators.names import service_host
from translators.world.ages import age_of
from translators.world.inputs import as_config_object
from translators.world.services import hosts_of, service_of


def _service_addresses(value: object) -> Iterable[str]:
    service = as_config_object(value, ServiceSpec)
    return () if service is None else service.spec.addresses


def _entry_addresses(value: object) -> Iterable[str]:
    entry = as_config_object(value, ServiceEntrySpec)
    return () if entry is None else entry.spec.addresses


def _twin_addresses(value: object) -> Iterable[str]:
    entry = as_config_object(value, ServiceEntrySpec)
    return () if entry is None or len(entry.spec.hosts) < 2 else entry.spec.addresses


SERVICE_ADDRESSES = Index("services by virtual IP", SERVICE.name, _service_addresses)
ENTRY_VIRTUAL_IPS = Index("service entries by virtual IP", SERVICE_ENTRY.name, _entry_addresses)
TWIN_VIRTUAL_IPS = Index(
    "service entries with several hosts by virtual IP", SERVICE_ENTRY.name, _twin_addresses
)


def is_shared(db: Reader, address: str) -> bool:
    """Whether a virtual IP has, for anyone, more than one host."""
    sources = db.lookup(SERVICE_ADDRESSES, address) + db.lookup(ENTRY_VIRTUAL_IPS, address)
    return len(sources) > 1 or bool(db.lookup(TWIN_VIRTUAL_IPS, address))


def hosts_at(db: Reader, viewer: Viewer, address: str) -> tuple[str, ...]:
    """The hosts with a virtual IP, oldest service first.

    Hosts that the client does not see may be among them.
    """
    services = db.lookup(SERVICE_ADDRESSES, address)
    if len(services) == 1 and not db.lookup(ENTRY_VIRTUAL_IPS, address):
        return (service_host(services[0].name, services[0].namespace),)
    return address_claimants(db, viewer, address)


@query
def address_claimants(db: Reader, viewer: Viewer, address: str) -> tuple[str, ...]:
    """The hosts with a virtual IP that a client sees, oldest service first."""
    claims: list[tuple[tuple[str, str, str], str]] = []
    for source in db.lookup(SERVICE_ADDRESSES, address) + db.lookup(ENTRY_VIRTUAL_IPS, address):
        for host in hosts_of(db, source):
            service = service_of(db, host, viewer)
            if service is not None and service.source == source:
                claims.append((age_of(db, source), host))
    return tuple(host for _, host in sorted(claims))
