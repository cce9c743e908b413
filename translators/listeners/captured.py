"""The listeners behind iptables: one that all connections reach, and those it hands them to, by original destination.

* ``virtualOutbound`` on port 15001 takes what iptables redirects. What no other listener is for passes through.
* ``0.0.0.0_PORT`` takes a port at any address: requests by the route configuration of that number, TLS by server name, and
  other connections of services without a virtual IP; what is none of these passes through.
* ``VIP_PORT`` takes a service's connections at its virtual IP, if they are not (or not surely) HTTP.

``0.0.0.0_80`` of a mesh with only HTTP on port 80 holds nothing but the number, so that it never changes and no connection is
drained when services come and go.

Headless TCP services have no listener: their connections pass through to the instance that the client chose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy_data_plane.envoy.config.listener.v3 import Listener, ListenerFilter

from translators import names
from translators.codec import encode, new
from translators.database import Reader, query
from translators.envoy.addresses import ANY_ADDRESS, address
from translators.envoy.durations import NO_LIMIT
from translators.listeners.connections import Branch, branches, whole_subnets
from translators.listeners.filter_chains import (
    OUTBOUND,
    Chain,
    branch_match,
    chain,
    http_inspector,
    http_match,
    original_destination,
    port_match,
    routes_of,
    tcp_proxy,
    tls_inspector,
)
from translators.listeners.http_connection_manager import outbound_manager
from translators.listeners.plain_tcp import plain_tcp_listener
from translators.model.resource import Resource, resource
from translators.model.service import ClientScope, Protocol
from translators.model.upstream import Upstream, WeightedUpstream
from translators.model.viewer import Viewer
from translators.world.exposure import Exposed
from translators.world.ports import (
    hosts_at,
    http_hosts,
    http_ports,
    l4_hosts,
    oldest_first,
)
from translators.world.services import service
from translators.world.shards import SHARDS

_PASSTHROUGH = (WeightedUpstream(Upstream(names.PASSTHROUGH_CLUSTER)),)
_BLACKHOLE = (WeightedUpstream(Upstream(names.BLACKHOLE_CLUSTER)),)


@query
def captured_names(db: Reader, viewer: Viewer, shard: int) -> tuple[str, ...]:
    """The names of these listeners as far as hosts in a shard give rise to them, sorted."""
    found = {names.VIRTUAL_OUTBOUND} if shard == 0 else set()
    ports = {port for port, _ in http_hosts(db, viewer, shard)}
    ports.update(port for port, _ in _wildcard_hosts(db, viewer, shard))
    found.update(names.listener(ANY_ADDRESS, port) for port in ports)
    found.update(
        names.listener(vip, port)
        for port, one in l4_hosts(db, viewer, shard)
        for vip in _virtual_ips(one)
    )
    return tuple(sorted(found))


@query
def _wildcard_hosts(db: Reader, viewer: Viewer, shard: int) -> tuple[tuple[int, Exposed], ...]:
    """(port, service) for those in a shard whose connections are known neither by a virtual IP nor surely by HTTP."""
    return tuple(
        (port, one)
        for port, one in l4_hosts(db, viewer, shard)
        if not one.headless and not _virtual_ips(one)
    )


@query
def _by_port(db: Reader, viewer: Viewer) -> Mapping[int, tuple[Exposed, ...]]:
    """Port → `_wildcard_hosts` of all shards; no port without any."""
    found: dict[int, tuple[Exposed, ...]] = {}
    for shard in SHARDS:
        for port, one in _wildcard_hosts(db, viewer, shard):
            found[port] = (*found.get(port, ()), one)
    return found


@query
def wildcard_hosts(db: Reader, viewer: Viewer, port: int) -> tuple[Exposed, ...]:
    """The services whose connections on a port are known neither by a virtual IP nor surely by HTTP; oldest first."""
    return oldest_first(db, _by_port(db, viewer).get(port, ()))


def _virtual_ips(one: Exposed) -> tuple[str, ...]:
    return tuple(vip for vip in one.addresses if "/" not in vip)


def _ranges(one: Exposed) -> tuple[str, ...]:
    return whole_subnets(vip for vip in one.addresses if "/" in vip)


def _protocol(one: Exposed, port: int) -> Protocol:
    return Protocol[dict(one.ports)[port]]


@query
def virtual_outbound(db: Reader) -> Resource:
    """The listener that iptables redirects to; the same for every proxy. Connections to itself end here."""
    del db
    name = names.VIRTUAL_OUTBOUND
    listener = new(Listener)(
        name=name,
        address=address(ANY_ADDRESS, names.OUTBOUND_CAPTURE_PORT),
        filter_chains=[
            chain(
                tcp_proxy(_BLACKHOLE),
                port_match(names.OUTBOUND_CAPTURE_PORT),
                f"{name}-blackhole",
            ).message
        ],
        default_filter_chain=chain(tcp_proxy(_PASSTHROUGH), name=f"{name}-passthrough").message,
        listener_filters=[original_destination()],
        use_original_dst=True,
        traffic_direction=OUTBOUND,
    )
    return resource(names.LISTENER_TYPE, name, encode(listener))


def captured_listener(db: Reader, client: ClientScope, name: str) -> Resource:
    """One of the listeners that connections are handed to, by its name.

    Raises:
        LookupError: There is no such listener for this client.
    """
    host, _, number = name.rpartition("_")
    port = int(number)
    if host != ANY_ADDRESS:
        return _vip_listener(db, client, host, port)
    takes_requests = port in http_ports(db, client.viewer)
    others = wildcard_hosts(db, client.viewer, port)
    if takes_requests and not others:
        return _request_listener(db, port)
    return _wildcard_listener(db, client, port, others, takes_requests=takes_requests)


@query
def _request_listener(db: Reader, port: int) -> Resource:
    """The listener of a port with only HTTP: the same for all meshes and clients."""
    del db
    return _listener(
        ANY_ADDRESS, port, [_requests(port)], chain(tcp_proxy(_PASSTHROUGH)), [http_inspector()]
    )


def _wildcard_listener(
    db: Reader,
    client: ClientScope,
    port: int,
    hosts: tuple[Exposed, ...],
    *,
    takes_requests: bool,
) -> Resource:
    """TLS services by server name, services with address ranges by these, and one other service for what is left."""
    chains = [_requests(port)] if takes_requests else []
    rest: Branch | None = None
    seen: set[tuple[str, str]] = set()
    for branch in _branches(db, client, port, hosts):
        if branch.is_unconditional:
            rest = rest or branch
            continue
        fresh = _unseen(branch, seen)
        if fresh is not None:
            chains.append(_branch_chain(fresh))
    default = _PASSTHROUGH if rest is None else rest.upstreams
    idle = None if rest is None else rest.idle_timeout
    inspectors = [tls_inspector()] if any(server_name for server_name, _ in seen) else []
    if takes_requests:
        inspectors.append(http_inspector())
    return _listener(ANY_ADDRESS, port, chains, chain(tcp_proxy(default, idle)), inspectors)


def _branches(
    db: Reader, client: ClientScope, port: int, hosts: tuple[Exposed, ...]
) -> Iterator[Branch]:
    """The branches of several services, each made to apply to that service's connections only as far as that can be told."""
    for one in hosts:
        protocol = _protocol(one, port)
        if protocol is Protocol.AUTO:
            continue
        for branch in branches(db, client, one.host, port, protocol):
            server_names = branch.server_names
            if protocol is Protocol.TLS and not server_names:
                server_names = (one.host,)
            subnets = branch.subnets or _ranges(one)
            yield Branch(server_names, subnets, branch.upstreams, branch.idle_timeout)


