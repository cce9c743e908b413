"""Every xDS resource name that we give, and the host names of services, built and parsed.

Clusters and routes are named as Istio names them, so that dashboards can read them.
"""

from __future__ import annotations

from typing import NamedTuple

CLUSTER_DOMAIN = "cluster.local"
SERVICE_SUFFIX = f".svc.{CLUSTER_DOMAIN}"
"""How the host names of all Kubernetes services end."""
PASSTHROUGH_CLUSTER = "PassthroughCluster"
BLACKHOLE_CLUSTER = "BlackHoleCluster"
INBOUND_PASSTHROUGH_CLUSTER = "InboundPassthroughCluster"
EGRESS_LISTENER = "egress"
EGRESS_ROUTE = "egress"
VIRTUAL_OUTBOUND = "virtualOutbound"
VIRTUAL_INBOUND = "virtualInbound"
ADMIN_PORT = 15000
OUTBOUND_CAPTURE_PORT = 15001
INBOUND_CAPTURE_PORT = 15006
ENVOY_PORTS = frozenset({ADMIN_PORT, OUTBOUND_CAPTURE_PORT, INBOUND_CAPTURE_PORT})
"""The ports of the sidecars themselves.

No captured listener, and no chain of `virtualInbound`, is for what services say of them.
"""

CLUSTER_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ENDPOINT_TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
LISTENER_TYPE = "type.googleapis.com/envoy.config.listener.v3.Listener"
ROUTE_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
VIRTUAL_HOST_TYPE = "type.googleapis.com/envoy.config.route.v3.VirtualHost"


class ClusterName(NamedTuple):
    """The parts of `direction|port|subset|host`; host is empty for inbound clusters.

    A tuple, since queries are keyed by it.
    """

    direction: str
    port: int
    subset: str
    host: str

    def __str__(self) -> str:
        return f"{self.direction}|{self.port}|{self.subset}|{self.host}"

    @classmethod
    def parse(cls, text: str) -> ClusterName | None:
        """The parts, or None when the text is not such a name."""
        parts = text.split("|")
        if len(parts) != 4 or not parts[1].isdigit() or parts[0] not in ("outbound", "inbound"):
            return None
        return cls(parts[0], int(parts[1]), parts[2], parts[3])


def outbound_cluster(host: str, port: int, subset: str = "") -> str:
    """`outbound|port|subset|host`."""
    return f"outbound|{port}|{subset}|{host}"


def inbound_cluster(port: int) -> str:
    """`inbound|port||`."""
    return f"inbound|{port}||"


def inbound_route(port: int) -> str:
    """The route configuration of an inbound HTTP port, named as its cluster."""
    return f"inbound|{port}||"


def listener(address: str, port: int) -> str:
    """`address_port`, for listeners of one address (`0.0.0.0`: any) and port."""
    return f"{address}_{port}"


def listener_place(name: str) -> tuple[str, int]:
    """Read `listener` backwards: the address and the port."""
    address, _, port = name.rpartition("_")
    return address, int(port)


def virtual_host(route: str, host: str, port: int) -> str:
    """`route/host:port`.

    The route configuration's name is the prefix by which Envoy files a VirtualHost.
    """
    return f"{route}/{host}:{port}"


def route_of(virtual_host_name: str) -> str:
    """The route configuration under which a virtual host is filed."""
    return virtual_host_name.partition("/")[0]


def host_and_port(label: str) -> tuple[str, int]:
    """The parts of `host:port`."""
    host, _, port = label.rpartition(":")
    return host, int(port)


def service_host(name: str, namespace: str) -> str:
    """The full host name of a Kubernetes service."""
    return f"{name}.{namespace}{SERVICE_SUFFIX}"


class ServiceName(NamedTuple):
    """A Kubernetes service as its host name tells it."""

    name: str
    namespace: str

    @classmethod
    def parse(cls, host: str) -> ServiceName | None:
        """Read `service_host` backwards; None when the host is not of that form."""
        if not host.endswith(SERVICE_SUFFIX):
            return None
        name, _, namespace = host.removesuffix(SERVICE_SUFFIX).partition(".")
        if not name or not namespace or "." in namespace:
            return None
        return cls(name, namespace)


def short_hosts(host: str, namespace: str) -> tuple[str, ...]:
    """Give `svc.ns` and `svc.ns.svc` for a service's full host name.

    Empty for other hosts and wildcards.

    First `svc` alone, when the service is in the client's own namespace.
    """
    service = ServiceName.parse(host)
    if service is None or service.name.startswith("*"):
        return ()
    base = f"{service.name}.{service.namespace}"
    if service.namespace == namespace:
        return (service.name, base, f"{base}.svc")
    return (base, f"{base}.svc")
