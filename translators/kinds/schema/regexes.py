"""Regular expressions: what of them Envoy takes, said by the library that Envoy uses, RE2.

Out: "" for one that is right, else what is wrong with it. An expression has a length, which is
looked at first, and a program, which RE2 makes in bounded memory.

Source: type.matcher.v3.RegexMatcher and `re2.max_program_size.error_level`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import re2

MAX_REGEX_BYTES: Final = 1024
"""Istio's limit."""
MAX_PROGRAM: Final = 32768
"""What the bootstraps of Istio and our own let Envoy run; Envoy's own default is 100."""
_MEMORY_BYTES: Final = 1 << 20
"""Enough for any program of `MAX_PROGRAM`; a larger one fails before it takes long."""
_REFERENCE = re.compile(r"\\(.?)", re.DOTALL)


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    return options


def wrong_regex(pattern: str) -> str:
    """Give what keeps Envoy from using a regular expression, "" for nothing."""
    if not pattern:
        return "is empty, which Envoy does not take"
    size = len(pattern.encode())
    if size > MAX_REGEX_BYTES:
        return f"is {size} bytes long; at most {MAX_REGEX_BYTES} are possible"
    return _wrong_program(pattern)


@lru_cache(maxsize=4096)
def _wrong_program(pattern: str) -> str:
    try:
        program = re2.compile(pattern, _options()).programsize
    except re2.error as error:
        return f"is no expression of RE2, which Envoy uses: {_reason(error)}"
    if program > MAX_PROGRAM:
        return f"is too complex for Envoy: a program of {program} steps, more than {MAX_PROGRAM}"
    return ""


def _reason(error: re2.error) -> str:
    (reason,) = error.args
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def wrong_substitution(pattern: str, rewrite: str) -> str:
    r"""Give what is wrong with the text that takes a match's place, "" for nothing.

    In it `\0` to `\9` are groups of the pattern, which must be a right one, and `\\` a backslash.
    """
    groups: int = re2.compile(pattern, _options()).groups
    for escaped in _REFERENCE.findall(rewrite):
        if escaped.isascii() and escaped.isdecimal():
            if int(escaped) > groups:
                return f"\\{escaped} stands for a group, and the expression has {groups}"
        elif escaped != "\\":
            return "a backslash must be followed by a group's digit or another backslash"
    return ""
