"""Puts the demo together and runs it: mesh, traffic, story and screen as tasks of one group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import aiohttp
from rich.console import Console

from xds_server.clock import Clock, SystemClock
from xds_server.demo.board import Board, Verdict
from xds_server.demo.mesh import Mesh, running
from xds_server.demo.screen import LiveScreen, PlainScreen, print_summary
from xds_server.demo.story import Story
from xds_server.demo.traffic import Traffic
from xds_server.errors import AdminError, ChanceryError

_OBSERVE_SECONDS = 0.1
_WARM_UP_SECONDS = 0.5

KEPT, BROKEN, IMPOSSIBLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: every promise was kept; one was not; the demo could not run; somebody ended it."""


def main(*, interactive: bool = False) -> int:
    """Run the demo on this terminal and return the exit code.

    Args:
        interactive: Leaves the mesh running for a person to edit its files, instead of walking
        through the steps.
    """
    console = Console()
    try:
        return asyncio.run(_run(console, interactive=interactive))
    except KeyboardInterrupt:
        console.print("ended; no process is left behind")
        return INTERRUPTED
    except ChanceryError as error:
        _print_error(console, error)
    except BaseExceptionGroup as group:
        mendable, rest = group.split(ChanceryError)
        if mendable is None or rest is not None:
            raise
        _print_error(console, mendable)
    return IMPOSSIBLE


def _print_error(console: Console, error: BaseException) -> None:
    notes = getattr(error, "__notes__", ())
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    console.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    for note in notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)


async def _run(console: Console, *, interactive: bool) -> int:
    clock = SystemClock()
    began = clock.now()
    board = Board()
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    console.print("Starting a control plane, nine Envoys and eight applications …")
    try:
        async with running(clock) as mesh:
            return await _watch(console, mesh, board, clock, began, interactive=interactive)
    except asyncio.CancelledError:
        # The mesh is down by now; SIGTERM and SIGHUP end as Ctrl-C does.
        raise KeyboardInterrupt from None


async def _watch(
    console: Console, mesh: Mesh, board: Board, clock: Clock, began: float, *, interactive: bool
) -> int:
    traffic = Traffic(clock, mesh.client.egress_port)
    board.directory = str(mesh.workspace.mesh)
    if interactive:
        _print_invitation(console, mesh)
    is_live = console.is_terminal and "CI" not in os.environ
    screen = (LiveScreen if is_live else PlainScreen)(console, board, traffic, clock)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(background)
            for background in (
                mesh.children.watch(),
                traffic.run(),
                _observe(mesh, board),
                screen.run(),
            )
        ]
        if interactive:
            await asyncio.Event().wait()
        await asyncio.sleep(_WARM_UP_SECONDS)
        await Story(mesh, traffic, board, clock).walk()
        for task in tasks:
            task.cancel()
    print_summary(console, board, traffic, clock.now() - began)
    if all(step.verdict is Verdict.KEPT for step in board.steps):
        return KEPT
    mesh.workspace.keep()
    console.print(f"The logs of every process are in {mesh.workspace.logs}")
    return BROKEN


async def _observe(mesh: Mesh, board: Board) -> None:
    """Keep the board up to date with what server and client sidecar say, until cancelled."""
    while True:
        # A control plane that does not answer for a moment is seen by who watches the processes.
        with contextlib.suppress(AdminError):
            board.status = await mesh.status()
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            board.ejected = await mesh.ejected()
        await asyncio.sleep(_OBSERVE_SECONDS)


def _print_invitation(console: Console, mesh: Mesh) -> None:
    files = mesh.workspace.mesh
    console.print(
        f"""
The files are in {files}. Things to try:

  * change the weights in reviews-routes.yaml, save, and watch the shares
  * mv {files}/reviews-eu-1a.yaml /tmp, and back again
  * write something that is wrong, and see what is said of it
  * call a service yourself:
      curl -H 'Host: reviews.mesh' http://127.0.0.1:{mesh.client.egress_port}/
  * ask the control plane:
      chancery status --admin 127.0.0.1:{mesh.admin_port}
      chancery wait --latest --admin 127.0.0.1:{mesh.admin_port}
  * look into the client's Envoy: http://127.0.0.1:{mesh.client.admin_port}/

Ctrl-C ends everything and removes the files.
""",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
