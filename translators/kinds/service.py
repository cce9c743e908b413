"""``v1 Service``: a name, ports and the addresses under which clients know it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.field_types import EXPORT_TO, PORT, is_address, is_host, text_where
from translators.kinds.findings import Findings
from translators.kinds.kind import CORE, Kind, Metadata, document_with_spec
from translators.kinds.schema import (
    BOOLEAN,
    INVALID,
    TEXT,
    Shape,
    checked,
    choice,
    describe,
    ignored,
    list_of,
    map_of,
    optional,
    record,
    required,
    unsupported,
)
from translators.model import kind_names
from translators.model.origin import Labels


@dataclass(frozen=True, slots=True)
class KubernetesPort:
    """A service port; ``target_port`` is a number or the name of a container port, "" when it is the same as ``number``."""

    number: int
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str = ""
    target_port: int | str = ""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What translation reads of a Service. ``addresses`` are its cluster IPs, empty when headless."""

    ports: tuple[KubernetesPort, ...] = ()
    addresses: tuple[str, ...] = ()
    headless: bool = False
    external_name: str = ""
    selector: Labels = frozenset()
    publish_not_ready: bool = False
    export_to: tuple[str, ...] = ()


EXPORT_ANNOTATION: Final = "networking.istio.io/exportTo"


def _target_port(value: object, path: Path, findings: Findings) -> object:
    if type(value) is str and value:
        return value
    if type(value) is int and 1 <= value <= 65535:
        return value
    findings.error(
        path, f"must be a port number or the name of a container's port, not {describe(value)}"
    )
    return INVALID


_PORT: Final = record(
    KubernetesPort,
    {
        "name": optional("name", TEXT),
        "port": required("number", PORT),
        "protocol": optional("protocol", choice({word: word for word in ("TCP", "UDP", "SCTP")})),
        "appProtocol": optional("app_protocol", TEXT),
        "targetPort": optional("target_port", Shape(_target_port)),
        "nodePort": ignored("for clients outside the mesh"),
    },
)
_VIP: Final = text_where(
    lambda text: text in {"", "None"} or is_address(text), "an IP address or None"
)
_OUTSIDE: Final = "for clients outside the mesh"
_FAMILIES: Final = "the addresses themselves say it"


def _service(
    *,
    ports: tuple[KubernetesPort, ...] = (),
    selector: tuple[tuple[str, str], ...] = (),
    cluster_ip: str = "",
    cluster_ips: tuple[str, ...] = (),
    external_name: str = "",
    publish_not_ready: bool = False,
    service_type: str = "ClusterIP",
) -> ServiceSpec:
    given = cluster_ips or (cluster_ip,)
    return ServiceSpec(
        ports=ports,
        addresses=tuple(address for address in given if address not in {"", "None"}),
        headless="None" in given,
        external_name=external_name.rstrip(".") if service_type == "ExternalName" else "",
        selector=frozenset(selector),
        publish_not_ready=publish_not_ready,
    )


def _check(value: object, path: Path, findings: Findings) -> object:
    if not isinstance(value, ServiceSpec):
        return value
    ports = (path, "ports")
    if not value.ports and not value.headless and not value.external_name:
        findings.error(ports, "needs at least one port")
    names: set[str] = set()
    numbers: set[tuple[int, str]] = set()
    for i, port in enumerate(value.ports):
        if not port.name and len(value.ports) > 1:
            findings.error(((ports, i), "name"), "is required when there are several ports")
        elif port.name in names:
            findings.error(((ports, i), "name"), f"{port.name!r} is the name of an earlier port")
        if (port.number, port.protocol) in numbers:
            findings.error(
                ((ports, i), "port"), f"{port.number}/{port.protocol} is taken by an earlier port"
            )
        names.add(port.name)
        numbers.add((port.number, port.protocol))
    return value


def _external(shape: Shape) -> Shape:
    """The shape, refusing a Service of type ExternalName without the name."""

    def parse(value: object, path: Path, findings: Findings) -> object:
        spec = shape.parse(value, path, findings)
        is_external = isinstance(value, dict) and value.get("type") == "ExternalName"
        if is_external and isinstance(spec, ServiceSpec) and not spec.external_name:
            findings.error((path, "externalName"), "is required for type ExternalName")
            return INVALID
        return spec

    return Shape(parse, shape.fields)


_SPEC: Final = checked(
    record(
        _service,
        {
            "ports": optional("ports", list_of(_PORT)),
            "selector": optional("selector", map_of(TEXT)),
            "clusterIP": optional("cluster_ip", _VIP),
            "clusterIPs": optional("cluster_ips", list_of(_VIP)),
            "externalName": optional(
                "external_name", text_where(lambda text: not text or is_host(text), "a host name")
            ),
            "publishNotReadyAddresses": optional("publish_not_ready", BOOLEAN),
            "type": optional(
                "service_type",
                choice(
                    {
                        word: word
                        for word in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
                    }
                ),
            ),
            "trafficDistribution": unsupported(),
            "sessionAffinity": unsupported("requests are balanced freely", harmless=("None",)),
            "sessionAffinityConfig": unsupported("requests are balanced freely"),
            "internalTrafficPolicy": unsupported(
                "all endpoints are used, also on other nodes", harmless=("Cluster",)
            ),
            "externalIPs": ignored(_OUTSIDE),
            "loadBalancerIP": ignored(_OUTSIDE),
            "loadBalancerSourceRanges": ignored(_OUTSIDE),
            "loadBalancerClass": ignored(_OUTSIDE),
            "allocateLoadBalancerNodePorts": ignored(_OUTSIDE),
            "externalTrafficPolicy": ignored(_OUTSIDE),
            "healthCheckNodePort": ignored(_OUTSIDE),
            "ipFamilies": ignored(_FAMILIES),
            "ipFamilyPolicy": ignored(_FAMILIES),
        },
    ),
    _check,
)


def _complete(spec: object, metadata: Metadata, findings: Findings) -> object:
    written = dict(metadata.annotations).get(EXPORT_ANNOTATION, "")
    if not written or not isinstance(spec, ServiceSpec):
        return spec
    path = (((None, "metadata"), "annotations"), EXPORT_ANNOTATION)
    names = [name.strip() for name in written.split(",") if name.strip()]
    before = findings.errors
    EXPORT_TO.parse(names, path, findings)
    return replace(spec, export_to=tuple(names)) if findings.errors == before else INVALID


SERVICE: Final = Kind(
    kind_names.SERVICE, CORE, document_with_spec(_external(_SPEC)), suspicion=60, complete=_complete
)
