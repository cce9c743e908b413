"""What of a large change is taken in together, and what goes ahead of it.

No I/O, no state. A person's save is little: all of it is one edit. What is much is taken in part by
part, so that whoever saves little beside it does not wait for it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Final

from xds_server.sources.texts import Content

AHEAD_FILES: Final = 8
AHEAD_BYTES: Final = 256 << 10
"""So many files of so many bytes in all go ahead of what is being read."""

FLOOD_FILES: Final = 50
"""More files than this that are saved at once are a flood."""

TOGETHER_FILES: Final = 200
TOGETHER_BYTES: Final = 1 << 20
"""So many files of so many characters in all are taken in as one; of more, small ones go first."""


def size_of(content: Content) -> int:
    """How many characters it takes to parse."""
    return len(content) if isinstance(content, str) else 0


def parts_of(contents: Mapping[str, Content]) -> list[dict[str, Content]]:
    """What is taken in together: all, or of very much a part at a time.

    Of that, what lies in directories of which little was saved goes first, and small files before
    large ones; so nobody waits for what somebody else saves.
    """
    if len(contents) <= TOGETHER_FILES and sum(map(size_of, contents.values())) <= TOGETHER_BYTES:
        return [dict(contents)]
    sizes: Counter[str] = Counter()
    for path, content in contents.items():
        sizes[os.path.dirname(path)] += 1000 + size_of(content)  # noqa: PTH120 - a name
    parts: list[dict[str, Content]] = []
    room = 0
    ordered = sorted(
        contents,
        key=lambda path: (
            size_of(contents[path]) > AHEAD_BYTES,
            sizes[os.path.dirname(path)],  # noqa: PTH120 - a name
            path,
        ),
    )
    for path in ordered:
        cost = 1000 + size_of(contents[path])
        if cost > room:
            parts.append({})
            room = AHEAD_BYTES
        parts[-1][path] = contents[path]
        room -= cost
    return parts


def beside_a_flood(paths: set[str]) -> set[str]:
    """Files in directories of which few are pending while very many are in others."""
    if len(paths) <= FLOOD_FILES:
        return set()
    counts = Counter(map(os.path.dirname, paths))
    calm = {path for path in paths if counts[os.path.dirname(path)] <= AHEAD_FILES}  # noqa: PTH120
    return calm if len(calm) < len(paths) // 2 else set()
