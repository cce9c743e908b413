"""How a cluster finds its hosts, as bytes of a `Cluster` message around a name.

Everything else in a cluster is the same for all clusters of one policy and protocol, so it is
encoded once and joined to these bytes: building a message for each of a thousand clusters would
cost fifty times as much.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from itertools import groupby

from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterCustomClusterType,
    ClusterDiscoveryType,
    ClusterEdsClusterConfig,
)
from envoy_data_plane.envoy.config.core.v3 import Locality as EnvoyLocality
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.config.endpoint.v3 import Endpoint as EnvoyEndpoint
from envoy_data_plane.envoy.extensions.clusters.common.dns.v3 import DnsLookupFamily
from envoy_data_plane.envoy.extensions.clusters.dns.v3 import DnsCluster

from translators.codec import encode, field_number, new, pack
from translators.codec.wire import delimited, string
from translators.envoy.addresses import address
from translators.envoy.config_source import ads
from translators.model.locality import Locality
from translators.model.service import Endpoint

_REFRESH = timedelta(seconds=60)
_EDS = encode(new(Cluster)(type=ClusterDiscoveryType.EDS))
_NAME = field_number(Cluster, "name")
_EDS_CLUSTER_CONFIG = field_number(Cluster, "eds_cluster_config")
_EDS_CONFIG = field_number(ClusterEdsClusterConfig, "eds_config")
_SERVICE_NAME = field_number(ClusterEdsClusterConfig, "service_name")


def eds_head(name: str) -> bytes:
    """Name, type and EDS settings of a cluster with endpoints from the same stream.

    They come under its own name.
    """
    config = _eds_config() + string(_SERVICE_NAME, name)
    return string(_NAME, name) + _EDS + delimited(_EDS_CLUSTER_CONFIG, config)


@cache
def _eds_config() -> bytes:
    return delimited(_EDS_CONFIG, encode(ads()))


def original_dst_head(name: str) -> bytes:
    """Name and type of a cluster whose host is where the client's connection was going."""
    return encode(new(Cluster)(name=name, type=ClusterDiscoveryType.ORIGINAL_DST))


def dns_head(name: str, endpoints: tuple[Endpoint, ...], *, is_logical: bool) -> bytes:
    """Name, type and hosts of a cluster whose hosts are looked up by name.

    Envoy wants exactly one endpoint in a logical cluster, where each new connection goes to the
    first address that the last answer had; so the first one is taken.
    """
    if is_logical:
        endpoints = endpoints[:1]
    cluster_type = new(DnsCluster)(
        dns_refresh_rate=_REFRESH,
        respect_dns_ttl=True,
        dns_lookup_family=DnsLookupFamily.V4_PREFERRED,
        all_addresses_in_single_endpoint=is_logical and bool(endpoints),
    )
    return encode(
        new(Cluster)(
            name=name,
            cluster_type=new(ClusterCustomClusterType)(
                name="envoy.clusters.dns", typed_config=pack(cluster_type)
            ),
            load_assignment=_load_assignment(name, endpoints),
        )
    )


def static_head(name: str, endpoints: tuple[Endpoint, ...]) -> bytes:
    """Name, type and hosts of a cluster whose hosts are written in it; there may be none."""
    assignment = _load_assignment(name, endpoints) if endpoints else None
    return encode(
        new(Cluster)(name=name, type=ClusterDiscoveryType.STATIC, load_assignment=assignment)
    )


def _load_assignment(name: str, endpoints: Iterable[Endpoint]) -> ClusterLoadAssignment:
    ordered = sorted(endpoints, key=_locality)
    return new(ClusterLoadAssignment)(
        cluster_name=name,
        endpoints=[
            new(LocalityLbEndpoints)(
                locality=EnvoyLocality(place.region, place.zone, place.sub_zone),
                lb_endpoints=[_lb_endpoint(endpoint) for endpoint in members],
            )
            for place, members in groupby(ordered, key=_locality)
        ],
    )


def _locality(endpoint: Endpoint) -> Locality:
    return endpoint.locality


def _lb_endpoint(endpoint: Endpoint) -> LbEndpoint:
    return new(LbEndpoint)(
        endpoint=new(EnvoyEndpoint)(address=address(endpoint.address, endpoint.port)),
        load_balancing_weight=endpoint.weight,
    )
