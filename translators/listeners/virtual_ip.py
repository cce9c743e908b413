"""The listener of a service at its virtual IP, `VIP_PORT`.

For connections that are not, or not surely, HTTP.
"""

from __future__ import annotations

from translators.database import Reader
from translators.listeners.captured_chains import (
    place_chain,
    requests_chains,
    unbound_listener,
)
from translators.listeners.connections import branches
from translators.listeners.filter_chains import chain, http_inspector, tcp_proxy, tls_inspector
from translators.listeners.places import places
from translators.listeners.plain_tcp import plain_tcp_listener
from translators.model.resource import Resource
from translators.model.service import ClientScope, Protocol
from translators.model.viewer import Viewer
from translators.world.services import service_of
from translators.world.virtual_ips import hosts_at


def vip_listener(db: Reader, client: ClientScope, vip: str, port: int) -> Resource:
    """Give the listener of a virtual IP and port.

    Raises:
        LookupError: No service that the client sees has it.
    """
    owner = _owner(db, client.viewer, vip, port)
    if owner is None:
        raise LookupError(f"no service that {client.viewer.namespace} sees listens on {vip}:{port}")
    host, protocol = owner
    *conditional, rest = branches(db, client, host, port, protocol)
    if protocol is not Protocol.AUTO and not conditional and rest.is_plain:
        return plain_tcp_listener(vip, port, rest.upstreams[0].upstream)
    placed = places(tuple(conditional))
    chains = [place_chain(place) for place in placed]
    inspectors = [tls_inspector()] if any(place.server_names for place in placed) else []
    if protocol is Protocol.AUTO:
        # Its rules are those for TCP, which know no server names, so there is no TLS inspector.
        chains = [*requests_chains(port, placed), *chains]
        inspectors.append(http_inspector())
    default = chain(tcp_proxy(rest.upstreams, rest.idle_timeout))
    return unbound_listener(vip, port, chains, default, inspectors)


def _owner(db: Reader, viewer: Viewer, vip: str, port: int) -> tuple[str, Protocol] | None:
    """The oldest service with a virtual IP that takes connections on the port."""
    for host in hosts_at(db, viewer, vip):
        service = service_of(db, host, viewer)
        shape = None if service is None else service.port(port)
        if shape is not None and not shape.protocol.is_http:
            return host, shape.protocol
    return None
