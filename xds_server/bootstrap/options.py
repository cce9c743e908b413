"""What a bootstrap says: who the proxy is, where it runs and where its control plane is.

Text from a command line flows in and is checked here; the values that come out can be rendered
without further checks.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from translators import names
from translators.model.locality import NOWHERE, Locality
from translators.model.proxy_node import Mode
from xds_server.errors import ChanceryError

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?\.?")
_LOOPBACK = "127.0.0.1"

_NOTHING: Mapping[str, str] = MappingProxyType({})


class BootstrapError(ChanceryError):
    """An option that cannot be; the message says which, and what is expected."""


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """An IP address or host name with a port."""

    host: str
    port: int

    @property
    def is_ip(self) -> bool:
        """Whether the host is an IP address, which needs no name resolution."""
        return _is_ip(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PipeAddress:
    """A unix socket; `path` is absolute."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = SocketAddress | PipeAddress


@dataclass(frozen=True, slots=True)
class BootstrapOptions:
    """One proxy's bootstrap.

    `instance_ips` are the workload's addresses (the first one is in the node id of captured mode).
    `inbound` maps a port of the workload to the address of its application, as `{9080:
    127.0.0.1:19080}`; in egress mode Envoy opens no others, in captured mode a port that is not in
    it is at 127.0.0.1 with the same number. `labels` are what policies select the workload by.
    `is_delta` False asks for the state of the world; proxyless gRPC speaks nothing else.
    `drain_seconds` stands in the suggested command line only.

    Raises:
        BootstrapError: when a value cannot be, or does not go with the mode.
    """

    name: str
    namespace: str = "default"
    mode: Mode = Mode.EGRESS
    control_plane: Address = SocketAddress("127.0.0.1", 15010)
    admin: Address = SocketAddress("127.0.0.1", 15000)
    locality: Locality = NOWHERE
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    instance_ips: tuple[str, ...] = ()
    inbound: Mapping[int, SocketAddress] = field(default_factory=dict)
    egress_port: int = 15001
    service_account: str = "default"
    cluster_id: str = "Kubernetes"
    is_delta: bool = True
    max_connections: int = 50_000
    drain_seconds: int = 5

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BootstrapError(
                f"name {self.name!r}: expected lower-case letters, digits, '-' and '.', e.g. web-0"
            )
        if not _LABEL.fullmatch(self.namespace):
            raise BootstrapError(
                f"namespace {self.namespace!r}: expected lower-case letters, digits and '-', e.g. default"
            )
        for ip in self.instance_ips:
            if not _is_ip(ip):
                raise BootstrapError(
                    f"address {ip!r} of the workload: expected an IP address, e.g. 10.0.0.7"
                )
        if self.mode is Mode.CAPTURED and not self.instance_ips:
            raise BootstrapError(
                "captured mode needs the workload's own IP address (--ip 10.0.0.7): "
                "its services are found by it"
            )
        self._check_texts()
        self._check_numbers()
        self._check_envoy_ports()

    def _check_texts(self) -> None:
        """Refuse characters that YAML and statistics cannot carry."""
        locality = self.locality
        for what, text in (
            *(("label", part) for pair in self.labels.items() for part in pair),
            *(("locality", part) for part in (locality.region, locality.zone, locality.sub_zone)),
            ("service account", self.service_account),
            ("cluster id", self.cluster_id),
            *(("address", str(address)) for address in (self.control_plane, self.admin)),
        ):
            if not text.isprintable():
                raise BootstrapError(f"{what} {text!r}: control characters cannot be in it")

    def _check_numbers(self) -> None:
        check_port(self.egress_port, "egress port")
        for port in self.inbound:
            check_port(port, "inbound port")
        if self.max_connections < 1:
            raise BootstrapError(f"max connections {self.max_connections}: expected 1 or more")

    def _check_envoy_ports(self) -> None:
        """Refuse what Envoy would need twice, and applications that are Envoy's own pages."""
        captures = (names.OUTBOUND_CAPTURE_PORT, names.INBOUND_CAPTURE_PORT)
        captured = self.mode is Mode.CAPTURED
        own = {SocketAddress(_LOOPBACK, port) for port in (captures if captured else ())}
        if self.mode is Mode.EGRESS:
            own.add(SocketAddress(_LOOPBACK, self.egress_port))
        if isinstance(self.admin, SocketAddress):
            own.add(self.admin)
        for port, application in self.inbound.items():
            opened = [] if captured else [SocketAddress(ip, port) for ip in self.instance_ips]
            for address in (application, *opened):
                if address in own:
                    raise BootstrapError(
                        f"inbound {port}={application}: Envoy itself listens on {address}, for its"
                        " admin pages or for what the workload sends; use another port"
                    )

    @property
    def node_id(self) -> str:
        """`NAME.NAMESPACE`; in captured mode as Istio's sidecars write it."""
        plain = f"{self.name}.{self.namespace}"
        if self.mode is not Mode.CAPTURED:
            return plain
        return f"sidecar~{self.instance_ips[0]}~{plain}~{self.namespace}.svc.cluster.local"


