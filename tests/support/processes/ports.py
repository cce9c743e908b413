"""Free ports, handed out so that two tests that run at once do not get the same one."""

from __future__ import annotations

import itertools
import os
import socket

_FIRST, _LAST = 20_000, 32_000
_SLICE = 1_000


def _start() -> int:
    """Where this process begins to look: each pytest worker has its own thousand ports."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    number = int(worker.removeprefix("gw")) if worker.startswith("gw") else os.getpid() % 8
    return _FIRST + (number * _SLICE) % (_LAST - _FIRST)


_candidates = itertools.chain.from_iterable(
    itertools.repeat([*range(_start(), _LAST), *range(_FIRST, _start())])
)


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port on which nothing listens on that host.

    It is below the range that the kernel gives to outgoing connections.

    A port is not handed out twice by one process before all others were, so it may be kept for a
    later restart.
    """
    for port in itertools.islice(_candidates, _LAST - _FIRST):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port on {host} between {_FIRST} and {_LAST}")
