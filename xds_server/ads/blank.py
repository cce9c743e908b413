"""Blanks: what stands under a name of which there is nothing, where nothing is no answer.

Envoy ignores the removal of endpoints, a listener whose routes were removed waits for ever, and a
cluster that is missing from a complete response is gone.

Source: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/cluster_manager,
"Cluster warming": a changed cluster takes the place of the active one once its endpoints came.
"""

from __future__ import annotations

from translators.clusters.discovery import eds_head
from translators.codec.wire import string
from translators.model.resource import Resource, resource
from translators.names import CLUSTER_TYPE


def blank(type_url: str, name: str) -> Resource:
    """Make a resource that only says its name.

    That is a ClusterLoadAssignment without endpoints, a RouteConfiguration without hosts, or a
    Cluster that waits for endpoints: as long as these are not sent, a client goes on with the
    cluster of this name that it has.
    """
    body = eds_head(name) if type_url == CLUSTER_TYPE else string(1, name)
    return resource(type_url, name, body)


def is_blank(made: Resource) -> bool:
    """Whether a resource only says its name."""
    return made == blank(made.type_url, made.name)
