"""Clusters for what a workload serves: its application, as its own sidecar reaches it."""

from __future__ import annotations

from translators.clusters.discovery import static_head
from translators.clusters.settings import settings
from translators.database import Reader, query
from translators.model.policy import TrafficPolicy
from translators.model.resource import Resource, resource
from translators.model.service import Endpoint, Protocol
from translators.names import CLUSTER_TYPE, host_and_port
from translators.names import inbound_cluster as inbound_name


@query
def inbound_cluster(_db: Reader, port: int, app_address: str, protocol: Protocol) -> Resource:
    """The cluster of a workload's port: one host, the application's address as `host:port`."""
    host, number = host_and_port(app_address)
    application = Endpoint(host.strip("[]"), number)
    name = inbound_name(port)
    body = static_head(name, (application,)) + settings(protocol, TrafficPolicy())
    return resource(CLUSTER_TYPE, name, body)
