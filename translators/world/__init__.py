"""The world as clients see it: queries over the inputs from which every Envoy resource is made.

In flow configuration objects, out come the values of `translators.model.service` and the rules that
apply to them. What depends on a client takes its `Viewer` or its `ClientScope`; all else is shared
by everybody.
"""

from translators.world.buckets import BUCKETS, bucket_of
from translators.world.clients import client_scope
from translators.world.destination_rules import (
    DestinationPolicy,
    destination_rule_of,
    policy_of,
    subsets_of,
)
from translators.world.endpoints import service_endpoints
from translators.world.inbound import Inbound, InboundPort, inbound_of
from translators.world.indexes import INDEXES
from translators.world.inputs import ROOT_NAMESPACE
from translators.world.lost_hosts import LostHost, lost_hosts
from translators.world.services import service_of, services_of_host, visible_hosts
from translators.world.unregistered import unregistered_hosts
from translators.world.virtual_services import http_rules, l4_rules
from translators.world.workloads import WorkloadPort, served_ports, workload_ports

__all__ = [
    "BUCKETS",
    "INDEXES",
    "ROOT_NAMESPACE",
    "DestinationPolicy",
    "Inbound",
    "InboundPort",
    "LostHost",
    "WorkloadPort",
    "bucket_of",
    "client_scope",
    "destination_rule_of",
    "http_rules",
    "inbound_of",
    "l4_rules",
    "lost_hosts",
    "policy_of",
    "served_ports",
    "service_endpoints",
    "service_of",
    "services_of_host",
    "subsets_of",
    "unregistered_hosts",
    "visible_hosts",
    "workload_ports",
]
