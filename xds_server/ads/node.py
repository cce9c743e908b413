"""Who a connecting proxy is: from the node that it sends to the identity that translation uses.

Two forms of node ids are understood:

* `sidecar~IP~POD.NAMESPACE~NAMESPACE.svc.cluster.local`, as Istio's bootstraps write it, with their
  metadata `NAMESPACE`, `LABELS`, `INSTANCE_IPS`, `SERVICE_ACCOUNT`, `CLUSTER_ID` and
  `INTERCEPTION_MODE`;
* `NAME.NAMESPACE`, for a laptop or a VM, with the same metadata and `CHANCERY_MODE` (`egress`,
  `captured`), `CHANCERY_EGRESS_PORT` and `CHANCERY_INBOUND` (target port → address of the
  application; in egress mode these are the ports that it opens).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from translators.codec.node import Json, RawNode
from translators.model.locality import Locality
from translators.model.proxy_node import Mode, ProxyNode
from xds_server.errors import NodeRefusedError

EXPECTED_ID = "use NAME.NAMESPACE (a laptop or VM) or sidecar~IP~POD.NAMESPACE~NAMESPACE.svc.cluster.local (Istio's form)"
_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NAMESPACE = re.compile(_LABEL)
_ROLES = ("sidecar",)
LONGEST_ID = 512
"""Characters. A pod's longest name, its namespace twice, an IPv6 address and a domain take 450."""
_LONGEST_NAME = 253
_LONGEST_NAMESPACE = 63
_DEFAULT_EGRESS_PORT = 15001
_QUOTED = 80


def proxy_node(raw: RawNode) -> ProxyNode:
    """Give the proxy that a node describes.

    Raises:
        NodeRefusedError: Its id or its metadata cannot be understood; the message says what is
            expected.
    """
    metadata = raw.metadata
    if len(raw.id) > LONGEST_ID:
        raise NodeRefusedError(
            f"the node's id has {len(raw.id)} characters, more than {LONGEST_ID}:"
            f" {raw.id[:40]!r}…; {EXPECTED_ID}"
        )
    if max(len(raw.region), len(raw.zone), len(raw.sub_zone)) > _LONGEST_NAME:
        raise NodeRefusedError(
            f"node {raw.id!r}: a part of its locality has more than {_LONGEST_NAME} characters"
        )
    is_proxyless = raw.user_agent_name.startswith("gRPC")
    if "~" in raw.id:
        name, namespace, address = _istio_id(raw.id)
        mode = Mode.EGRESS if _text(metadata, "INTERCEPTION_MODE") == "NONE" else Mode.CAPTURED
    else:
        name, namespace, address = _plain_id(raw.id)
        mode = Mode.EGRESS
    if is_proxyless:
        mode = Mode.PROXYLESS
    elif "CHANCERY_MODE" in metadata:
        mode = _mode(raw)
    stated = _text(metadata, "NAMESPACE")
    if stated and stated != namespace:
        raise NodeRefusedError(
            f"node {raw.id!r} says namespace {namespace!r} in its id and {_cut(stated)} in metadata.NAMESPACE: make them agree"
        )
    return ProxyNode(
        id=raw.id,
        name=name,
        namespace=namespace,
        mode=mode,
        addresses=_addresses(raw, address),
        labels=_labels(raw),
        locality=Locality(raw.region, raw.zone, raw.sub_zone),
        service_account=_text(metadata, "SERVICE_ACCOUNT") or "default",
        cluster_id=_text(metadata, "CLUSTER_ID") or "Kubernetes",
        inbound=_inbound(raw),
        egress_port=_port(raw, "CHANCERY_EGRESS_PORT", metadata.get("CHANCERY_EGRESS_PORT"))
        if "CHANCERY_EGRESS_PORT" in metadata
        else _DEFAULT_EGRESS_PORT,
        agent_version=raw.user_agent_version,
    )


def _istio_id(text: str) -> tuple[str, str, str]:
    """Name, namespace and address of `sidecar~IP~POD.NAMESPACE~DOMAIN`."""
    parts = text.split("~")
    if len(parts) != 4:
        raise NodeRefusedError(
            f"node id {text!r} has {len(parts)} parts between '~', not 4: {EXPECTED_ID}"
        )
    role, address, workload, _ = parts
    if role not in _ROLES:
        raise NodeRefusedError(
            f"node id {text!r} is of a {role!r}; only sidecars are served: {EXPECTED_ID}"
        )
    if address:
        address = _address(text, "its IP", address)
    name, namespace = _split(text, workload)
    return name, namespace, address


