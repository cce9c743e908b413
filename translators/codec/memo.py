"""A memo over runs of a repeated field, so that a list which many streams send is decoded once.

A sidecar repeats the names of everything that it holds in each SotW request and, with versions, on
each delta reconnect: a thousand names are a hundred microseconds to decode and one to compare. So a
run (all the neighbouring entries of one repeated field, tags and lengths included) is looked up as
one piece of bytes and yields the very object that the same bytes yielded before.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from translators.codec.wire import read_length

T = TypeVar("T")

_HEAD_BYTES = 48
_RUNS_PER_HEAD = 16
_RUN_BYTES = 512
_ENTRY_BYTES = 128
_LONG_BYTES = 2048
_SEEN_ONCE = 4096


class RunMemo(Generic[T]):
    """Runs seen lately → what they decode to.

    Runs are found by their first entry, then compared whole, so that the end of a known run need
    not be searched for. Memory is bounded: each run counts with its bytes and a flat charge for
    itself and for each of its entries, and beyond `max_bytes` the oldest are forgotten. A long run
    is kept only when it comes a second time: Envoys list the same names in orders of their own.
    """

    def __init__(
        self, decode: Callable[[bytes, list[tuple[int, int]]], T], max_bytes: int = 32 << 20
    ) -> None:
        """`decode` gets the whole message and the start and end of each entry's body."""
        self._decode = decode
        self._max_bytes = max_bytes
        self._bytes = 0
        self._by_head: dict[bytes, list[tuple[bytes, T, int]]] = {}
        self._seen: dict[int, None] = {}

    def read(self, data: bytes, at: int) -> tuple[T, int]:
        """The value of the run that starts at a position with its one-byte tag, and the run's end.

        Raises:
            IndexError, ValueError: The run is malformed or cut off.
        """
        key = data[at]
        # The first entry, or what is sure to lie within it: never bytes of the field behind the
        # run.
        length = data[at + 1]
        head = data[at : at + (2 + length if length < 128 else _HEAD_BYTES)]
        known = self._by_head.get(head)
        if known is not None:
            for run, value, _ in known:
                stop = at + len(run)
                if data.startswith(run, at) and (stop == len(data) or data[stop] != key):
                    return value, stop
        entries: list[tuple[int, int]] = []
        end = len(data)
        stop = at
        while stop < end and data[stop] == key:
            length = data[stop + 1]
            if length < 128:
                start = stop + 2
                stop = start + length
            else:
                start, stop = read_length(data, stop + 1, end)
            entries.append((start, stop))
        if stop > end:
            raise ValueError("a repeated field is cut off")
        value = self._decode(data, entries)
        self._keep(head, data[at:stop], value, len(entries))
        return value, stop

    def forget(self) -> None:
        """Forget everything, so that nothing of a client is kept for long."""
        self._by_head.clear()
        self._seen.clear()
        self._bytes = 0

    def _keep(self, head: bytes, run: bytes, value: T, entries: int) -> None:
        if len(run) > _LONG_BYTES and self._is_first_sight(hash(run)):
            return
        known = self._by_head.setdefault(head, [])
        if len(known) == _RUNS_PER_HEAD:
            self._bytes -= known.pop()[2]
        size = _RUN_BYTES + len(run) + _ENTRY_BYTES * entries
        known.insert(0, (run, value, size))
        self._bytes += size
        while self._bytes > self._max_bytes:
            oldest = self._by_head.pop(next(iter(self._by_head)))
            self._bytes -= sum(forgotten for _, _, forgotten in oldest)

    def _is_first_sight(self, mark: int) -> bool:
        if mark in self._seen:
            del self._seen[mark]
            return False
        self._seen[mark] = None
        if len(self._seen) > _SEEN_ONCE:
            del self._seen[next(iter(self._seen))]
        return True
