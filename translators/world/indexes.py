"""The indexes by which inputs are found: hosts, labels, addresses.

Each files the objects of one kind under keys that are a pure function of the object alone. A query that looks one key
up depends on which objects are filed there, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import Index
from translators.kinds.destination_rule import DestinationRuleSpec
from translators.kinds.endpoint_slice import EndpointSliceSpec
from translators.kinds.node import NodeSpec
from translators.kinds.pod import PodSpec
from translators.kinds.service import ServiceSpec
from translators.kinds.service_entry import ServiceEntrySpec
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.kinds.workload_entry import WorkloadEntrySpec
from translators.model.config_object import ConfigObject
from translators.model.origin import Labels
from translators.world.exposure import EXPOSURE_INDEXES
from translators.world.inputs import as_config_object
from translators.world.shards import shard_of
from translators.world.visibility import MESH_GATEWAY, export_targets, is_wildcard

_NO_LABEL = ("", "")
"""Stands for a selector without labels, and is carried by everything."""

LabelKey = tuple[str, str, str]
"""(namespace, label, its value)."""


def selector_key(namespace: str, selector: Labels) -> LabelKey:
    """The one key under which everything that a selector may select is filed, and the selector itself."""
    label, value = min(selector, default=_NO_LABEL)
    return (namespace, label, value)


def label_keys(namespace: str, labels: Labels) -> tuple[LabelKey, ...]:
    """The keys of all selectors that might select these labels."""
    return tuple((namespace, label, value) for label, value in (_NO_LABEL, *labels))


def workload_labels(entry: ConfigObject[WorkloadEntrySpec]) -> Labels:
    """The labels of a WorkloadEntry: those of its spec, and of its metadata where the spec has none of that name."""
    if not entry.labels:
        return entry.spec.labels
    return frozenset({**dict(entry.labels), **dict(entry.spec.labels)}.items())


def _service_selectors(value: object) -> Iterable[LabelKey]:
    found = as_config_object(value, ServiceSpec)
    if found is None or not found.spec.selector:
        return ()
    return (selector_key(found.namespace, found.spec.selector),)


def _entry_hosts(value: object) -> Iterable[str]:
    found = as_config_object(value, ServiceEntrySpec)
    return () if found is None else found.spec.hosts


def _entry_selectors(value: object) -> Iterable[LabelKey]:
    found = as_config_object(value, ServiceEntrySpec)
    if found is None or found.spec.workload_selector is None:
        return ()
    return (selector_key(found.namespace, found.spec.workload_selector),)


def _entry_addresses(value: object) -> Iterable[str]:
    found = as_config_object(value, ServiceEntrySpec)
    return () if found is None else (endpoint.address for endpoint in found.spec.endpoints)


def _slice_services(value: object) -> Iterable[tuple[str, str]]:
    found = as_config_object(value, EndpointSliceSpec)
    return () if found is None else ((found.namespace, found.spec.service),)


def _slice_addresses(value: object) -> Iterable[str]:
    found = as_config_object(value, EndpointSliceSpec)
    if found is None:
        return ()
    return (address for endpoint in found.spec.endpoints for address in endpoint.addresses)


def _workload_labels(value: object) -> Iterable[LabelKey]:
    found = as_config_object(value, WorkloadEntrySpec)
    return () if found is None else label_keys(found.namespace, workload_labels(found))


def _workload_addresses(value: object) -> Iterable[str]:
    found = as_config_object(value, WorkloadEntrySpec)
    return () if found is None else (found.spec.address,)


def _pod_labels(value: object) -> Iterable[LabelKey]:
    found = as_config_object(value, PodSpec)
    return () if found is None else label_keys(found.namespace, found.labels)


def _pod_addresses(value: object) -> Iterable[str]:
    found = as_config_object(value, PodSpec)
    return () if found is None else found.spec.addresses


def _node_zones(value: object) -> Iterable[str]:
    found = as_config_object(value, NodeSpec)
    return () if found is None or not found.spec.locality.zone else (found.spec.locality.zone,)


def _rule_hosts(value: object) -> Iterable[str]:
    found = as_config_object(value, DestinationRuleSpec)
    return () if found is None else (found.spec.host,)


def _rule_wildcards(value: object) -> Iterable[str]:
    return filter(is_wildcard, _rule_hosts(value))


def _rule_selectors(value: object) -> Iterable[LabelKey]:
    found = as_config_object(value, DestinationRuleSpec)
    if found is None:
        return ()
    selector = found.spec.workload_selector or frozenset()
    return ((found.namespace, label, value) for label, value in selector)


def _meshed(value: object) -> ConfigObject[VirtualServiceSpec] | None:
    found = as_config_object(value, VirtualServiceSpec)
    return found if found is not None and MESH_GATEWAY in found.spec.gateways else None


def _virtual_service_hosts(value: object) -> Iterable[str]:
    found = _meshed(value)
    return () if found is None else found.spec.hosts


def _virtual_service_wildcards(value: object) -> Iterable[str]:
    return filter(is_wildcard, _virtual_service_hosts(value))


def _virtual_service_exports(value: object) -> Iterable[tuple[int, str, str]]:
    found = _meshed(value)
    if found is None:
        return ()
    targets = export_targets(found.spec.export_to, found.namespace)
    return ((shard_of(host), target, host) for target in targets for host in found.spec.hosts)


def _source_labels(value: object) -> Iterable[tuple[str, str]]:
    found = _meshed(value)
    if found is None:
        return
    for http in found.spec.http:
        for match in http.match:
            yield from match.source_labels
    for route in (*found.spec.tls, *found.spec.tcp):
        for l4_match in route.match:
            yield from l4_match.source_labels


SERVICE_SELECTORS = Index("services by selector", "Service", _service_selectors)
ENTRY_HOSTS = Index("service entries by host", "ServiceEntry", _entry_hosts)
ENTRY_SELECTORS = Index("service entries by workload selector", "ServiceEntry", _entry_selectors)
ENTRY_ADDRESSES = Index("service entries by endpoint address", "ServiceEntry", _entry_addresses)
SLICE_SERVICES = Index("endpoint slices by service", "EndpointSlice", _slice_services)
SLICE_ADDRESSES = Index("endpoint slices by address", "EndpointSlice", _slice_addresses)
WORKLOAD_LABELS = Index("workload entries by label", "WorkloadEntry", _workload_labels)
WORKLOAD_ADDRESSES = Index("workload entries by address", "WorkloadEntry", _workload_addresses)
POD_LABELS = Index("pods by label", "Pod", _pod_labels)
POD_ADDRESSES = Index("pods by address", "Pod", _pod_addresses)
NODE_ZONES = Index("nodes by zone", "Node", _node_zones)
RULE_HOSTS = Index("destination rules by host", "DestinationRule", _rule_hosts)
RULE_WILDCARDS = Index("destination rules for wildcard hosts", "DestinationRule", _rule_wildcards)
RULE_SELECTORS = Index("destination rules by selected label", "DestinationRule", _rule_selectors)
VIRTUAL_SERVICE_HOSTS = Index("virtual services by host", "VirtualService", _virtual_service_hosts)
VIRTUAL_SERVICE_WILDCARDS = Index(
    "virtual services for wildcard hosts", "VirtualService", _virtual_service_wildcards
)
VIRTUAL_SERVICE_EXPORTS = Index(
    "virtual services by namespace they are exported to",
    "VirtualService",
    _virtual_service_exports,
    is_grouped=True,
)
SOURCE_LABELS = Index("virtual services by source label", "VirtualService", _source_labels)

INDEXES: tuple[Index, ...] = (
    SERVICE_SELECTORS,
    ENTRY_HOSTS,
    ENTRY_SELECTORS,
    ENTRY_ADDRESSES,
    SLICE_SERVICES,
    SLICE_ADDRESSES,
    WORKLOAD_LABELS,
    WORKLOAD_ADDRESSES,
    POD_LABELS,
    POD_ADDRESSES,
    NODE_ZONES,
    RULE_HOSTS,
    RULE_WILDCARDS,
    RULE_SELECTORS,
    VIRTUAL_SERVICE_HOSTS,
    VIRTUAL_SERVICE_WILDCARDS,
    VIRTUAL_SERVICE_EXPORTS,
    SOURCE_LABELS,
    *EXPOSURE_INDEXES,
)
"""All indexes; the database is made with them."""
