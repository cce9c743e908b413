"""Where in a document a value stands: built cheaply while parsing, written out only for people.

While parsing, a path is a chain of (parent, key) pairs; the document itself is None. As text it
looks as everywhere in Kubernetes: `spec.http[0].match[1].headers["x.user"].exact`.
"""

from __future__ import annotations

import json
import re

Key = str | int
Path = tuple["Path", Key] | None
"""A chain from a value up to its document: `(parent path, key)`; None is the document."""

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TOKEN = re.compile(r'\.?([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]')


def keys(path: Path) -> tuple[Key, ...]:
    """Give the keys from the document down to the value."""
    upwards: list[Key] = []
    while path is not None:
        path, key = path
        upwards.append(key)
    return tuple(reversed(upwards))


def render(steps: tuple[Key, ...]) -> str:
    """Give the path as text; empty for the document itself. `split` is its inverse."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _BARE.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def split(text: str) -> tuple[Key, ...]:
    """Give the keys of a path written by `render`.

    Raises:
        ValueError: The text is not such a path.
    """
    steps: list[Key] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"not a field path: {text!r} (at {text[at:]!r})")
        name, index, quoted = token.groups()
        steps.append(int(index) if index else name or str(json.loads(quoted)))
        at = token.end()
    return tuple(steps)
