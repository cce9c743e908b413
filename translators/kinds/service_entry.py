"""`networking.istio.io ServiceEntry`: services that no Kubernetes Service describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context
from translators.kinds.schema.field_types import (
    EXPORT_TO,
    PORT,
    SUBNET,
    is_address,
    is_host,
    selector,
)
from translators.kinds.schema.kind import ISTIO_NETWORKING, Kind, document_with_spec
from translators.kinds.schema.record import optional, record, required, unsupported
from translators.kinds.schema.shape import checked, choice, list_of, text_where
from translators.kinds.workload_entry import WORKLOAD, WorkloadEntrySpec
from translators.model.origin import Labels
from translators.model.service import BY_DNS, Resolution


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

    `export_to` empty means the mesh's default (everyone).
    """

    hosts: tuple[str, ...]
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

_PORT: Final = record(
    EntryPort,
    {
        "number": required("number", PORT, "the port clients connect to"),
        "name": required(
            "name", text_where(lambda text: text != "", "a name"), "e.g. http or tcp-mysql"
        ),
        "protocol": optional(
            "protocol",
            text_where(
                lambda text: text.upper() in _PROTOCOLS, f"one of {', '.join(sorted(_PROTOCOLS))}"
            ),
        ),
        "targetPort": optional("target_port", PORT),
    },
)
_HOST: Final = text_where(
    is_host,
    "a host name (maybe with a wildcard as left-most label; not * alone)",
)


def _check(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    _check_unique(spec, path, context)
    _check_resolution(spec, path, context)
    if spec.resolution in BY_DNS:
        _check_dns(spec, path, context)
    for i, endpoint in enumerate(spec.endpoints):
        _check_endpoint(spec, endpoint, (((path, "endpoints"), i)), context)


def _check_unique(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
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
    seen: set[str] = set()
    for i, host in enumerate(spec.hosts):
        if host in seen:
            context.error(((path, "hosts"), i), f"{host} is listed already")
        seen.add(host)


def _check_resolution(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    if spec.resolution is not Resolution.NONE:
        return
    where = "resolution NONE sends to the address the client asked for"
    if spec.endpoints:
        context.error((path, "endpoints"), f"{where}; remove the endpoints or use STATIC")
    if spec.workload_selector is not None:
        context.error((path, "workloadSelector"), f"{where}; remove the selector or use STATIC")


def _check_dns(spec: ServiceEntrySpec, path: Path, context: Context) -> None:
    name = spec.resolution.value
    for i, address in enumerate(spec.addresses):
        if not is_address(address):
            context.error(
                ((path, "addresses"), i),
                f"a CIDR block needs resolution NONE or STATIC, not {name}",
            )
    if spec.resolution is Resolution.DNS_ROUND_ROBIN and len(spec.endpoints) > 1:
        context.error(
            (path, "endpoints"), "DNS_ROUND_ROBIN takes one endpoint; use DNS for several"
        )
    if spec.endpoints or spec.workload_selector is not None:
        return
    for i, host in enumerate(spec.hosts):
        if "*" in host:
            context.error(
                ((path, "hosts"), i),
                f"a wildcard cannot be looked up; {name} needs endpoints for it",
            )


def _check_endpoint(
    spec: ServiceEntrySpec, endpoint: WorkloadEntrySpec, path: Path, context: Context
) -> None:
    address, named = endpoint.address, endpoint.ports
    is_path = address.startswith("unix://")
    if spec.resolution is Resolution.STATIC and not is_path and not is_address(address):
        context.error(
            (path, "address"), f"STATIC needs an IP address, not {address}; use DNS for names"
        )
    if is_path and spec.resolution is not Resolution.STATIC:
        context.error((path, "address"), "a socket's path needs resolution STATIC")
    if is_path and named:
        context.error((path, "ports"), "a socket's path has no ports")
    if named:
        known = {port.name for port in spec.ports}
        for name, _ in named:
            if name not in known:
                context.error(((path, "ports"), name), "is not the name of a port in spec.ports")


_SPEC: Final = checked(
    record(
        ServiceEntrySpec,
        {
            "hosts": required("hosts", list_of(_HOST, at_least=1), "the names clients use"),
            "addresses": optional("addresses", list_of(SUBNET)),
            "ports": required("ports", list_of(_PORT, at_least=1), "the ports of the service"),
            "location": optional(
                "external", choice({"MESH_EXTERNAL": True, "MESH_INTERNAL": False})
            ),
            "resolution": optional(
                "resolution",
                choice(
                    {member.value: member for member in Resolution},
                    not_yet={"DYNAMIC_DNS": "list the hosts and use DNS"},
                ),
            ),
            "endpoints": optional("endpoints", list_of(WORKLOAD)),
            "workloadSelector": optional("workload_selector", selector("labels")),
            "exportTo": optional("export_to", EXPORT_TO),
            "subjectAltNames": unsupported("connections are not yet encrypted", harmless=([],)),
        },
        exclusive=(("endpoints", "workloadSelector"),),
    ),
    _check,
)

SERVICE_ENTRY: Final = Kind(
    "ServiceEntry", ISTIO_NETWORKING, document_with_spec(_SPEC), suspicion=30
)
