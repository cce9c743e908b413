"""The instances of services.

From endpoint slices, service entries, and the workloads and pods that these select.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from translators.database import Index, Reader, query
from translators.kinds.endpoint_slice import ENDPOINT_SLICE, EndpointSliceSpec, SliceEndpoint
from translators.kinds.pod import POD, PodSpec
from translators.kinds.service import SERVICE, KubernetesPort, ServiceSpec
from translators.kinds.service_entry import EntryPort, ServiceEntrySpec
from translators.kinds.workload_entry import WORKLOAD_ENTRY, WorkloadEntrySpec
from translators.model.config_object import ConfigObject
from translators.model.locality import NOWHERE, Locality
from translators.model.origin import Labels
from translators.model.service import BY_DNS, Endpoint, Health
from translators.object_key import ObjectKey
from translators.world.inputs import as_config_object, config_object, objects
from translators.world.localities import node_locality, pod_locality, zone_locality
from translators.world.selectors import LabelKey, label_keys, selector_key, workload_labels

_NO_LABELS: Labels = frozenset()


def _slice_services(value: object) -> Iterable[tuple[str, str]]:
    endpoint_slice = as_config_object(value, EndpointSliceSpec)
    return (
        () if endpoint_slice is None else ((endpoint_slice.namespace, endpoint_slice.spec.service),)
    )


def _workload_labels(value: object) -> Iterable[LabelKey]:
    entry = as_config_object(value, WorkloadEntrySpec)
    if entry is None or not entry.spec.address:
        return ()
    return label_keys(entry.namespace, workload_labels(entry))


def _pod_labels(value: object) -> Iterable[LabelKey]:
    pod = as_config_object(value, PodSpec)
    return () if pod is None else label_keys(pod.namespace, pod.labels)


SLICE_SERVICES = Index("endpoint slices by service", ENDPOINT_SLICE.name, _slice_services)
WORKLOAD_LABELS = Index("workload entries by label", WORKLOAD_ENTRY.name, _workload_labels)
POD_LABELS = Index("pods by label", POD.name, _pod_labels)


@query
def service_endpoints(db: Reader, source: ObjectKey, host: str, port: int) -> tuple[Endpoint, ...]:
    """The endpoints of a port (by its service port number) of the service that `source` describes.

    In the order of the objects' keys and of what is written in them; an address and port is listed
    once, as it comes first. May be empty. An external name, and a service entry resolved by DNS
    that lists no endpoints, has its host name as its one endpoint.
    """
    origin = _kubernetes_endpoints if source.kind == SERVICE.name else _entry_endpoints
    endpoints = tuple(origin(db, source, host, port))
    if len({endpoint[:2] for endpoint in endpoints}) == len(endpoints):
        return endpoints
    first: dict[tuple[str, int], Endpoint] = {}
    for endpoint in endpoints:
        first.setdefault((endpoint.address, endpoint.port), endpoint)
    return tuple(first.values())


def _kubernetes_endpoints(
    db: Reader, source: ObjectKey, _host: str, number: int
) -> Iterator[Endpoint]:
    service = config_object(db, source, ServiceSpec)
    if service is None:
        return
    port = next((port for port in service.spec.ports if port.number == number), None)
    if port is None:
        return
    if service.spec.external_name:
        yield Endpoint(service.spec.external_name, _number(port))
        return
    namespace, publish_not_ready = service.namespace, service.spec.publish_not_ready
    for endpoint_slice in objects(
        db, db.lookup(SLICE_SERVICES, (namespace, service.name)), EndpointSliceSpec
    ):
        target = next((own.number for own in endpoint_slice.spec.ports if own.name == port.name), 0)
        if not target:
            continue
        for instance in endpoint_slice.spec.endpoints:
            labels, locality = _slice_place(db, namespace, instance)
            health = _slice_health(instance, publish_not_ready)
            yield Endpoint(instance.addresses[0], target, labels, locality, 1, health)
    if service.spec.selector:
        for entry in selected_workload_entries(db, namespace, service.spec.selector):
            yield _workload(entry.spec, workload_labels(entry), port.name, _number(port))


def _number(port: KubernetesPort) -> int:
    return (
        port.target_port if isinstance(port.target_port, int) and port.target_port else port.number
    )


def _slice_place(db: Reader, namespace: str, instance: SliceEndpoint) -> tuple[Labels, Locality]:
    """Labels and locality: the pod knows best, then the node, then the slice's own zone."""
    labels, locality = _NO_LABELS, NOWHERE
    if instance.pod:
        pod = config_object(db, ObjectKey(POD.name, namespace, instance.pod), PodSpec)
        if pod is not None:
            labels, locality = pod.labels, pod_locality(db, pod)
    if locality == NOWHERE and instance.node_name:
        locality = node_locality(db, instance.node_name)
    if locality == NOWHERE and instance.zone:
        locality = zone_locality(db, instance.zone)
    return labels, locality


def _slice_health(instance: SliceEndpoint, publish_not_ready: bool) -> Health:
    """Not ready is unhealthy.

    Terminating, but still serving, is draining: known to Envoy, and sent nothing new.
    """
    if instance.ready or publish_not_ready:
        return Health.HEALTHY
    return Health.DRAINING if instance.terminating and instance.serving else Health.UNHEALTHY


def _entry_endpoints(db: Reader, source: ObjectKey, host: str, number: int) -> Iterable[Endpoint]:
    entry = config_object(db, source, ServiceEntrySpec)
    if entry is None:
        return ()
    spec = entry.spec
    port = next((port for port in spec.ports if port.number == number), None)
    if port is None:
        return ()
    if spec.workload_selector is not None:
        return _selected(db, entry.namespace, spec.workload_selector, port)
    default, name = port.target_port or port.number, port.name
    if spec.endpoints:
        return [_workload(instance, instance.labels, name, default) for instance in spec.endpoints]
    return (Endpoint(host, default),) if spec.resolution in BY_DNS else ()


def _selected(db: Reader, namespace: str, selector: Labels, port: EntryPort) -> Iterator[Endpoint]:
    default = port.target_port or port.number
    for entry in selected_workload_entries(db, namespace, selector):
        yield _workload(entry.spec, workload_labels(entry), port.name, default)
    for pod in selected_pods(db, namespace, selector):
        if pod.spec.addresses:
            yield Endpoint(pod.spec.addresses[0], default, pod.labels, pod_locality(db, pod))


def _workload(spec: WorkloadEntrySpec, labels: Labels, name: str, default: int) -> Endpoint:
    number = default
    if spec.ports:
        number = next((own for port, own in spec.ports if port == name), default)
    return Endpoint(spec.address, number, labels, spec.locality, spec.weight or 1, Health.HEALTHY)


def selected_workload_entries(
    db: Reader, namespace: str, selector: Labels
) -> Iterator[ConfigObject[WorkloadEntrySpec]]:
    """The workload entries of a namespace that a selector selects, by name."""
    keys = db.lookup(WORKLOAD_LABELS, selector_key(namespace, selector))
    for entry in objects(db, keys, WorkloadEntrySpec):
        if selector <= workload_labels(entry):
            yield entry


def selected_pods(db: Reader, namespace: str, selector: Labels) -> Iterator[ConfigObject[PodSpec]]:
    """The pods of a namespace that a selector selects, by name."""
    for pod in objects(db, db.lookup(POD_LABELS, selector_key(namespace, selector)), PodSpec):
        if selector <= pod.labels:
            yield pod
