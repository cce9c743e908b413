"""`discovery.k8s.io/v1 EndpointSlice`: where a service's instances are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import INVALID, Context, Invalid
from translators.kinds.schema.envoy_ports import warn_of_workload_port
from translators.kinds.schema.field_types import PORT, is_host
from translators.kinds.schema.kind import DISCOVERY, Kind, Metadata, document
from translators.kinds.schema.record import ignored, optional, record, required, spread
from translators.kinds.schema.shape import BOOLEAN, TEXT, checked, list_of, word_of
from translators.model.addresses import normal_address
from translators.model.hosts import normal_host


@dataclass(frozen=True, slots=True)
class SlicePort:
    """A port of every endpoint of the slice; the service's port of the same name leads to it."""

    name: str
    number: int
    protocol: str = "TCP"
    app_protocol: str = ""


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    """One endpoint.

    Conditions that are not given mean ready and serving (Kubernetes: nil is "true").
    """

    addresses: tuple[str, ...]
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    hostname: str = ""
    node_name: str = ""
    zone: str = ""
    pod: str = ""
    """Name of the targetRef's Pod in the slice's namespace, "" when there is none."""


@dataclass(frozen=True, slots=True)
class EndpointSliceSpec:
    """A slice; `service` comes from the label `kubernetes.io/service-name`."""

    service: str
    address_type: str
    ports: tuple[SlicePort, ...] = ()
    endpoints: tuple[SliceEndpoint, ...] = ()


_SERVICE_NAME: Final = "kubernetes.io/service-name"


def _pod_of(kind: str = "", name: str = "") -> str:
    return name if kind == "Pod" else ""


_REFERENCE: Final = "identifies the object; its name is enough here"
_ENDPOINT: Final = record(
    SliceEndpoint,
    {
        "addresses": required("addresses", list_of(TEXT, at_least=1)),
        "conditions": spread(
            {
                "ready": optional("ready", BOOLEAN),
                "serving": optional("serving", BOOLEAN),
                "terminating": optional("terminating", BOOLEAN),
            }
        ),
        "hostname": optional("hostname", TEXT),
        "targetRef": optional(
            "pod",
            record(
                _pod_of,
                {
                    "kind": optional("kind", TEXT),
                    "name": optional("name", TEXT),
                    "namespace": ignored(_REFERENCE),
                    "uid": ignored(_REFERENCE),
                    "apiVersion": ignored(_REFERENCE),
                    "resourceVersion": ignored(_REFERENCE),
                    "fieldPath": ignored(_REFERENCE),
                },
            ),
        ),
        "nodeName": optional("node_name", TEXT),
        "zone": optional("zone", TEXT),
        "deprecatedTopology": ignored("replaced by nodeName and zone"),
        "hints": ignored("advice to kube-proxy; proxies go by locality"),
    },
)


def _port(
    name: str = "", number: int = 0, protocol: str = "TCP", app_protocol: str = ""
) -> SlicePort:
    return SlicePort(name, number, protocol, app_protocol)


def _numbered(port: SlicePort, path: Path, context: Context) -> None:
    if not port.number:
        context.unsupported((path, "port"), "a port without a number (all ports) has no effect")
    if port.protocol == "TCP":
        warn_of_workload_port(port.number, (path, "port"), context)


_PORT: Final = checked(
    record(
        _port,
        {
            "name": optional("name", TEXT),
            "port": optional("number", PORT),
            "protocol": optional("protocol", word_of("TCP", "UDP", "SCTP")),
            "appProtocol": optional("app_protocol", TEXT),
        },
    ),
    _numbered,
)


def _slice(
    address_type: str,
    ports: tuple[SlicePort, ...] = (),
    endpoints: tuple[SliceEndpoint, ...] = (),
) -> EndpointSliceSpec:
    return EndpointSliceSpec(
        "", address_type, tuple(port for port in ports if port.number), endpoints
    )


def _name(text: str) -> str | None:
    return normal_host(text) if is_host(text) and "*" not in text else None


_ADDRESS_TYPES: Final[Mapping[str, Callable[[str], str | None]]] = {
    "IPv4": lambda text: None if ":" in text else normal_address(text),
    "IPv6": lambda text: normal_address(text) if ":" in text else None,
    "FQDN": _name,
}
"""Type → the one spelling of an address of this type, None for anything else."""


def _complete(
    spec: EndpointSliceSpec, metadata: Metadata, context: Context
) -> EndpointSliceSpec | Invalid:
    normal = _ADDRESS_TYPES[spec.address_type]
    endpoints: list[SliceEndpoint] = []
    for i, endpoint in enumerate(spec.endpoints):
        spelled = [normal(address) for address in endpoint.addresses]
        for k, address in enumerate(spelled):
            if address is None:
                context.error(
                    (((((None, "endpoints"), i), "addresses"), k)),
                    f"must be an address of type {spec.address_type}, "
                    f"not {endpoint.addresses[k]!r}",
                )
        addresses = tuple([address for address in spelled if address is not None])
        same = addresses == endpoint.addresses
        endpoints.append(endpoint if same else replace(endpoint, addresses=addresses))
    service = dict(metadata.labels).get(_SERVICE_NAME, "")
    if not service:
        context.warning(
            ((None, "metadata"), "labels"),
            f"without the label {_SERVICE_NAME} the slice belongs to no service",
        )
    if context.findings.errors:
        return INVALID
    return replace(spec, service=service, endpoints=tuple(endpoints))


ENDPOINT_SLICE: Final = Kind(
    "EndpointSlice",
    DISCOVERY,
    document(
        _slice,
        {
            "addressType": required(
                "address_type",
                word_of(*_ADDRESS_TYPES),
                "IPv4, IPv6 or FQDN",
            ),
            "ports": optional("ports", list_of(_PORT)),
            "endpoints": optional("endpoints", list_of(_ENDPOINT)),
        },
    ),
    suspicion=50,
    complete=_complete,
)
