"""`chancery bootstrap`: prints the first configuration of one proxy."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from translators.model.locality import Locality
from translators.model.proxy_node import Mode
from xds_server.bootstrap import (
    BootstrapError,
    BootstrapOptions,
    parse_address,
    parse_inbound,
    parse_labels,
    render,
)


class ModeOption(enum.StrEnum):
    """The values of `--mode`."""

    EGRESS = "egress"
    CAPTURED = "captured"
    GRPC = "grpc"


class WireOption(enum.StrEnum):
    """The values of `--wire`."""

    DELTA = "delta"
    SOTW = "sotw"


_MODES = {
    ModeOption.EGRESS: Mode.EGRESS,
    ModeOption.CAPTURED: Mode.CAPTURED,
    ModeOption.GRPC: Mode.PROXYLESS,
}


def bootstrap(  # noqa: PLR0913 - one parameter per flag
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the workload, e.g. web-0; NAME.NAMESPACE sets the namespace too."
        ),
    ],
    *,
    mode: Annotated[
        ModeOption,
        typer.Option(
            help="How traffic reaches the proxy: through one local listener (egress), redirected by iptables (captured), "
            "or not at all because the application itself speaks xDS (grpc)."
        ),
    ] = ModeOption.EGRESS,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Namespace of the workload.")
    ] = "",
    control_plane: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Where Chancery serves: HOST:PORT, [IPV6]:PORT or unix:/path/of/socket.",
        ),
    ] = "127.0.0.1:15010",
    locality: Annotated[
        str,
        typer.Option(
            metavar="REGION/ZONE[/SUBZONE]",
            help="Where the workload runs, e.g. eu-1/eu-1a; near endpoints are preferred.",
        ),
    ] = "",
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", "-l", metavar="KEY=VALUE", help="A label of the workload; may be repeated."
        ),
    ] = None,
    ip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="An IP address of the workload, by which its services are found; may be repeated.",
        ),
    ] = None,
    inbound: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PORT=HOST:PORT",
            help="Where the application listens for the traffic of PORT; may be repeated. In egress mode Envoy"
            " opens these ports only, in captured mode others are on 127.0.0.1 with the same number.",
        ),
    ] = None,
    egress_port: Annotated[
        int, typer.Option(help="Port of the egress listener, on 127.0.0.1.")
    ] = 15001,
    admin: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Where Envoy's own admin pages are; keep it on loopback."
        ),
    ] = "127.0.0.1:15000",
    service_account: Annotated[
        str, typer.Option(help="Service account of the workload.")
    ] = "default",
    cluster_id: Annotated[
        str, typer.Option(help="Name of the cluster that the workload is in.")
    ] = "Kubernetes",
    wire: Annotated[
        WireOption,
        typer.Option(
            help="Protocol variant: differences only (delta), or everything each time (sotw)."
        ),
    ] = WireOption.DELTA,
    max_connections: Annotated[
        int, typer.Option(help="Most connections from clients at a time, of all listeners.")
    ] = 50_000,
    drain_seconds: Annotated[
        int, typer.Option(help="Drain time in the suggested command line.")
    ] = 5,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of printing.")
    ] = None,
) -> None:
    """Print a bootstrap for one proxy: YAML for Envoy, JSON for proxyless gRPC."""
    if not namespace:
        name, _, namespace = name.rpartition(".") if "." in name else (name, "", "default")
    try:
        text = render(
            BootstrapOptions(
                name=name,
                namespace=namespace,
                mode=_MODES[mode],
                control_plane=parse_address(control_plane),
                admin=parse_address(admin),
                locality=Locality.parse(locality),
                labels=parse_labels(label or ()),
                instance_ips=tuple(ip or ()),
                inbound=parse_inbound(inbound or ()),
                egress_port=egress_port,
                service_account=service_account,
                cluster_id=cluster_id,
                is_delta=wire is WireOption.DELTA,
                max_connections=max_connections,
                drain_seconds=drain_seconds,
            )
        )
    except BootstrapError as problem:
        raise typer.BadParameter(str(problem)) from problem
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise typer.BadParameter(
            f"cannot write {output}: {problem.strerror}; name a file in a folder that exists"
        ) from problem
