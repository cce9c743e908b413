"""`v1 Service`: a name, ports and the addresses under which clients know it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import INVALID, Context, Invalid
from translators.kinds.schema.envoy_ports import warn_of_service_port, warn_of_workload_port
from translators.kinds.schema.export_to import SERVICE_EXPORT_TO
from translators.kinds.schema.field_types import PORT, is_host
from translators.kinds.schema.kind import CORE, Kind, Metadata, document_with_spec
from translators.kinds.schema.record import ignored, optional, record, required, unsupported
from translators.kinds.schema.shape import (
    BOOLEAN,
    TEXT,
    Shape,
    checked,
    describe,
    list_of,
    map_of,
    text_spelled,
    word_of,
)
from translators.model.addresses import normal_address
from translators.model.hosts import normal_host
from translators.model.origin import Labels


@dataclass(frozen=True, slots=True)
class KubernetesPort:
    """A service port.

    `target_port` is a number or the name of a container port, "" when it is the same as `number`.
    """

    number: int
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str = ""
    target_port: int | str = ""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What translation reads of a Service.

    `addresses` are its cluster IPs, empty when headless.
    """

    ports: tuple[KubernetesPort, ...] = ()
    addresses: tuple[str, ...] = ()
    headless: bool = False
    external_name: str = ""
    selector: Labels = frozenset()
    publish_not_ready: bool = False
    export_to: tuple[str, ...] = ()


EXPORT_ANNOTATION: Final = "networking.istio.io/exportTo"


def _target_port(value: object, path: Path, context: Context) -> int | str | Invalid:
    if type(value) is str and value:
        return value
    if type(value) is int and 1 <= value <= 65535:
        return value
    return context.error(
        path, f"must be a port number or the name of a container's port, not {describe(value)}"
    )


def _check_port(port: KubernetesPort, path: Path, context: Context) -> None:
    if port.protocol == "TCP":
        warn_of_service_port(port.number, (path, "port"), context)
        warn_of_workload_port(port.target_port, (path, "targetPort"), context)


_PORT: Final = checked(
    record(
        KubernetesPort,
        {
            "name": optional("name", TEXT),
            "port": required("number", PORT),
            "protocol": optional("protocol", word_of("TCP", "UDP", "SCTP")),
            "appProtocol": optional("app_protocol", TEXT),
            "targetPort": optional("target_port", Shape(_target_port)),
            "nodePort": ignored("for clients outside the mesh"),
        },
    ),
    _check_port,
)
_VIP: Final = text_spelled(
    lambda text: text if text in {"", "None"} else normal_address(text), "an IP address or None"
)


def _external_name(text: str) -> str | None:
    """Give the name in its one spelling; one of four numbers is a name to Kubernetes."""
    is_name = not text or is_host(text) or (":" not in text and normal_address(text) is not None)
    return normal_host(text) if is_name else None


_EXTERNAL_NAME: Final = text_spelled(_external_name, "a host name")
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
        addresses=tuple(dict.fromkeys(vip for vip in given if vip not in {"", "None"})),
        headless="None" in given,
        external_name=external_name if service_type == "ExternalName" else "",
        selector=frozenset(selector),
        publish_not_ready=publish_not_ready,
    )


def _check(spec: ServiceSpec, path: Path, context: Context) -> None:
    ports = (path, "ports")
    if not spec.ports and (spec.headless or spec.external_name):
        context.warning(ports, "without ports proxies do not know it; give those that clients use")
    elif not spec.ports:
        context.error(ports, "needs at least one port")
    names: set[str] = set()
    numbers: set[tuple[int, str]] = set()
    for i, port in enumerate(spec.ports):
        if not port.name and len(spec.ports) > 1:
            context.error(((ports, i), "name"), "is required when there are several ports")
        elif port.name in names:
            context.error(((ports, i), "name"), f"{port.name!r} is the name of an earlier port")
        if (port.number, port.protocol) in numbers:
            context.error(
                ((ports, i), "port"), f"{port.number}/{port.protocol} is taken by an earlier port"
            )
        names.add(port.name)
        numbers.add((port.number, port.protocol))


def _external(shape: Shape[ServiceSpec]) -> Shape[ServiceSpec]:
    """Give the shape, refusing a Service of type ExternalName without the name."""

    def parse(value: object, path: Path, context: Context) -> ServiceSpec | Invalid:
        spec = shape.parse(value, path, context)
        is_external = isinstance(value, dict) and value.get("type") == "ExternalName"
        if is_external and spec is not INVALID and not spec.external_name:
            return context.error((path, "externalName"), "is required for type ExternalName")
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
            "externalName": optional("external_name", _EXTERNAL_NAME),
            "publishNotReadyAddresses": optional("publish_not_ready", BOOLEAN),
            "type": optional(
                "service_type",
                word_of("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
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


def _complete(spec: ServiceSpec, metadata: Metadata, context: Context) -> ServiceSpec | Invalid:
    written = dict(metadata.annotations).get(EXPORT_ANNOTATION, "")
    if not written:
        return spec
    path = (((None, "metadata"), "annotations"), EXPORT_ANNOTATION)
    names = [name.strip() for name in written.split(",") if name.strip()]
    export_to = SERVICE_EXPORT_TO.parse(names, path, context)
    return INVALID if export_to is INVALID else replace(spec, export_to=export_to)


SERVICE: Final = Kind(
    "Service",
    CORE,
    document_with_spec(_external(_SPEC)),
    suspicion=60,
    has_label_names=True,
    complete=_complete,
)
