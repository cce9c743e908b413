"""Whose a domain is when several hosts could claim it.

Envoy rejects a route configuration in which two virtual hosts share a domain, so each domain has
one owner, by rank: the host whose full name it is, then hosts of which it is a short form, then the
oldest service of those with this virtual IP. Few meshes have such names; the others never come
here.
"""

from __future__ import annotations

from translators.database import Reader
from translators.model.service import ClientScope, Service
from translators.model.viewer import Viewer
from translators.routes import domains
from translators.routes.domains import Ports
from translators.world.ambiguous_names import ambiguous_names
from translators.world.services import service_of
from translators.world.unregistered import unregistered_ports
from translators.world.virtual_ips import address_claimants, is_shared


def contested_domains(
    db: Reader, client: ClientScope, at: tuple[str, int], addresses: tuple[str, ...], ports: Ports
) -> list[str]:
    """The domains of a (host, port) with these virtual IPs where some names belong to others.

    `ports` says how the port stands in the domains that are its own: ignored when captured, else
    egress mode.
    """
    host, port = at
    viewer = client.viewer
    taken = ambiguous_names(db, viewer)
    owned = domains.with_ports((host,), port, ports)
    for name in domains.names(host, viewer.namespace)[1:]:
        left = _left_by_name(db, client, name, port, ports) if name in taken else ports
        if left is not None:
            owned += domains.with_ports((name,), port, left)
    for address in dict.fromkeys(addresses):
        left = _left_by_name(db, client, address, port, ports) if address in taken else ports
        if left is not None and is_shared(db, address):
            left = _left_by_claimants(db, viewer, address, at, left)
        if left is not None:
            owned += domains.with_ports(domains.address_names((address,)), port, left)
    return owned


def _left_by_name(
    db: Reader, client: ClientScope, name: str, port: int, ports: Ports
) -> Ports | None:
    """What is left of a further name that is another host's full one.

    The ports that this one does not have.
    """
    owner = service_of(db, name, client.viewer)
    unregistered = unregistered_ports(db, client, name)
    if owner is None and not unregistered:
        return ports
    if port in unregistered or (owner is not None and answers(owner, port, ports)):
        return None
    return Ports.REQUIRED if ports is Ports.OPTIONAL else ports


def _left_by_claimants(
    db: Reader, viewer: Viewer, address: str, at: tuple[str, int], ports: Ports
) -> Ports | None:
    """What a host has of a shared virtual IP: ports that no older service has.

    Alone it stands for the oldest of all.
    """
    host, port = at
    claimants = address_claimants(db, viewer, address)
    for claimant in claimants:
        service = service_of(db, claimant, viewer)
        if service is not None and answers(service, port, ports):
            if claimant != host:
                return None
            break
    if ports is Ports.OPTIONAL and claimants and claimants[0] != host:
        return Ports.REQUIRED
    return ports


def answers(service: Service, port: int, ports: Ports) -> bool:
    """Whether a service has a virtual host for a port.

    In egress mode for all ports, else for those with requests.
    """
    shape = service.port(port)
    if shape is None:
        return False
    return ports is not Ports.IGNORED or shape.protocol.takes_requests
