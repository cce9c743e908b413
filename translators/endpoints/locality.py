"""The ladder of localities: which endpoints a client at a place is sent to first.

Priorities instead of Envoy's own locality awareness: the order is worked out here for each client
locality, can be explained, and needs nothing of Envoy but its rule that a priority is used when
those before it lack healthy hosts.
"""

from __future__ import annotations

from functools import lru_cache

from translators.model.locality import Locality


def distance(client: Locality, endpoint: Locality) -> int:
    """How far an endpoint is: 0 same sub-zone, 1 same zone, 2 same region, 3 elsewhere.

    Zones compare by name alone where only one side knows its region. Sub-zones that neither side
    has are the same.
    """
    if client.region and endpoint.region and client.region != endpoint.region:
        return 3
    if client.zone and client.zone == endpoint.zone:
        return 0 if client.sub_zone == endpoint.sub_zone else 1
    return 2 if client.region and client.region == endpoint.region else 3


@lru_cache(maxsize=4096)
def priorities(client: Locality, localities: tuple[Locality, ...]) -> tuple[int, ...]:
    """The priority of each locality for a client, without gaps from 0 on, as Envoy demands.

    All are 0 when the client's place is not known.
    """
    if not client.region and not client.zone:
        return (0,) * len(localities)
    distances = [distance(client, locality) for locality in localities]
    ranks = {steps: rank for rank, steps in enumerate(sorted(set(distances)))}
    return tuple(ranks[steps] for steps in distances)
