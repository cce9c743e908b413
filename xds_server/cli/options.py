"""Options that several commands have, and how their texts become values."""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import Annotated

import typer

from xds_server.settings import (
    DEFAULT_ADMIN_PORT,
    ENVIRONMENT_PREFIX,
    parse_address,
    parse_duration,
)

DEFAULT_ADMIN = f"127.0.0.1:{DEFAULT_ADMIN_PORT}"


class Output(enum.StrEnum):
    """The forms in which a command can answer."""

    TABLE = "table"
    """For people."""
    JSON = "json"
    YAML = "yaml"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="How to print: for people, or for programs.")
]
AdminOption = Annotated[
    str,
    typer.Option(
        "--admin",
        metavar="HOST:PORT",
        envvar=f"{ENVIRONMENT_PREFIX}ADMIN",
        help="Where the control plane's admin API is.",
    ),
]


def address(text: str, option: str) -> tuple[str, int]:
    """The host and port that an option names; a text that names none ends the command."""
    try:
        return parse_address(text)
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint=option) from problem


def duration(text: str, option: str) -> timedelta:
    """The time that an option gives; a text that gives none ends the command."""
    try:
        return parse_duration(text)
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint=option) from problem
