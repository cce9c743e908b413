"""Envoy's form of addresses, and the addresses that mean something."""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.config.core.v3 import Address, Pipe, SocketAddress

from translators.codec import new

ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - what iptables redirects may be for any address
LOOPBACK: Final = "127.0.0.1"
PASSTHROUGH_SOURCE: Final = "127.0.0.6"
"""Connections from here are let through by the redirect rules instead of being captured again."""
UNIX: Final = "unix://"
"""What the path of a socket in the file system is written behind."""


def address(host: str, port: int) -> Address:
    """Give Envoy's form of an address: an IP, a name or `unix://path`, which has no port."""
    if host.startswith(UNIX):
        return new(Address)(pipe=new(Pipe)(path=host.removeprefix(UNIX)))
    return new(Address)(socket_address=new(SocketAddress)(address=host, port_value=port))
