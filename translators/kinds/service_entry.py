"""`networking.istio.io ServiceEntry`: services that no Kubernetes Service describes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context
from translators.kinds.schema.envoy_ports import warn_of_service_port, warn_of_workload_port
from translators.kinds.schema.export_to import SERVICE_EXPORT_TO
from translators.kinds.schema.field_types import (
    LABEL_NAME,
    PORT,
    SUBNET,
    is_address,
    is_host,
    selector,
)
from translators.kinds.schema.kind import ISTIO_NETWORKING, Kind, document_with_spec
from translators.kinds.schema.record import Check, optional, record, required, unsupported
from translators.kinds.schema.shape import (
    choice,
    converted,
    list_of,
    text_spelled,
    text_where,
)
from translators.kinds.workload_entry import WORKLOAD, WorkloadEntrySpec
from translators.model.hosts import is_partial_wildcard, normal_host
from translators.model.origin import Labels
from translators.model.service import Resolution


@dataclass(frozen=True, slots=True)
class EntryPort:
    """A port; `target_port` 0 means the same as `number`."""

    number: int
    name: str
    protocol: str = ""
    target_port: int = 0


@dataclass(frozen=True, slots=True)
class ServiceEntrySpec:
    """Hosts, how they are resolved and their endpoints.

    `hosts` are empty when the entry has no effect yet. `addresses` are listed once each.
    `endpoints` are those that can be reached. `export_to` empty means the mesh's default
    (everyone).
    """

    hosts: tuple[str, ...] = ()
    ports: tuple[EntryPort, ...] = ()
    addresses: tuple[str, ...] = ()
    external: bool = True
    resolution: Resolution = Resolution.NONE
    endpoints: tuple[WorkloadEntrySpec, ...] = ()
    workload_selector: Labels | None = None
    """None: no selector."""
    export_to: tuple[str, ...] = ()


_PROTOCOLS: Final = frozenset(
    ("HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "TCP", "TLS", "MONGO", "MYSQL", "REDIS", "UDP")
)
_SHAREABLE: Final = _PROTOCOLS - {"TCP", "MONGO", "MYSQL", "REDIS", "UDP"}
"""The protocols whose requests or handshakes say which of several hosts is meant."""

_PORT: Final = record(
    EntryPort,
    {
        "number": required("number", PORT, "the port clients connect to"),
        "name": required("name", LABEL_NAME, "e.g. http or tcp-mysql"),
        "protocol": optional(
            "protocol",
            text_where(
                lambda text: text == "" or text.upper() in _PROTOCOLS,
                f"one of {', '.join(sorted(_PROTOCOLS))}",
            ),
        ),
        "targetPort": optional("target_port", PORT),
    },
)
_HOST: Final = text_spelled(
    lambda text: normal_host(text) if is_host(text) else None,
    "a host name (maybe with a wildcard as left-most label; not * alone)",
)


def _check_resolution(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    _RESOLUTIONS[spec.resolution](spec, path, context)


def _check_ports(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    _check_unique_ports(spec, path, context)
    if not spec.ports:
        context.warning(
            (path, "ports"), "without ports nobody can connect; give those that clients use"
        )
    for i, port in enumerate(spec.ports):
        if port.protocol.upper() != "UDP":
            at = ((path, "ports"), i)
            warn_of_service_port(port.number, (at, "number"), context)
            warn_of_workload_port(port.target_port, (at, "targetPort"), context)


def _check_unique_ports(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    ports = (path, "ports")
    numbers: set[int] = set()
    names: set[str] = set()
    for i, port in enumerate(spec.ports):
        if port.number in numbers:
            context.error(((ports, i), "number"), f"{port.number} is taken by an earlier port")
        if port.name in names:
            context.error(((ports, i), "name"), f"{port.name!r} is the name of an earlier port")
        numbers.add(port.number)
        names.add(port.name)


def _check_hosts(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    seen: set[str] = set()
    for i, host in enumerate(spec.hosts):
        if host in seen:
            context.error(((path, "hosts"), i), f"{host} is listed already")
        elif is_partial_wildcard(host):
            context.warning(
                ((path, "hosts"), i),
                "a wildcard for a part of a label matches requests only, not TLS connections, and "
                "no wildcard of a rule; *.example.com stands for whole labels",
            )
        seen.add(host)


def _check_none(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    where = "resolution NONE sends to the address the client asked for"
    if spec.endpoints:
        context.error((path, "endpoints"), f"{where}; remove the endpoints or use STATIC")
    if spec.workload_selector is not None:
        context.warning(
            (path, "workloadSelector"), f"{where}, not to what this selects; use STATIC for that"
        )


def _check_static(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    for i, endpoint in enumerate(spec.endpoints):
        at = ((path, "endpoints"), i)
        address = endpoint.address
        if endpoint.is_socket and len(spec.ports) != 1:
            context.error(
                (at, "address"), f"a socket serves one port; spec.ports has {len(spec.ports)}"
            )
        elif not endpoint.is_socket and address and not is_address(address):
            context.error(
                (at, "address"), f"STATIC needs an IP address, not {address}; use DNS for names"
            )
    _check_port_names(spec, path, context)
    _check_shared(spec, path, context)


def _check_dns(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    name = spec.resolution.value
    for i, address in enumerate(spec.addresses):
        if "/" in address:
            context.error(
                ((path, "addresses"), i),
                f"a CIDR block needs resolution NONE or STATIC, not {name}",
            )
    if spec.resolution is Resolution.DNS_ROUND_ROBIN and len(spec.endpoints) > 1:
        context.error(
            (path, "endpoints"), "DNS_ROUND_ROBIN takes one endpoint; use DNS for several"
        )
    for i, endpoint in enumerate(spec.endpoints):
        at = (((path, "endpoints"), i), "address")
        if endpoint.is_socket:
            context.error(at, "a socket's path needs resolution STATIC")
        elif not endpoint.address:
            context.error(at, f"is required: {name} looks up names, or takes an IP address")
    _check_port_names(spec, path, context)
    if not spec.endpoints:
        for i, host in enumerate(spec.hosts):
            if "*" in host:
                context.error(
                    ((path, "hosts"), i),
                    f"a wildcard cannot be looked up; {name} needs endpoints for it",
                )
    _check_shared(spec, path, context)


def _check_port_names(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    known = {port.name for port in spec.ports}
    for i, endpoint in enumerate(spec.endpoints):
        for name, _ in endpoint.ports:
            if name not in known:
                at = ((((path, "endpoints"), i), "ports"), name)
                context.error(at, "is not the name of a port in spec.ports")


def _check_shared(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    """Refuse a port of several hosts whose connections do not say which host they are for."""
    if len(spec.hosts) < 2:
        return
    for i, port in enumerate(spec.ports):
        protocol = port.protocol.upper() or _told_by_name(port.name)
        if protocol not in _SHAREABLE:
            context.error(
                (((path, "ports"), i), "protocol"),
                f"connections of {protocol or 'an unknown protocol'} do not say which of the "
                "hosts they are for; give each host a ServiceEntry of its own",
            )


def _told_by_name(name: str) -> str:
    name = name.upper()
    return "GRPC-WEB" if name.startswith("GRPC-WEB") else name.partition("-")[0]


def _check_dynamic(spec: ServiceEntrySpec, path: Path, context: Context) -> None:  # noqa: ARG001 a check
    context.unsupported(
        (path, "resolution"),
        "DYNAMIC_DNS is not supported yet, and the whole ServiceEntry is without effect; list the "
        "hosts and use DNS",
    )


_RESOLUTIONS: Final = {
    Resolution.NONE: _check_none,
    Resolution.STATIC: _check_static,
    Resolution.DNS: _check_dns,
    Resolution.DNS_ROUND_ROBIN: _check_dns,
    Resolution.DYNAMIC_DNS: _check_dynamic,
}


def _effective(spec: ServiceEntrySpec, path: Path, context: Context) -> ServiceEntrySpec:  # noqa: ARG001 a conversion
    """Leave out what has no effect, of which the checks have told."""
    if spec.resolution is Resolution.DYNAMIC_DNS:
        return ServiceEntrySpec((), resolution=spec.resolution)
    addresses = tuple(dict.fromkeys(spec.addresses))
    endpoints = tuple(endpoint for endpoint in spec.endpoints if endpoint.address)
    return replace(spec, addresses=addresses, endpoints=endpoints)


_RESOLVED: Final = (
    "hosts",
    "addresses",
    "ports",
    "resolution",
    "endpoints",
    "workloadSelector",
)
"""The fields that a resolution has rules for."""
_WRITTEN: Final = record(
    ServiceEntrySpec,
    {
        "hosts": required("hosts", list_of(_HOST, at_least=1), "the names clients use"),
        "addresses": optional("addresses", list_of(SUBNET)),
        "ports": optional("ports", list_of(_PORT)),
        "location": optional("external", choice({"MESH_EXTERNAL": True, "MESH_INTERNAL": False})),
        "resolution": optional(
            "resolution", choice({member.value: member for member in Resolution})
        ),
        "endpoints": optional("endpoints", list_of(WORKLOAD)),
        "workloadSelector": optional("workload_selector", selector("labels")),
        "exportTo": optional("export_to", SERVICE_EXPORT_TO),
        "subjectAltNames": unsupported("connections are not yet encrypted", harmless=([],)),
    },
    exclusive=(("endpoints", "workloadSelector"),),
    checks=(
        Check(_check_hosts, reads=("hosts",)),
        Check(_check_ports, reads=("ports",)),
        Check(_check_resolution, reads=_RESOLVED),
    ),
)

SERVICE_ENTRY: Final = Kind(
    "ServiceEntry",
    ISTIO_NETWORKING,
    document_with_spec(converted(_WRITTEN, _effective)),
    suspicion=30,
)
