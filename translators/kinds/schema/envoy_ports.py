"""Warnings about the ports of the sidecars themselves, for the kinds that name ports.

Such a port is no error: the document may come from a cluster where it serves well, and has ports
beside it. But no listener is made for it, and whoever wrote it should know.
"""

from __future__ import annotations

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context
from translators.names import ENVOY_PORTS


def warn_of_service_port(number: int, path: Path, context: Context) -> None:
    """Note a port that clients are to connect to, if it is one of Envoy's own."""
    if number in ENVOY_PORTS:
        context.warning(
            path,
            f"{number} is a port of the sidecars themselves: they have no listener for it;"
            " use another port",
        )


def warn_of_workload_port(number: int | str, path: Path, context: Context) -> None:
    """Note a port where an application is to listen, if it is one of Envoy's own."""
    if number in ENVOY_PORTS:
        context.warning(
            path,
            f"{number} is a port of the sidecars themselves: a captured workload receives nothing"
            " there; let the application listen on another port",
        )
