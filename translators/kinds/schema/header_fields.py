"""What rules write into requests and responses: header names and values, authorities and paths.

Envoy refuses some of it; some of it would change where a message ends, so that what follows is
read as another request.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context, Invalid
from translators.kinds.schema.shape import Shape, describe, text_as
from translators.kinds.schema.substitutions import has_expression, wrong_substitutions

MAX_VALUE_BYTES: Final = 16384
"""Source: config.core.v3.HeaderValue."""
_NAME = re.compile(r":?[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CONTROL_OR_SPACE = re.compile(r"[\x00-\x20\x7f]")
_LENGTH = "says where a message ends, so a rule must not change it: requests could be smuggled"
_HOP = "concerns one connection and belongs to the proxy"
_FRAMING: Final = MappingProxyType(
    dict.fromkeys(("content-length", "transfer-encoding", "trailer"), _LENGTH)
    | dict.fromkeys(
        (
            "connection",
            "http2-settings",
            "keep-alive",
            "proxy-connection",
            "te",
            "upgrade",
        ),
        _HOP,
    )
)
"""Headers of a message's frame, lower-case, each with why it is left alone (RFC 9110 7.6.1)."""
AUTHORITY_NAMES: Final = frozenset(("host", ":authority"))


def _operation_name(text: str, path: Path, context: Context) -> str | Invalid:
    if not _NAME.fullmatch(text) or len(text) > MAX_VALUE_BYTES:
        return context.error(path, f"must be a header's name, not {describe(text)}")
    lower = text.lower()
    if lower in _FRAMING:
        return context.error(path, f"{lower} {_FRAMING[lower]}")
    if lower.startswith(":") and lower not in AUTHORITY_NAMES:
        return context.error(path, f"{lower} is part of a message's first line, not a header")
    return text


def _header_value(text: str, path: Path, context: Context) -> str | Invalid:
    control = _CONTROL.search(text)
    if control is not None:
        return context.error(path, f"must not contain {_named(control.group())}")
    size = len(text.encode())
    if size > MAX_VALUE_BYTES:
        return context.error(path, f"is {size} bytes long; at most {MAX_VALUE_BYTES} are possible")
    wrong = wrong_substitutions(text)
    if wrong:
        return context.error(path, wrong)
    if has_expression(text):
        context.warning(path, "only Envoy can say whether the expression in %CEL(...)% is right")
    return text


def _one_line(text: str, path: Path, context: Context) -> str | Invalid:
    control = _CONTROL.search(text)
    if control is None:
        return text
    return context.error(path, f"must not contain {_named(control.group())}")


def _authority(text: str, path: Path, context: Context) -> str | Invalid:
    control = _CONTROL_OR_SPACE.search(text)
    if control is None:
        return text
    return context.error(path, f"must not contain {_named(control.group())}")


def _named(character: str) -> str:
    names = {"\n": "a line break", "\r": "a line break", "\0": "NUL", " ": "a space"}
    return names.get(character, f"the control character {ord(character):#04x}")


OPERATION_NAME: Final = text_as(_operation_name)
"""The name of a header that a rule sets, adds or removes."""
HEADER_VALUE: Final = text_as(_header_value)
"""What a rule writes into a header, with substitutions that Envoy knows."""
ONE_LINE: Final = text_as(_one_line)
"""Text that goes into one line of a message, such as a path."""
AUTHORITY: Final[Shape[str]] = text_as(_authority)