def _plain_id(text: str) -> tuple[str, str, str]:
    if not text:
        raise NodeRefusedError(f"the node has no id: {EXPECTED_ID}")
    return (*_split(text, text), "")


def _split(node_id: str, workload: str) -> tuple[str, str]:
    """Name and namespace; the namespace is behind the last dot, for names of pods may have dots."""
    name, _, namespace = workload.rpartition(".")
    if len(name) > _LONGEST_NAME or len(namespace) > _LONGEST_NAMESPACE:
        raise NodeRefusedError(
            f"node id {node_id!r} names a workload in {len(name)} characters and a namespace in"
            f" {len(namespace)}; the limits are {_LONGEST_NAME} and {_LONGEST_NAMESPACE}"
        )
    if not _NAME.fullmatch(name) or not _NAMESPACE.fullmatch(namespace):
        raise NodeRefusedError(
            f"node id {node_id!r} does not name a workload and its namespace: {workload!r} is not NAME.NAMESPACE"
            f" in lower case; {EXPECTED_ID}"
        )
    return name, namespace


def _mode(raw: RawNode) -> Mode:
    text = _text(raw.metadata, "CHANCERY_MODE")
    for mode in Mode:
        if mode.value == text:
            return mode
    known = ", ".join([mode.value for mode in Mode])
    raise NodeRefusedError(
        f"node {raw.id!r}: metadata.CHANCERY_MODE {_cut(text)} is none of {known}"
    )


def _addresses(raw: RawNode, address: str) -> tuple[str, ...]:
    """Give the addresses of the id and of `INSTANCE_IPS` (comma-separated), sorted."""
    addresses = {address} if address else set()
    for text in _text(raw.metadata, "INSTANCE_IPS").split(","):
        if text.strip():
            addresses.add(_address(raw.id, "metadata.INSTANCE_IPS", text.strip()))
    return tuple(sorted(addresses))


def _address(node_id: str, where: str, text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise NodeRefusedError(
            f"node {node_id!r}: {_cut(text)} in {where} is not an IP address"
        ) from error
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        raise NodeRefusedError(
            f"node {node_id!r}: {_cut(text)} in {where} has a zone: leave it out"
        )
    return str(address)


def _cut(text: str) -> str:
    """Give a text that may be of any length as a message quotes it."""
    return repr(text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…")


def _labels(raw: RawNode) -> frozenset[tuple[str, str]]:
    labels = raw.metadata.get("LABELS")
    if labels is None:
        return frozenset()
    if not isinstance(labels, dict) or not all(isinstance(label, str) for label in labels.values()):
        raise NodeRefusedError(f"node {raw.id!r}: metadata.LABELS is not a map of strings")
    return frozenset((key, str(value)) for key, value in labels.items())


def _inbound(raw: RawNode) -> tuple[tuple[int, str], ...]:
    """`CHANCERY_INBOUND` as (target port, HOST:PORT of the application), sorted."""
    where = "CHANCERY_INBOUND"
    ports = raw.metadata.get(where)
    if ports is None:
        return ()
    if not isinstance(ports, dict):
        raise NodeRefusedError(
            f'node {raw.id!r}: metadata.{where} is not a map of ports to addresses, e.g. {{"9080": "127.0.0.1:19080"}}'
        )
    inbound = []
    for port, target in ports.items():
        host, _, number = str(target).rpartition(":")
        _address(raw.id, f"metadata.{where}", host.strip("[]"))
        _port(raw, where, number)
        inbound.append((_port(raw, where, port), str(target)))
    return tuple(sorted(inbound))


def _port(raw: RawNode, where: str, value: Json) -> int:
    """Give a port that is written as a number or as text."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    # Python does not read thousands of digits.
    is_short = 0 < len(text) < 6
    if not (is_short and text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise NodeRefusedError(f"node {raw.id!r}: {_cut(text)} in metadata.{where} is not a port")
    return int(text)


def _text(metadata: Mapping[str, Json], key: str) -> str:
    """Give a string of the metadata; empty when it is absent or something else."""
    value = metadata.get(key)
    return value if isinstance(value, str) else ""
