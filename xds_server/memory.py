"""Memory of a process that makes much at once, keeps it, and sends it to many."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Iterator

_MMAP_THRESHOLD = -3
"""`M_MMAP_THRESHOLD` of malloc.h."""
_LARGE_BYTES = 256 * 1024


def map_large_blocks() -> bool:
    """Have blocks above 256 KiB mapped one by one, so that they are gone when they are freed.

    For the start of a process.

    A proxy's first responses are megabytes. By default the C library takes such blocks from its
    heap after the first ones were freed, and small ones that stay then keep the whole heap from
    shrinking: three times the memory for each proxy.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    return tune is not None and tune(_MMAP_THRESHOLD, _LARGE_BYTES) == 1


@contextlib.contextmanager
def bulk() -> Iterator[None]:
    """Make many objects that stay, without the collector looking through them again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def freeze() -> None:
    """Have the collector leave all that there is alone from now on.

    For what stays as long as the process.

    What is in a cycle and frozen is never freed, so this is for the start of a process: once all is
    loaded, and once more with the first proxy. It belongs inside of `bulk`, whose end has the
    collector look through all that was made.
    """
    gc.freeze()


def give_back() -> bool:
    """Return freed memory to the system, where the C library can; takes some milliseconds.

    A thousand proxies that connect at once leave the send buffers of a gigabyte behind, which the
    allocator would keep.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and trim(0) == 1