def parse_address(text: str) -> Address:
    """The address written as `HOST:PORT`, `[IPV6]:PORT` or `unix:/path`.

    Raises:
        BootstrapError: when the text is none of these.
    """
    if text.startswith("unix:"):
        path = "/" + text.removeprefix("unix:").lstrip("/")
        if len(path) == 1 or not text.startswith("unix:/"):
            raise BootstrapError(
                f"address {text!r}: expected an absolute path, as in unix:/run/chancery/xds.sock"
            )
        return PipeAddress(path)
    return parse_socket_address(text)


def parse_socket_address(text: str) -> SocketAddress:
    """The address written as `HOST:PORT` or `[IPV6]:PORT`.

    Raises:
        BootstrapError: when the text is neither.
    """
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    known = _is_ip(bare) if ":" in bare else bool(_HOST.fullmatch(bare))
    if not colon or not known or not port.isdigit():
        raise BootstrapError(
            f"address {text!r}: expected HOST:PORT, [IPV6]:PORT or unix:/path, e.g. 127.0.0.1:15010"
        )
    return SocketAddress(bare, check_port(int(port), f"port of {text!r}"))


def parse_labels(items: Iterable[str]) -> dict[str, str]:
    """Labels written as `KEY=VALUE`, several of them with commas between.

    Raises:
        BootstrapError: when one has no `=` or no key.
    """
    labels = {}
    for item in _split(items):
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise BootstrapError(f"label {item!r}: expected KEY=VALUE, e.g. app=web")
        labels[key] = value
    return labels


def parse_inbound(items: Iterable[str]) -> dict[int, SocketAddress]:
    """Inbound ports written as `PORT=HOST:PORT` or `PORT=PORT` (of 127.0.0.1).

    Several of them have commas between.

    Raises:
        BootstrapError: when one is neither.
    """
    inbound = {}
    for item in _split(items):
        port, equals, target = item.partition("=")
        if not equals or not port.isdigit():
            raise BootstrapError(
                f"inbound {item!r}: expected PORT=HOST:PORT, e.g. 9080=127.0.0.1:19080"
            )
        number = check_port(int(port), f"port of inbound {item!r}")
        address = parse_socket_address(f"127.0.0.1:{target}" if target.isdigit() else target)
        if not address.is_ip:
            raise BootstrapError(
                f"inbound {item!r}: expected an IP address, not the name {address.host!r}"
            )
        inbound[number] = address
    return inbound


def check_port(port: int, what: str) -> int:
    """The port itself.

    Raises:
        BootstrapError: when it is not between 1 and 65535.
    """
    if not 0 < port < 65536:
        raise BootstrapError(f"{what}: {port} is not between 1 and 65535")
    return port


def _split(items: Iterable[str]) -> list[str]:
    return [part.strip() for item in items for part in item.split(",") if part.strip()]


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
