"""Waiting for something outside of this process, with a deadline and a word on what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    probe: Callable[[], Awaitable[T]],
    what: str,
    *,
    timeout: float = 10.0,
    interval: float = 0.05,
    explain: Callable[[], str] = lambda: "",
) -> T:
    """The first true answer of the probe, asked again every interval.

    An exception of it counts as "not yet".

    Raises:
        AssertionError: after the timeout (seconds), naming what was awaited and the last answer.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    last: object = None
    while loop.time() < deadline:
        try:
            answer = await asyncio.wait_for(probe(), max(0.1, deadline - loop.time()))
        except (
            Exception
        ) as error:  # clients have trees of their own (aiohttp.ClientError, grpc.RpcError)
            last = repr(error)
        else:
            if answer:
                return answer
            last = answer
        await asyncio.sleep(interval)
    raise AssertionError(f"{what}: not within {timeout} s; last: {last!r}\n{explain()}")
