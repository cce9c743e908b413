"""Bootstraps: what tells a proxy who it is and where its control plane is."""

from xds_server.bootstrap.options import (
    Address,
    BootstrapError,
    BootstrapOptions,
    PipeAddress,
    SocketAddress,
    parse_address,
    parse_inbound,
    parse_labels,
    parse_socket_address,
)
from xds_server.bootstrap.render import render

__all__ = [
    "Address",
    "BootstrapError",
    "BootstrapOptions",
    "PipeAddress",
    "SocketAddress",
    "parse_address",
    "parse_inbound",
    "parse_labels",
    "parse_socket_address",
    "render",
]
