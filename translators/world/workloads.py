"""The services that a workload serves, found from its addresses.

Its cost grows with its own services only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from translators.database import Index, Reader, query
from translators.kinds.endpoint_slice import ENDPOINT_SLICE, EndpointSliceSpec
from translators.kinds.pod import POD, PodSpec
from translators.kinds.service import SERVICE, ServiceSpec
from translators.kinds.service_entry import SERVICE_ENTRY, ServiceEntrySpec
from translators.kinds.workload_entry import WORKLOAD_ENTRY, WorkloadEntrySpec
from translators.model.origin import Labels
from translators.model.service import Service, ServicePort
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey
from translators.world.inputs import as_config_object, objects
from translators.world.selectors import LabelKey, label_keys, selector_key, workload_labels
from translators.world.services import hosts_of, service_of


def _service_selectors(value: object) -> Iterable[LabelKey]:
    service = as_config_object(value, ServiceSpec)
    if service is None or not service.spec.selector:
        return ()
    return (selector_key(service.namespace, service.spec.selector),)


def _entry_selectors(value: object) -> Iterable[LabelKey]:
    entry = as_config_object(value, ServiceEntrySpec)
    if entry is None or entry.spec.workload_selector is None:
        return ()
    return (selector_key(entry.namespace, entry.spec.workload_selector),)


def _entry_addresses(value: object) -> Iterable[str]:
    entry = as_config_object(value, ServiceEntrySpec)
    return () if entry is None else (endpoint.address for endpoint in entry.spec.endpoints)


def _slice_addresses(value: object) -> Iterable[str]:
    endpoint_slice = as_config_object(value, EndpointSliceSpec)
    if endpoint_slice is None:
        return ()
    return (address for endpoint in endpoint_slice.spec.endpoints for address in endpoint.addresses)


def _workload_addresses(value: object) -> Iterable[str]:
    entry = as_config_object(value, WorkloadEntrySpec)
    return () if entry is None else (entry.spec.address,)


def _pod_addresses(value: object) -> Iterable[str]:
    pod = as_config_object(value, PodSpec)
    return () if pod is None else pod.spec.addresses


SERVICE_SELECTORS = Index("services by selector", SERVICE.name, _service_selectors)
ENTRY_SELECTORS = Index(
    "service entries by workload selector", SERVICE_ENTRY.name, _entry_selectors
)
ENTRY_ADDRESSES = Index("service entries by endpoint address", SERVICE_ENTRY.name, _entry_addresses)
SLICE_ADDRESSES = Index("endpoint slices by address", ENDPOINT_SLICE.name, _slice_addresses)
WORKLOAD_ADDRESSES = Index("workload entries by address", WORKLOAD_ENTRY.name, _workload_addresses)
POD_ADDRESSES = Index("pods by address", POD.name, _pod_addresses)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one object says about an address: that it serves the service of `source`.

    `numbers` are port numbers of the workload by the names of the service's ports. When they are
    `complete`, the workload serves no other ports; else any other is where the service says.
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

    Sorted by target port, then by the service's age of description: Kubernetes services first, then
    by host and port; each service's port once for a target port. May be empty.
    """
    served: dict[tuple[str, str, int, int], WorkloadPort] = {}
    for address in addresses:
        for claim in (*_claims(db, address), *_pod_claims(db, address)):
            for service in _services(db, claim.source):
                for port in service.ports:
                    target = _target(port, claim)
                    if target:
                        key = (service.hostname, service.namespace, port.number, target)
                        served.setdefault(key, WorkloadPort(service, port, target))
    return tuple(sorted(served.values(), key=_order))


def served_ports(
    db: Reader, addresses: tuple[str, ...], namespace: str, labels: Labels
) -> tuple[WorkloadPort, ...]:
    """The service ports that a workload serves.

    Where it is an endpoint, and where its labels say that it will be one.

    The second makes a sidecar ready before its first client hears of it, and keeps it open until
    the last one has forgotten it. Where both speak of a service, the endpoint is right. Sorted as
    `workload_ports`.
    """
    served = workload_ports.last_good(db, addresses) or ()
    known = {port.service.source for port in served}
    chosen = [
        port
        for port in _chosen_ports.last_good(db, namespace, labels) or ()
        if port.service.source not in known
    ]
    return tuple(sorted((*served, *chosen), key=_order)) if chosen else served


@query
def _chosen_ports(db: Reader, namespace: str, labels: Labels) -> tuple[WorkloadPort, ...]:
    """The ports of the services that select these labels.

    Not those whose target port is known to a pod only.
    """
    chosen = {}
    for source in _selecting(db, namespace, labels):
        for service in _services(db, source):
            for port in service.ports:
                if isinstance(port.target_port, int):
                    target = port.target_port or port.number
                    key = (service.hostname, service.namespace, port.number)
                    chosen[key] = WorkloadPort(service, port, target)
    return tuple(sorted(chosen.values(), key=_order))


def _order(served: WorkloadPort) -> tuple[int, bool, str, str, int]:
    owner = served.service
    return (
        served.target_port,
        not owner.is_kubernetes,
        owner.hostname,
        owner.namespace,
        served.port.number,
    )


def _target(port: ServicePort, claim: Claim) -> int:
    """The workload's port: as the endpoint says, else as the service does.

    0 when it does not serve this one.
    """
    for name, number in claim.numbers:
        if name == port.name:
            return number
    if claim.complete:
        return 0
    return (
        port.target_port if isinstance(port.target_port, int) and port.target_port else port.number
    )


def _services(db: Reader, source: ObjectKey) -> Iterator[Service]:
    """The services of an object as its own namespace sees them.

    If others have not taken their names.
    """
    for host in hosts_of(db, source):
        service = service_of(db, host, Viewer(source.namespace))
        if service is not None and service.source == source:
            yield service


@query
def _claims(db: Reader, address: str) -> tuple[Claim, ...]:
    """What slices, service entries and workload entries say about an address.

    It does not change when others of their endpoints do.
    """
    claims: list[Claim] = []
    for endpoint_slice in objects(db, db.lookup(SLICE_ADDRESSES, address), EndpointSliceSpec):
        numbers = tuple((port.name, port.number) for port in endpoint_slice.spec.ports)
        claims.append(
            Claim(
                ObjectKey(SERVICE.name, endpoint_slice.namespace, endpoint_slice.spec.service),
                numbers,
                True,
            )
        )
    for entry in objects(db, db.lookup(ENTRY_ADDRESSES, address), ServiceEntrySpec):
        if entry.spec.workload_selector is None:
            here = (endpoint for endpoint in entry.spec.endpoints if endpoint.address == address)
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
        claims += (Claim(key, ()) for key in keys if key.kind == SERVICE_ENTRY.name)
    return tuple(claims)


def _selecting(db: Reader, namespace: str, labels: Labels) -> Iterator[ObjectKey]:
    """The services and service entries of a namespace whose selector selects these labels."""
    for label in sorted(label_keys(namespace, labels)):
        for service in objects(db, db.lookup(SERVICE_SELECTORS, label), ServiceSpec):
            if service.spec.selector <= labels:
                yield service.key
        for entry in objects(db, db.lookup(ENTRY_SELECTORS, label), ServiceEntrySpec):
            selector = entry.spec.workload_selector
            if selector is not None and selector <= labels:
                yield entry.key
