"""``discovery.k8s.io/v1 EndpointSlice``: where a service's instances are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.field_types import PORT, is_address, is_host
from translators.kinds.findings import Findings
from translators.kinds.kind import DISCOVERY, Kind, Metadata, document
from translators.kinds.schema import (
    BOOLEAN,
    INVALID,
    TEXT,
    checked,
    choice,
    ignored,
    list_of,
    optional,
    record,
    required,
    spread,
)
from translators.model import kind_names


@dataclass(frozen=True, slots=True)
class SlicePort:
    """A port of every endpoint of the slice, found by its name from the service's port of the same name."""

    name: str
    number: int
    protocol: str = "TCP"
    app_protocol: str = ""


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    """One endpoint. Conditions that are not given mean ready and serving (Kubernetes: nil is "true")."""

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
    """A slice; ``service`` comes from the label ``kubernetes.io/service-name``."""

    service: str
    address_type: str
    ports: tuple[SlicePort, ...] = ()
    endpoints: tuple[SliceEndpoint, ...] = ()


_SERVICE_NAME: Final = "kubernetes.io/service-name"


def _pod_of(kind: str = "", name: str = "") -> dict[str, str]:
    return {"pod": name} if kind == kind_names.POD else {}


_REFERENCE: Final = "identifies the object; its name is enough here"
_ENDPOINT: Final = record(
    SliceEndpoint,
    {
        "addresses": required("addresses", list_of(TEXT, at_least=1)),
        "conditions": spread(
            record(
                dict,
                {
                    "ready": optional("ready", BOOLEAN),
                    "serving": optional("serving", BOOLEAN),
                    "terminating": optional("terminating", BOOLEAN),
                },
            )
        ),
        "hostname": optional("hostname", TEXT),
        "targetRef": spread(
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
            )
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


def _numbered(value: object, path: Path, findings: Findings) -> object:
    if isinstance(value, SlicePort) and not value.number:
        findings.unsupported((path, "port"), "a port without a number (all ports) has no effect")
    return value


_PORT: Final = checked(
    record(
        _port,
        {
            "name": optional("name", TEXT),
            "port": optional("number", PORT),
            "protocol": optional(
                "protocol", choice({word: word for word in ("TCP", "UDP", "SCTP")})
            ),
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


def _complete(spec: object, metadata: Metadata, findings: Findings) -> object:
    if not isinstance(spec, EndpointSliceSpec):
        return spec
    accepts = is_host if spec.address_type == "FQDN" else is_address
    for i, endpoint in enumerate(spec.endpoints):
        for k, address in enumerate(endpoint.addresses):
            if not accepts(address):
                findings.error(
                    (((((None, "endpoints"), i), "addresses"), k)),
                    f"must be an address of type {spec.address_type}, not {address!r}",
                )
    service = dict(metadata.labels).get(_SERVICE_NAME, "")
    if not service:
        findings.warning(
            ((None, "metadata"), "labels"),
            f"without the label {_SERVICE_NAME} the slice belongs to no service",
        )
    return INVALID if findings.errors else replace(spec, service=service)


ENDPOINT_SLICE: Final = Kind(
    kind_names.ENDPOINT_SLICE,
    DISCOVERY,
    document(
        _slice,
        {
            "addressType": required(
                "address_type",
                choice({word: word for word in ("IPv4", "IPv6", "FQDN")}),
                "IPv4, IPv6 or FQDN",
            ),
            "ports": optional("ports", list_of(_PORT)),
            "endpoints": optional("endpoints", list_of(_ENDPOINT)),
        },
    ),
    suspicion=50,
    complete=_complete,
)
