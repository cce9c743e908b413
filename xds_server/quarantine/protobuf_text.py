"""Protobuf's text form, as Envoy prints messages: what stands at a place, and what it is called.

In: a dump, one field a line, two spaces a level, maybe cut off. Out: scalars as they are printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_NAME = re.compile(r'(?:cluster_)?name: "((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_MEANING = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13}
_NANOSECONDS = 10**9


@dataclass(frozen=True, slots=True)
class Step:
    """A field on the way down.

    Attributes:
        field: As Envoy's API spells it.
        index: Which of a repeated field's elements, or which key of a map; empty for others.
    """

    field: str
    index: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a dump.

    Attributes:
        resource: The outermost name that is met on the way; empty when there is none.
        path: The way from there; an element that has a name is told by it, not by its number.
        value: The scalar there as it is printed; empty when there is none.
    """

    resource: str
    path: str
    value: str


@dataclass(frozen=True, slots=True)
class _Scope:
    """Some lines of a dump, the fields of one message, without what encloses them."""

    lines: tuple[str, ...]
    indent: str = ""

    @property
    def name(self) -> str:
        """The message's name."""
        for line in self.lines:
            if line.startswith(self.indent) and (
                name := _NAME.fullmatch(line, pos=len(self.indent))
            ):
                return unescaped(f'"{name[1]}"')
        return ""

    def all(self, field: str) -> Iterator[_Scope | str]:
        """Every value of a field: a message's lines or a scalar."""
        scalar, opening, closing = (f"{self.indent}{text}" for text in (f"{field}: ", field, "}"))
        began = -1
        for number, line in enumerate(self.lines):
            if began < 0 and line.startswith(scalar):
                yield line.removeprefix(scalar)
            elif began < 0 and line == f"{opening} {{":
                began = number + 1
            elif began >= 0 and line == closing:
                yield _Scope(self.lines[began:number], f"{self.indent}  ")
                began = -1
        if began >= 0:
            yield _Scope(self.lines[began:], f"{self.indent}  ")

    def scalar(self) -> str:
        """What a message that wraps a scalar, or that is a duration, says; else empty."""
        fields = dict(line.strip().partition(": ")[::2] for line in self.lines)
        if set(fields) == {"value"}:
            return fields["value"]
        if fields and set(fields) <= {"seconds", "nanos"}:
            return _duration(fields.get("seconds", "0"), fields.get("nanos", "0"))
        return ""


def place(dump: str, steps: Sequence[Step]) -> Place:
    """What is found at the end of some steps; as far as the dump goes."""
    scope = _Scope(tuple(dump.splitlines()))
    resource, path, value = scope.name, list[str](), ""
    for step in steps:
        fields = list(scope.all(step.field))
        number = int(step.index) if step.index.isdecimal() else 0
        inner = fields[number] if number < len(fields) else ""
        scope = inner if isinstance(inner, _Scope) else _Scope(())
        value = inner if isinstance(inner, str) else inner.scalar()
        if not resource and scope.name:
            resource, path = scope.name, []
            continue
        label = step.index if " " in scope.name else scope.name or step.index
        path.append(f"{step.field}[{label}]" if step.index else step.field)
    return Place(resource, ".".join(path), value)


def lone_scalar(dump: str) -> str:
    """What a dump of a message that wraps a scalar, or that is a duration, says; else empty."""
    return _Scope(tuple(line for line in dump.splitlines() if line.strip())).scalar()


def unescaped(value: str) -> str:
    """The text that a printed scalar stands for."""
    if not value.startswith('"'):
        return value
    inner = value.removeprefix('"').removesuffix('"').encode(errors="surrogatepass")
    return _ESCAPED.sub(_byte, inner).decode(errors="replace")


def escaped(text: str) -> str:
    """A text as it is printed, without quotes."""
    return "".join(
        _PRINTED.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
        for byte in text.encode(errors="surrogatepass")
    )


_PRINTED = {9: r"\t", 10: r"\n", 13: r"\r", 34: r"\"", 39: r"\'", 92: r"\\"}


def _byte(match: re.Match[bytes]) -> bytes:
    text = match[1]
    if text.isdigit():
        return bytes([int(text, 8) & 255])
    return bytes([_MEANING[text]]) if text in _MEANING else text


def _duration(seconds: str, nanos: str) -> str:
    try:
        total = int(seconds) * _NANOSECONDS + int(nanos)
    except ValueError:
        return ""
    sign, (whole, part) = "-" if total < 0 else "", divmod(abs(total), _NANOSECONDS)
    return f"{sign}{whole}.{part:09}".rstrip("0").rstrip(".") + "s"
