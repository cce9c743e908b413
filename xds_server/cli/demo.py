"""`chancery demo`: real Envoys, a canary, a failing zone and a sick host, on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    interactive: Annotated[
        bool,
        typer.Option("--interactive", help="Leave everything running, for you to edit the files."),
    ] = False,
) -> None:
    """Show a canary, a failing zone, a sick host and a broken policy, behind real Envoys."""
    from xds_server.demo import main

    raise typer.Exit(main(interactive=interactive))
