"""`chancery version`: which Chancery this is."""

from __future__ import annotations

import platform
from importlib import metadata

import typer

from xds_server.cli.options import Output, OutputOption


def version(output: OutputOption = Output.TABLE) -> None:
    """Print the versions of Chancery and of what it is built on."""
    versions = {"chancery": _installed("chancery"), "python": platform.python_version()}
    versions |= {name: _installed(name) for name in ("grpcio", "envoy-data-plane")}
    if output is Output.TABLE:
        for name, number in versions.items():
            typer.echo(f"{name:<17} {number}")
        return
    from xds_server.cli.printing import print_document

    print_document(versions, output)


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "run from its sources"
