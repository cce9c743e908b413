"""All indexes by which inputs are found; each stands with the query that asks it.

An index files the objects of one kind under keys that are a pure function of the object alone. A
query that looks one key up depends on which objects are filed there, and on nothing else.
"""

from __future__ import annotations

from translators.database import Index
from translators.world.ambiguous_names import AMBIGUOUS_ENTRIES, AMBIGUOUS_VIRTUAL_SERVICES
from translators.world.clients import RULE_SELECTORS, SOURCE_LABELS
from translators.world.destination_rules import RULE_HOSTS, RULE_WILDCARDS
from translators.world.endpoints import POD_LABELS, SLICE_SERVICES, WORKLOAD_LABELS
from translators.world.exposure import ENTRY_EXPOSURE, SERVICE_EXPOSURE
from translators.world.localities import NODE_ZONES
from translators.world.services import ENTRY_HOSTS
from translators.world.unregistered import VIRTUAL_SERVICE_EXPORTS
from translators.world.virtual_ips import ENTRY_VIRTUAL_IPS, SERVICE_ADDRESSES, TWIN_VIRTUAL_IPS
from translators.world.virtual_services import VIRTUAL_SERVICE_HOSTS, VIRTUAL_SERVICE_WILDCARDS
from translators.world.workloads import (
    ENTRY_ADDRESSES,
    ENTRY_SELECTORS,
    POD_ADDRESSES,
    SERVICE_SELECTORS,
    SLICE_ADDRESSES,
    WORKLOAD_ADDRESSES,
)

INDEXES: tuple[Index, ...] = (
    AMBIGUOUS_ENTRIES,
    AMBIGUOUS_VIRTUAL_SERVICES,
    RULE_SELECTORS,
    SOURCE_LABELS,
    RULE_HOSTS,
    RULE_WILDCARDS,
    POD_LABELS,
    SLICE_SERVICES,
    WORKLOAD_LABELS,
    ENTRY_EXPOSURE,
    SERVICE_EXPOSURE,
    NODE_ZONES,
    ENTRY_HOSTS,
    ENTRY_VIRTUAL_IPS,
    SERVICE_ADDRESSES,
    TWIN_VIRTUAL_IPS,
    VIRTUAL_SERVICE_EXPORTS,
    VIRTUAL_SERVICE_HOSTS,
    VIRTUAL_SERVICE_WILDCARDS,
    ENTRY_ADDRESSES,
    ENTRY_SELECTORS,
    POD_ADDRESSES,
    SERVICE_SELECTORS,
    SLICE_ADDRESSES,
    WORKLOAD_ADDRESSES,
)
"""The database is made with them."""
