"""Where in a text a field stands: found by reading the text again, only when somebody asks.

Parsing keeps no lines, since nearly no value is ever asked for its line.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from translators.kinds.field_path import Key, render

try:
    from yaml.cyaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]  # the same interface

_MOST_VALUES = 100_000


class Locator:
    """One text, read again with the places of its values.

    It is read as far as it is asked about, and one document of it is kept; so keep a locator while
    asking about one text, and ask in the order of the documents.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._index = 0
        self._node: Node | None = None
        self._rest: Iterator[Node | None] = iter(())

    def line(self, document: int, steps: tuple[Key, ...]) -> int:
        """Give the line, from 1, of a field of a document (from 1); 0 when it is not known.

        For a field that is not there it is the line of what is nearest around it.
        """
        node = self._document(document)
        if node is None:
            return 0
        line = _line(node)
        for step in steps:
            key, node = _child(node, step)
            if node is None:
                break
            line = _line(key or node)
        return line

    def scalars(self, document: int, steps: tuple[Key, ...]) -> Iterator[tuple[str, str]]:
        """Give (path, text) of every scalar below a place of a document, in the order written.

        The paths begin at that place.
        """
        node = self._document(document)
        for step in steps:
            node = _child(node, step)[1] if node is not None else None
        budget = [_MOST_VALUES]
        if node is not None:
            yield from _scalars(node, (), budget)

    def _document(self, document: int) -> Node | None:
        if self._index == 0 or document < self._index:
            self._index = 0
            self._rest = yaml.compose_all(self._text, _Loader)
        # Documents after the first mistake have no places.
        with contextlib.suppress(yaml.YAMLError, RecursionError):
            while self._index < document:
                self._index += 1
                self._node = None
                self._node = next(self._rest, None)
        if self._index < document:
            self._index, self._node, self._rest = document, None, iter(())
        return self._node


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _child(node: Node, step: Key) -> tuple[Node | None, Node | None]:
    """Give the key (of a mapping) and the value at one step; None when there is none."""
    if isinstance(node, SequenceNode):
        items: list[Node] = node.value
        inside = isinstance(step, int) and step < len(items)
        return None, items[step] if inside and isinstance(step, int) else None
    if isinstance(node, MappingNode):
        pairs: list[tuple[Node, Node]] = node.value
        for key, value in reversed(pairs):
            if key.value == step:
                return key, value
    return None, None


def _scalars(node: Node, steps: tuple[Key, ...], budget: list[int]) -> Iterator[tuple[str, str]]:
    budget[0] -= 1
    if budget[0] < 0:
        return
    if isinstance(node, ScalarNode):
        yield render(steps), str(node.value)
    elif isinstance(node, SequenceNode):
        for i, item in enumerate(node.value):
            yield from _scalars(item, (*steps, i), budget)
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield from _scalars(value, (*steps, str(key.value)), budget)
