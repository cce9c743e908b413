"""`networking.istio.io WorkloadEntry`: one workload outside Kubernetes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context, Invalid
from translators.kinds.schema.envoy_ports import warn_of_workload_port
from translators.kinds.schema.field_types import LABEL_NAME, LABELS, LOCALITY, PORT, UINT32, is_host
from translators.kinds.schema.kind import ISTIO_NETWORKING, Kind, document_with_spec
from translators.kinds.schema.record import optional, record
from translators.kinds.schema.shape import TEXT, checked, describe, map_of, text_as
from translators.model.addresses import normal_address
from translators.model.hosts import normal_host
from translators.model.locality import NOWHERE, Locality
from translators.model.origin import Labels


@dataclass(frozen=True, slots=True)
class WorkloadEntrySpec:
    """Where one workload is; also the shape of an endpoint written inside a ServiceEntry.

    `address` is an IP, a DNS name or `unix://path`; "" when only its network is known, so that it
    cannot be reached. `ports` maps a service port's name to the workload's port number, sorted by
    name. `labels` are spec.labels. `weight` 0 means not given (1). `network` is only told of.
    """

    address: str = ""
    ports: tuple[tuple[str, int], ...] = ()
    labels: Labels = frozenset()
    locality: Locality = NOWHERE
    weight: int = 0
    service_account: str = ""
    network: str = ""

    @property
    def is_socket(self) -> bool:
        """Whether it is reached by a socket in the file system, which has no ports."""
        return self.address.startswith(_SOCKET)


_SOCKET: Final = "unix://"
_LONGEST_SOCKET: Final = 107
"""Bytes: Linux has room for 108 (`sun_path`), with the zero at the end."""
_ADDRESS: Final = "an IP address, a host name or unix:///a/path"


def _address(text: str, path: Path, context: Context) -> str | Invalid:
    """Give an endpoint's address in its one spelling."""
    if text.startswith(_SOCKET):
        return _socket(text, path, context)
    if text == "":  # as if it were not given, which is told of elsewhere
        return text
    address = normal_address(text)
    if address is not None:
        return address
    if is_host(text) and "*" not in text:
        return normal_host(text)
    return context.error(path, f"must be {_ADDRESS}, not {describe(text)}")


def _socket(text: str, path: Path, context: Context) -> str | Invalid:
    name = text.removeprefix(_SOCKET)
    is_abstract = name.startswith("@") and len(name) > 1
    if not is_abstract and (not name.startswith("/") or name.endswith("/")):
        return context.error(
            path,
            "must be the absolute path of a socket (unix:///a/path), or the name of an abstract one "
            f"(unix://@name), not {describe(text)}",
        )
    if not name.isprintable():
        return context.error(path, f"has characters that no path should have: {describe(text)}")
    length = len(name.encode())
    if length > _LONGEST_SOCKET:
        return context.error(
            path, f"is {length} bytes long after unix://; Linux takes at most {_LONGEST_SOCKET}"
        )
    return text


def _check(spec: WorkloadEntrySpec, path: Path, context: Context) -> None:
    if not spec.address and not spec.network:
        context.error((path, "address"), f"is required: {_ADDRESS}")
    elif not spec.address:
        context.unsupported(
            (path, "network"),
            "networks are not supported yet; without an address of its own this has no effect",
        )
    elif spec.network:
        context.unsupported(
            (path, "network"),
            "networks are not supported yet; the address is taken to be reachable directly",
        )
    if spec.is_socket and spec.ports:
        context.error((path, "ports"), "a socket's path has no ports")
    for name, number in spec.ports:
        warn_of_workload_port(number, ((path, "ports"), name), context)


WORKLOAD: Final = checked(
    record(
        WorkloadEntrySpec,
        {
            "address": optional("address", text_as(_address)),
            "ports": optional("ports", map_of(PORT, name=LABEL_NAME)),
            "labels": optional("labels", LABELS),
            "network": optional("network", TEXT),
            "locality": optional("locality", LOCALITY),
            "weight": optional("weight", UINT32),
            "serviceAccount": optional("service_account", TEXT),
        },
    ),
    _check,
)
"""A workload's place, alone or inside a ServiceEntry."""

WORKLOAD_ENTRY: Final = Kind(
    "WorkloadEntry", ISTIO_NETWORKING, document_with_spec(WORKLOAD), suspicion=40
)
