"""The destinations of a VirtualService's rules, as upstreams."""

from __future__ import annotations

from translators.database import Reader
from translators.model.routing import Destination, WeightedDestination
from translators.model.service import ClientScope
from translators.model.upstream import Upstream
from translators.names import outbound_cluster
from translators.world.services import service_of


def upstream_of(db: Reader, destination: Destination, client: ClientScope, port: int) -> Upstream:
    """Give what a client is sent to.

    At the port written, else the service's only one, else the listener's.

    A service or subset that does not exist gives a name all the same, and Envoy an error for each
    request.
    """
    number = destination.port
    if not number:
        service = service_of(db, destination.host, client.viewer)
        single = service is not None and len(service.ports) == 1
        number = service.ports[0].number if service is not None and single else port
    return Upstream(outbound_cluster(destination.host, number, destination.subset))


def upstream_of_host(host: str, port: int) -> Upstream:
    """Give what a client that names a host and port is sent to when no rule says otherwise."""
    return Upstream(outbound_cluster(host, port))


def live_destinations(
    destinations: tuple[WeightedDestination, ...],
) -> tuple[tuple[WeightedDestination, int], ...]:
    """The destinations that get traffic, with their weights; never empty unless nothing is given.

    The weight of a single one does not matter. Weights that are all zero count as equal: Envoy
    would reject them.
    """
    if len(destinations) == 1:
        return ((destinations[0], 1),)
    weighted = tuple((item, item.weight) for item in destinations if item.weight > 0)
    return weighted or tuple((item, 1) for item in destinations)
