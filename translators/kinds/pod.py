"""`v1 Pod`: labels, addresses and the node of a workload."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from translators.kinds.schema.context import Context
from translators.kinds.schema.envoy_ports import warn_of_workload_port
from translators.kinds.schema.field_types import ADDRESS, PORT
from translators.kinds.schema.kind import CORE, Kind, Metadata, document
from translators.kinds.schema.record import optional, record, required, spread
from translators.kinds.schema.shape import TEXT, checked, list_of


@dataclass(frozen=True, slots=True)
class PodSpec:
    """What translation reads of a Pod; its labels are on the object.

    `locality` is the `istio-locality` label, dots as slashes.
    """

    addresses: tuple[str, ...] = ()
    node_name: str = ""
    service_account: str = "default"
    locality: str = ""
    container_ports: tuple[tuple[str, int], ...] = ()
    """Named container ports, for a Service's `targetPort` given by name."""


def _container_port(number: int, name: str = "") -> tuple[str, int]:
    return (name, number)


def _container(ports: tuple[tuple[str, int], ...] = ()) -> tuple[tuple[str, int], ...]:
    return tuple(port for port in ports if port[0])


_PORT: Final = checked(PORT, warn_of_workload_port)
_CONTAINER: Final = record(
    _container,
    {
        "ports": optional(
            "ports",
            list_of(
                record(
                    _container_port,
                    {"name": optional("name", TEXT), "containerPort": required("number", _PORT)},
                    is_open=True,
                )
            ),
        )
    },
    is_open=True,
)
_SPEC: Final = spread(
    {
        "nodeName": optional("node_name", TEXT),
        "serviceAccountName": optional("service_account", TEXT),
        "containers": optional("containers", list_of(_CONTAINER)),
    },
    is_open=True,
)


def _address(ip: str = "") -> str:
    return ip


_STATUS: Final = spread(
    {
        "phase": optional("phase", TEXT),
        "podIP": optional("address", ADDRESS),
        "podIPs": optional(
            "addresses", list_of(record(_address, {"ip": optional("ip", ADDRESS)}, is_open=True))
        ),
    },
    is_open=True,
)


def _pod(
    *,
    node_name: str = "",
    service_account: str = "",
    containers: tuple[tuple[tuple[str, int], ...], ...] = (),
    phase: str = "",
    address: str = "",
    addresses: tuple[str, ...] = (),
) -> PodSpec:
    own = (address, *(other for other in addresses if other != address))
    return PodSpec(
        addresses=() if phase in {"Succeeded", "Failed"} else tuple(filter(None, own)),
        node_name=node_name,
        service_account=service_account or "default",
        container_ports=tuple(port for container in containers for port in container),
    )


def _place(spec: PodSpec, metadata: Metadata, context: Context) -> PodSpec:  # noqa: ARG001 a completion
    place = dict(metadata.labels).get("istio-locality", "")
    return replace(spec, locality=place.replace(".", "/")) if place else spec


POD: Final = Kind(
    "Pod",
    CORE,
    document(_pod, {"spec": _SPEC, "status": _STATUS}),
    suspicion=70,
    complete=_place,
)
"""Of a Pod only a corner is read: whatever else its spec and status hold has no effect on proxies.

The address of a Pod that has ended may belong to another one already, so it is not kept.
"""
