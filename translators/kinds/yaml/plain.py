"""The short way for plain YAML: ordinary block style, without quotes, comments, anchors or tags.

Generated configuration is nearly always of this form, and reading it line by line takes a fifth of
the time that libyaml's events take. Anything that is not surely of this form is left to libyaml
(None is returned), mistakes included; so this module never decides what YAML means, it only knows
the cases in which there is one meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from translators.kinds.yaml.scalars import plain

_UNUSUAL = re.compile(r"""["'&*!|>%@`\\#?<~]|[^\x20-\x7e\n]""")
_SCALAR = r"(?:-?[0-9]|[A-Za-z_./])[A-Za-z0-9_./+=-]*"
_BODY = re.compile(
    rf"(?:([A-Za-z_][A-Za-z0-9_./-]{{0,200}}):(?= |$))?(?: *(?:({_SCALAR}(?::[A-Za-z0-9_./+=:-]*(?<!:))?)|([{{\[].*)))?"
)
_FLOW = re.compile(rf"{_SCALAR}|[{{}}\[\],]|:(?= )| +")
_MAX_DEPTH = 50
_MAX_KEY = 200  # libyaml refuses keys of more than 1,024 characters
_LIST, _MAPPING = "[{"
_NO_VALUE = frozenset(("", "}", "]", ",", ":"))


class _NotPlainError(Exception):
    """The text is not surely plain."""


@dataclass(slots=True)
class Lines:
    """Lines already read.

    Text without its indent → (key, "" for none; value; whether there is a value).
    """

    known: dict[str, tuple[str, object, bool]] = field(default_factory=dict)


def plain_documents(text: str, lines: Lines) -> list[tuple[object, int]] | None:
    """Give (value, first line) of each document, or None when the text is not surely plain."""
    if _UNUSUAL.search(text):
        return None
    try:
        return _read(text, lines.known)
    except (_NotPlainError, ValueError):  # ValueError: a number that is too long
        return None


def _read(text: str, known: dict[str, tuple[str, object, bool]]) -> list[tuple[object, int]]:
    documents: list[tuple[object, int]] = []
    reader = _Reader(known)
    for number, line in enumerate(text.split("\n"), 1):
        if line == "---":
            if number > 1:
                documents.append(reader.document())
            reader = _Reader(known)
        elif line:
            if not reader.first:
                reader.first = number
            body = line.lstrip(" ")
            reader.line(len(line) - len(body), body)
    documents.append(reader.document())
    return documents


class _Reader:
    """One document's value, built line by line.

    The stack holds the open containers with their indents; `pending` is the key of the innermost
    mapping that was given without a value on its line, so that a block may follow.
    """

    __slots__ = ("_known", "_pending", "_stack", "first", "root")

    def __init__(self, known: dict[str, tuple[str, object, bool]]) -> None:
        self.first = 0
        self.root: dict[str, object] = {"root": None}
        self._known = known
        self._stack: list[tuple[int, dict[str, object] | list[object]]] = [(-1, self.root)]
        self._pending = "root"

    def document(self) -> tuple[object, int]:
        """Give the document's value and first line; an empty one is not plain."""
        if not self.first:
            raise _NotPlainError
        return self.root["root"], self.first

    def line(self, indent: int, body: str) -> None:
        """Take in one line."""
        parsed = self._known.get(body)
        if parsed is None:
            if body.startswith("- "):
                self._item(indent, body)
                return
            parsed = self._parse(body)
        key, value, has_value = parsed
        if not key:
            raise _NotPlainError
        stack = self._stack
        while stack[-1][0] > indent or (stack[-1][0] == indent and type(stack[-1][1]) is list):
            stack.pop()
            self._pending = ""
        top_indent, top = stack[-1]
        if top_indent != indent:
            top = self._open(indent, {})
        if type(top) is not dict or key in top:
            raise _NotPlainError
        top[key] = value
        self._pending = "" if has_value else key

    def _item(self, indent: int, body: str) -> None:
        stack = self._stack
        while stack[-1][0] > indent:
            stack.pop()
            self._pending = ""
        top = stack[-1][1]
        if stack[-1][0] != indent or type(top) is dict:
            top = self._open(indent, [])
        if type(top) is not list:
            raise _NotPlainError
        rest = body[2:].lstrip(" ")
        inner = indent + len(body) - len(rest)
        parsed = self._known.get(rest)
        if parsed is None and rest.startswith("- "):
            nested: list[object] = []
            top.append(nested)
            self._push(inner, nested)
            self._item(inner, rest)
            return
        key, value, has_value = parsed or self._parse(rest)
        if key:
            entry = {key: value}
            top.append(entry)
            self._push(inner, entry)
            self._pending = "" if has_value else key
        else:
            top.append(value)

    def _open(
        self, indent: int, container: dict[str, object] | list[object]
    ) -> dict[str, object] | list[object]:
        """Open a block as the value of the pending key."""
        key, (_, top) = self._pending, self._stack[-1]
        if not key or type(top) is not dict:
            raise _NotPlainError
        top[key] = container
        self._push(indent, container)
        return container

    def _push(self, indent: int, container: dict[str, object] | list[object]) -> None:
        if len(self._stack) > _MAX_DEPTH:
            raise _NotPlainError
        self._pending = ""
        self._stack.append((indent, container))

    def _parse(self, body: str) -> tuple[str, object, bool]:
        match = _BODY.fullmatch(body)
        if match is None:
            raise _NotPlainError
        key, scalar, flow = match.group(1) or "", match.group(2), match.group(3)
        if key and plain(key) is not key:
            raise _NotPlainError
        value: object = None
        if scalar:
            value = plain(scalar)
        elif flow:
            value = _flow(flow)
        elif not key:
            raise _NotPlainError
        parsed = (str(key), value, bool(scalar or flow))
        self._known[body] = parsed
        return parsed


def _flow(text: str) -> object:
    """Give the value of a list or mapping in brackets, on one line."""
    tokens: list[str] = []
    at = 0
    while at < len(text):
        match = _FLOW.match(text, at)
        if match is None:
            raise _NotPlainError
        if match.group()[0] != " ":
            tokens.append(match.group())
        at = match.end()
    tokens.reverse()
    value = _flow_value(tokens, 0)
    if tokens:
        raise _NotPlainError
    return value


def _flow_value(tokens: list[str], depth: int) -> object:
    start = tokens.pop() if tokens else ""
    if depth > _MAX_DEPTH or start in _NO_VALUE:
        raise _NotPlainError
    if start == _LIST:
        items: list[object] = []
        while _next(tokens, "]", first=not items):
            items.append(_flow_value(tokens, depth + 1))
        return items
    if start == _MAPPING:
        pairs: dict[str, object] = {}
        while _next(tokens, "}", first=not pairs):
            key = _flow_value(tokens, depth + 1)
            if type(key) is not str or len(key) > _MAX_KEY or key in pairs:
                raise _NotPlainError
            if not tokens or tokens.pop() != ":":
                raise _NotPlainError
            pairs[key] = _flow_value(tokens, depth + 1)
        return pairs
    return plain(start)


def _next(tokens: list[str], end: str, *, first: bool) -> bool:
    """Say whether another entry follows; takes the comma or the end away."""
    if not tokens:
        raise _NotPlainError
    if tokens[-1] == end:
        tokens.pop()
        return False
    if not first and tokens.pop() != ",":
        raise _NotPlainError
    return True
