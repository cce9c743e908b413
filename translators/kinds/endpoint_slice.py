"""`discovery.k8s.io/v1 EndpointSlice`: where a service's instances are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import INVALID, Context, Invalid
from translators.kinds.schema.field_types import PORT, is_address, is_host
from translators.kinds.schema.kind import DISCOVERY, Kind, Metadata, document
from translators.kinds.schema.record import ignored, optional, record, required, spread
from translators.kinds.schema.shape import BOOLEAN, TEXT, checked, list_of, word_of


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


def _complete(
    spec: EndpointSliceSpec, metadata: Metadata, context: Context
) -> EndpointSliceSpec | Invalid:
    accepts = is_host if spec.address_type == "FQDN" else is_address
    for i, endpoint in enumerate(spec.endpoints):
        for k, address in enumerate(endpoint.addresses):
            if not accepts(address):
                context.error(
                    (((((None, "endpoints"), i), "addresses"), k)),
                    f"must be an address of type {spec.address_type}, not {address!r}",
                )
    service = dict(metadata.labels).get(_SERVICE_NAME, "")
    if not service:
        context.warning(
            ((None, "metadata"), "labels"),
            f"without the label {_SERVICE_NAME} the slice belongs to no service",
        )
    return INVALID if context.findings.errors else replace(spec, service=service)


ENDPOINT_SLICE: Final = Kind(
    "EndpointSlice",
    DISCOVERY,
    document(
        _slice,
        {
            "addressType": required(
                "address_type",
                word_of("IPv4", "IPv6", "FQDN"),
                "IPv4, IPv6 or FQDN",
            ),
            "ports": optional("ports", list_of(_PORT)),
            "endpoints": optional("endpoints", list_of(_ENDPOINT)),
        },
    ),
    suspicion=50,
    complete=_complete,
)
