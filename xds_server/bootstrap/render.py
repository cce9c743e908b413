"""Fills a bootstrap template in.

Every mark of a template is replaced by a JSON value on one line. JSON is YAML too, so the result is
well-formed whatever the value holds, and the templates need no logic of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import Template

from translators.model.locality import Locality
from translators.model.proxy_node import Mode
from xds_server.bootstrap.options import Address, BootstrapOptions, PipeAddress
from xds_server.bootstrap.templates import template

Json = str | int | Mapping[str, "Json"]


def render(options: BootstrapOptions) -> str:
    """The bootstrap: YAML for Envoy, JSON for proxyless gRPC."""
    text = template(options.mode)
    if options.mode is not Mode.PROXYLESS:
        text = _head(options) + _without_head(text)
    marks = {
        name: json.dumps(value, ensure_ascii=False) for name, value in _values(options).items()
    }
    return Template(text).substitute(marks)


def _values(options: BootstrapOptions) -> dict[str, Json]:
    server = options.control_plane
    by_name = not isinstance(server, PipeAddress) and not server.is_ip
    return {
        "NODE_ID": options.node_id,
        "NODE_CLUSTER": f"{options.name}.{options.namespace}",
        "LOCALITY": _locality(options.locality),
        "NAMESPACE": options.namespace,
        "SERVICE_ACCOUNT": options.service_account,
        "CLUSTER_ID": options.cluster_id,
        "LABELS": dict(sorted(options.labels.items())),
        "INSTANCE_IPS": ",".join(options.instance_ips),
        "EGRESS_PORT": options.egress_port,
        "INBOUND": {str(port): str(to) for port, to in sorted(options.inbound.items())},
        "XDS_PROTOCOL": "DELTA_GRPC" if options.is_delta else "GRPC",
        "XDS_ADDRESS": _address(server),
        "XDS_DISCOVERY": "STRICT_DNS" if by_name else "STATIC",
        "XDS_URI": str(server),
        "ADMIN_ADDRESS": _address(options.admin),
        "MAX_CONNECTIONS": options.max_connections,
    }


def _locality(locality: Locality) -> Json:
    levels = {"region": locality.region, "zone": locality.zone, "sub_zone": locality.sub_zone}
    return {name: value for name, value in levels.items() if value}


def _address(address: Address) -> Json:
    if isinstance(address, PipeAddress):
        return {"pipe": {"path": address.path}}
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def _head(options: BootstrapOptions) -> str:
    lines = [
        f"Envoy's bootstrap for {options.node_id}, {options.mode.value} mode, control plane {options.control_plane}.",
        f"Start it with: envoy -c THIS_FILE --disable-hot-restart --drain-time-s {options.drain_seconds}",
    ]
    # A dollar sign here would be taken for a mark.
    return "".join(f"# {line.replace('$', '$$')}\n" for line in lines) + "\n"


def _without_head(text: str) -> str:
    """The template without the comment that says how to fill it in by hand."""
    lines = text.splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    return "".join(lines[first:])
