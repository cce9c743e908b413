"""The program `chancery`: its commands, and how their errors reach a person."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import NoReturn

import typer

from xds_server.cli.bootstrap import bootstrap
from xds_server.cli.demo import demo
from xds_server.cli.serve import serve
from xds_server.cli.status import status
from xds_server.cli.validate import validate
from xds_server.cli.version import version
from xds_server.cli.wait import wait
from xds_server.errors import ChanceryError

app = typer.Typer(
    name="chancery",
    help="Chancery, an xDS control plane for Envoy: a directory of YAML in, configured proxies out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(short_help="Serve a directory of configuration to Envoys.")(serve)
app.command(short_help="Show what every proxy has, and what is wrong.")(status)
app.command(short_help="Wait until every proxy has a revision.")(wait)
app.command(short_help="Check a directory without a server.")(validate)
app.command(short_help="Print the first configuration of a proxy.")(bootstrap)
app.command(short_help="Watch it all work with real Envoys.")(demo)
app.command(short_help="Print the versions in use.")(version)


def main() -> None:
    """Run the command that the arguments name.

    A person's mistake ends it with a line and exit code 1.
    """
    try:
        app(prog_name="chancery")
    except ChanceryError as error:
        _fail([error])
    except BaseExceptionGroup as group:
        mendable, rest = group.split(ChanceryError)
        if mendable is None or rest is not None:
            raise
        _fail(_leaves(mendable))


def _fail(errors: Iterable[BaseException]) -> NoReturn:
    for error in errors:
        typer.echo(f"error: {error}", err=True)
    sys.exit(1)


def _leaves(group: BaseExceptionGroup[ChanceryError]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


if __name__ == "__main__":
    main()