def _unseen(branch: Branch, seen: set[tuple[str, str]]) -> Branch | None:
    """The branch for the server names that no earlier one has to its subnets: Envoy refuses two chains with the same match."""
    subnets = branch.subnets or ("",)
    fresh = tuple(
        server_name
        for server_name in branch.server_names or ("",)
        if not any((server_name, subnet) in seen for subnet in subnets)
    )
    if not fresh:
        return None
    seen.update((server_name, subnet) for server_name in fresh for subnet in subnets)
    server_names = fresh if branch.server_names else ()
    return Branch(server_names, branch.subnets, branch.upstreams, branch.idle_timeout)


def _branch_chain(branch: Branch) -> Chain:
    return chain(
        tcp_proxy(branch.upstreams, branch.idle_timeout),
        branch_match(branch.server_names, branch.subnets),
    )


def _vip_listener(db: Reader, client: ClientScope, vip: str, port: int) -> Resource:
    found = _owner(db, client.viewer, vip, port)
    if found is None:
        raise LookupError(f"no service that {client.viewer.namespace} sees listens on {vip}:{port}")
    host, protocol = found
    *conditional, rest = branches(db, client, host, port, protocol)
    if protocol is not Protocol.AUTO and not conditional and rest.is_plain:
        return plain_tcp_listener(vip, port, rest.upstreams[0].upstream)
    seen: set[tuple[str, str]] = set()
    chains = [_branch_chain(fresh) for branch in conditional if (fresh := _unseen(branch, seen))]
    inspectors = [tls_inspector()] if any(server_name for server_name, _ in seen) else []
    if protocol is Protocol.AUTO:
        chains.insert(0, _requests(port))
        inspectors.append(http_inspector())
    default = chain(tcp_proxy(rest.upstreams, rest.idle_timeout))
    return _listener(vip, port, chains, default, inspectors)


def _owner(db: Reader, viewer: Viewer, vip: str, port: int) -> tuple[str, Protocol] | None:
    """The oldest service with a virtual IP that takes connections on the port."""
    for host in hosts_at(db, viewer, vip):
        found = service(db, host, viewer)
        shape = None if found is None else found.port(port)
        if shape is not None and not shape.protocol.is_http:
            return host, shape.protocol
    return None


def _requests(port: int) -> Chain:
    """The chain for plaintext HTTP, by the route configuration of the port."""
    return chain(outbound_manager(f"outbound_{port}", str(port)), http_match())


def _listener(
    host: str,
    port: int,
    chains: list[Chain],
    default: Chain,
    inspectors: list[ListenerFilter],
) -> Resource:
    """A listener without a socket of its own; it waits for first bytes as long as there are none."""
    name = names.listener(host, port)
    listener = new(Listener)(
        name=name,
        address=address(host, port),
        filter_chains=[chain.message for chain in chains],
        default_filter_chain=default.message,
        listener_filters=inspectors,
        listener_filters_timeout=NO_LIMIT if inspectors else None,
        continue_on_listener_filters_timeout=bool(inspectors),
        bind_to_port=False,
        traffic_direction=OUTBOUND,
    )
    needs = routes_of((*chains, default))
    return resource(names.LISTENER_TYPE, name, encode(listener), needs)
