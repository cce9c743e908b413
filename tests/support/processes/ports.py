"""Free ports, handed out so that two tests that run at once do not get the same one."""

from __future__ import annotations

import functools
import itertools
import os
import socket
from collections.abc import Iterator

_FIRST, _LAST = 20_000, 32_000
_SLICE = 500
_claims: list[socket.socket] = []
"""What this process claims, until it ends."""


def _start() -> int:
    """Where this process begins to look: each has ports of its own, whoever else tests here.

    An abstract socket that only one process can have says whose they are; Linux takes it back when
    the process ends, however it ends.
    """
    slices = range(_FIRST, _LAST, _SLICE)
    for start in slices:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0chancery-tests-ports-{start}")
        except OSError:
            claim.close()
        else:
            _claims.append(claim)
            return start
    return slices[os.getpid() % len(slices)]


@functools.cache
def _candidates() -> Iterator[int]:
    start = _start()
    order = [*range(start, _LAST), *range(_FIRST, start)]
    return itertools.chain.from_iterable(itertools.repeat(order))


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port on which nothing listens on that host.

    It is below the range that the kernel gives to outgoing connections.

    A port is not handed out twice by one process before all others were, so it may be kept for a
    later restart.
    """
    for port in itertools.islice(_candidates(), _LAST - _FIRST):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port on {host} between {_FIRST} and {_LAST}")
