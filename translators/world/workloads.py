"""The services that a workload serves, found from its addresses: its cost grows with its own services only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from translators.database import Reader, query
from translators.kinds.endpoint_slice import EndpointSliceSpec
from translators.kinds.pod import PodSpec
from translators.kinds.service import ServiceSpec
from translators.kinds.service_entry import ServiceEntrySpec
from translators.kinds.workload_entry import WorkloadEntrySpec
from translators.model.origin import Labels
from translators.model.service import Service, ServicePort
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey
from translators.world.indexes import (
    ENTRY_ADDRESSES,
    ENTRY_SELECTORS,
    POD_ADDRESSES,
    SERVICE_SELECTORS,
    SLICE_ADDRESSES,
    WORKLOAD_ADDRESSES,
    label_keys,
    workload_labels,
)
from translators.world.inputs import objects
from translators.world.services import hosts_of, service


@dataclass(frozen=True, slots=True)
class Claim:
    """What one object says about an address: that it serves the service of `source`.

    `numbers` are port numbers of the workload by the names of the service's ports. When they are `complete`, the
    workload serves no other ports; else any other is where the service says.
    """

    source: ObjectKey
    numbers: tuple[tuple[str, int], ...]
    complete: bool = False


@dataclass(frozen=True, slots=True)
class WorkloadPort:
    """A service's port, served by a workload at `target_port`."""

    service: Service
    port: ServicePort
    target_port: int


@query
def workload_ports(db: Reader, addresses: tuple[str, ...]) -> tuple[WorkloadPort, ...]:
    """The service ports that have an endpoint at one of these addresses.

    Sorted by target port, then by the service's age of description: Kubernetes services first, then by host and port;
    each service's port once for a target port. May be empty.
    """
    found: dict[tuple[str, str, int, int], WorkloadPort] = {}
    for address in addresses:
        for claim in (*_claims(db, address), *_pod_claims(db, address)):
            for one in _services(db, claim.source):
                for port in one.ports:
                    target = _target(port, claim)
                    if target:
                        key = (one.hostname, one.namespace, port.number, target)
                        found.setdefault(key, WorkloadPort(one, port, target))
    return tuple(sorted(found.values(), key=_order))


def served_ports(
    db: Reader, addresses: tuple[str, ...], namespace: str, labels: Labels
) -> tuple[WorkloadPort, ...]:
    """The service ports that a workload serves: where it is an endpoint, and where its labels say that it will be one.

    The second makes a sidecar ready before its first client hears of it, and keeps it open until the last one has
    forgotten it. Where both speak of a service, the endpoint is right. Sorted as `workload_ports`.
    """
    found = workload_ports(db, addresses)
    known = {one.service.source for one in found}
    chosen = [
        one for one in _chosen_ports(db, namespace, labels) if one.service.source not in known
    ]
    return tuple(sorted((*found, *chosen), key=_order)) if chosen else found


@query
def _chosen_ports(db: Reader, namespace: str, labels: Labels) -> tuple[WorkloadPort, ...]:
    """The ports of the services that select these labels; not those whose target port is known to a pod only."""
    found = {}
    for source in _selecting(db, namespace, labels):
        for one in _services(db, source):
            for port in one.ports:
                if isinstance(port.target_port, int):
                    target = port.target_port or port.number
                    key = (one.hostname, one.namespace, port.number)
                    found[key] = WorkloadPort(one, port, target)
    return tuple(sorted(found.values(), key=_order))


def _order(one: WorkloadPort) -> tuple[int, bool, str, str, int]:
    owner = one.service
    return (
        one.target_port,
        not owner.is_kubernetes,
        owner.hostname,
        owner.namespace,
        one.port.number,
    )


def _target(port: ServicePort, claim: Claim) -> int:
    """The workload's port: as the endpoint says, else as the service does; 0 when it does not serve this one."""
    for name, number in claim.numbers:
        if name == port.name:
            return number
    if claim.complete:
        return 0
    return (
        port.target_port if isinstance(port.target_port, int) and port.target_port else port.number
    )


def _services(db: Reader, source: ObjectKey) -> Iterator[Service]:
    """The services of an object as its own namespace sees them, if others have not taken their names."""
    for host in hosts_of(db, source):
        found = service(db, host, Viewer(source.namespace))
        if found is not None and found.source == source:
            yield found


@query
def _claims(db: Reader, address: str) -> tuple[Claim, ...]:
    """What slices, service entries and workload entries say about an address.

    It does not change when others of their endpoints do.
    """
    claims: list[Claim] = []
    for found in objects(db, db.lookup(SLICE_ADDRESSES, address), EndpointSliceSpec):
        numbers = tuple((port.name, port.number) for port in found.spec.ports)
        claims.append(
            Claim(ObjectKey("Service", found.namespace, found.spec.service), numbers, True)
        )
    for entry in objects(db, db.lookup(ENTRY_ADDRESSES, address), ServiceEntrySpec):
        if entry.spec.workload_selector is None:
            here = (one for one in entry.spec.endpoints if one.address == address)
            claims += (Claim(entry.key, endpoint.ports) for endpoint in here)
    for workload in objects(db, db.lookup(WORKLOAD_ADDRESSES, address), WorkloadEntrySpec):
        labels, ports = workload_labels(workload), workload.spec.ports
        claims += (Claim(key, ports) for key in _selecting(db, workload.namespace, labels))
    return tuple(claims)


@query
def _pod_claims(db: Reader, address: str) -> tuple[Claim, ...]:
    """The service entries that select the pod with this address."""
    claims: list[Claim] = []
    for pod in objects(db, db.lookup(POD_ADDRESSES, address), PodSpec):
        keys = _selecting(db, pod.namespace, pod.labels)
        claims += (Claim(key, ()) for key in keys if key.kind == "ServiceEntry")
    return tuple(claims)


def _selecting(db: Reader, namespace: str, labels: Labels) -> Iterator[ObjectKey]:
    """The services and service entries of a namespace whose selector selects these labels."""
    for label in sorted(label_keys(namespace, labels)):
        for service_found in objects(db, db.lookup(SERVICE_SELECTORS, label), ServiceSpec):
            if service_found.spec.selector <= labels:
                yield service_found.key
        for entry in objects(db, db.lookup(ENTRY_SELECTORS, label), ServiceEntrySpec):
            selector = entry.spec.workload_selector
            if selector is not None and selector <= labels:
                yield entry.key
