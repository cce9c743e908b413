"""`networking.istio.io VirtualService`: how requests to hosts are routed.

Hosts are stored in full: short names are completed with the object's namespace while parsing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context, Invalid
from translators.kinds.schema.export_to import EXPORT_TO
from translators.kinds.schema.field_types import RULE_HOST, is_address
from translators.kinds.schema.kind import ISTIO_NETWORKING, Kind, document_with_spec
from translators.kinds.schema.record import Check, optional, record
from translators.kinds.schema.shape import Shape, checked, list_of
from translators.kinds.virtual_service.matches import GATEWAY, MESH, only_mesh
from translators.kinds.virtual_service.rules import HTTP_RULES, TCP_RULES, TLS_RULES
from translators.model.hosts import covers
from translators.model.routing import HttpRule, L4Rule


@dataclass(frozen=True, slots=True)
class VirtualServiceSpec:
    """Hosts in full, in the order written, and the rules for them.

    Without hosts it is a delegate, which applies to nothing. `gateways` default `("mesh",)`;
    `export_to` empty means everyone.
    """

    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ("mesh",)
    http: tuple[HttpRule, ...] = ()
    tls: tuple[L4Rule, ...] = ()
    tcp: tuple[L4Rule, ...] = ()
    export_to: tuple[str, ...] = ()


def _check_star(spec: VirtualServiceSpec, path: Path, context: Context) -> None:
    if MESH in spec.gateways and "*" in spec.hosts:
        context.error(
            ((path, "hosts"), spec.hosts.index("*")),
            "* would take over every service that has no VirtualService of its own; name the hosts, "
            "or bind it to gateways other than mesh",
        )


def _check_server_names(spec: VirtualServiceSpec, path: Path, context: Context) -> None:
    for i, rule in enumerate(spec.tls):
        for k, match in enumerate(rule.match):
            at = ((((path, "tls"), i), "match"), k)
            _check_sni(match.sni_hosts, spec.hosts, (at, "sniHosts"), context)


def _check_hosts(spec: VirtualServiceSpec, path: Path, context: Context) -> None:
    """Refuse a host that is there twice, or falls under another one.

    What falls under a `*` that is refused anyway is not told.
    """
    places: dict[str, int] = {}
    for i, host in enumerate(spec.hosts):
        if host in places:
            context.error(((path, "hosts"), i), f"{host} is listed already; remove one of the two")
        places.setdefault(host, i)
    wildcards = (host for host in spec.hosts if host.startswith("*"))
    endings = {host[1:]: host for host in wildcards if host != "*" or MESH not in spec.gateways}
    for host in places if endings else ():
        for start in range(len(host) + 1):
            wider = endings.get(host[start:], host)
            if wider != host:
                at = max(places[host], places[wider])
                message = f"{host} falls under {wider}; keep one of them"
                context.error(((path, "hosts"), at), message)
                break


def _check_sni(
    sni_hosts: tuple[str, ...], hosts: tuple[str, ...], path: Path, context: Context
) -> None:
    for i, name in enumerate(sni_hosts):
        if is_address(name):
            context.warning((path, i), "clients do not send an address as a server name (SNI)")
        elif not any(
            host == name or (host.startswith("*") and covers(host, name)) for host in hosts
        ):
            context.error((path, i), f"{name} is not covered by spec.hosts; add it there")


_GATEWAYS: Final = checked(list_of(GATEWAY, at_least=1), only_mesh)
_FIELDS: Final = record(
    VirtualServiceSpec,
    {
        "hosts": optional("hosts", list_of(RULE_HOST)),
        "gateways": optional("gateways", _GATEWAYS),
        "http": optional("http", HTTP_RULES),
        "tls": optional("tls", TLS_RULES),
        "tcp": optional("tcp", TCP_RULES),
        "exportTo": optional("export_to", EXPORT_TO),
    },
    checks=(
        Check(_check_star, reads=("hosts", "gateways")),
        Check(_check_hosts, reads=("hosts",)),
        Check(_check_server_names, reads=("hosts", "tls")),
    ),
)


def _with_rules(value: object, path: Path, context: Context) -> VirtualServiceSpec | Invalid:
    """Give the spec; one without any rule is refused."""
    if isinstance(value, dict) and not any(value.get(name) for name in ("http", "tls", "tcp")):
        context.error(path, "needs rules: give http, tls or tcp")
    if isinstance(value, dict) and not value.get("hosts"):
        _delegate(value, path, context)
    return _FIELDS.parse(value, path, context)


def _delegate(value: Mapping[str, object], path: Path, context: Context) -> None:
    """Tell what one without hosts is; it may only have rules for requests, as in Istio."""
    context.unsupported(
        path, "has no hosts, so it is a delegate; these are not supported yet, and it has no effect"
    )
    for name in ("gateways", "tls", "tcp"):
        if value.get(name):
            context.error((path, name), "cannot be given without hosts, in a delegate")


VIRTUAL_SERVICE: Final = Kind(
    "VirtualService",
    ISTIO_NETWORKING,
    document_with_spec(Shape(_with_rules, _FIELDS.fields)),
    suspicion=10,
    is_policy=True,
)
