"""Endpoints: the hosts of each cluster, by locality, weight and health.

In flow services and their endpoints, out come encoded `ClusterLoadAssignment` resources, one for
each cluster and client locality.
"""

from translators.endpoints.load_assignment import load_assignment

__all__ = ["load_assignment"]
