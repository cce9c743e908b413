"""Virtual IPs: which hosts have one, and which of them share it."""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import Index, Reader, query
from translators.kinds.service import ServiceSpec
from translators.kinds.service_entry import ServiceEntrySpec
from translators.model.viewer import Viewer
from translators.names import service_host
from translators.world.ages import source_age
from translators.world.inputs import as_config_object
from translators.world.services import hosts_of, service


def _service_addresses(value: object) -> Iterable[str]:
    found = as_config_object(value, ServiceSpec)
    return () if found is None else found.spec.addresses


def _entry_addresses(value: object) -> Iterable[str]:
    found = as_config_object(value, ServiceEntrySpec)
    return () if found is None else found.spec.addresses


def _twin_addresses(value: object) -> Iterable[str]:
    found = as_config_object(value, ServiceEntrySpec)
    return () if found is None or len(found.spec.hosts) < 2 else found.spec.addresses


SERVICE_ADDRESSES = Index("services by virtual IP", "Service", _service_addresses)
ENTRY_VIRTUAL_IPS = Index("service entries by virtual IP", "ServiceEntry", _entry_addresses)
TWIN_VIRTUAL_IPS = Index(
    "service entries with several hosts by virtual IP", "ServiceEntry", _twin_addresses
)


def is_shared(db: Reader, address: str) -> bool:
    """Whether a virtual IP has, for anyone, more than one host."""
    sources = db.lookup(SERVICE_ADDRESSES, address) + db.lookup(ENTRY_VIRTUAL_IPS, address)
    return len(sources) > 1 or bool(db.lookup(TWIN_VIRTUAL_IPS, address))


def hosts_at(db: Reader, viewer: Viewer, address: str) -> tuple[str, ...]:
    """The hosts with a virtual IP, oldest service first; hosts that the client does not see may be among them."""
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
            found = service(db, host, viewer)
            if found is not None and found.source == source:
                claims.append((source_age(db, source), host))
    return tuple(host for _, host in sorted(claims))
