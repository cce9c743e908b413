"""The value of a plain YAML scalar, as Kubernetes reads it.

Words follow YAML 1.1 (`y`, `yes`, `on` and `off` are booleans); a date is text, and there are no
base-60 numbers, since JSON has neither and Kubernetes reads YAML as JSON.
"""

from __future__ import annotations

import re

_WORDS: dict[str, bool | None] = {
    variant: value
    for words, value in ((("y", "yes", "true", "on"), True), (("n", "no", "false", "off"), False))
    for word in words
    for variant in (word, word.capitalize(), word.upper())
}
_WORDS |= dict.fromkeys(("", "~", "null", "Null", "NULL"))

_SPECIAL = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ODD_FLOATS = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

MAX_DIGITS = 300
"""A longer integer is none that a field holds.

A float holds 308 digits, and Python refuses to write a number of more than 4,300.
"""

Scalar = str | int | float | bool | None


def plain(text: str) -> Scalar:
    """Give the value of a scalar written without quotes.

    Raises:
        ValueError: It is an integer of more than `MAX_DIGITS`.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _SPECIAL or text.count(".") > 1:
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
        return float(text)
    if _ODD_FLOATS.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _integer(text: str) -> Scalar:
    if len(text) > MAX_DIGITS:
        raise ValueError(
            f"{text[:20]}… is a number of {len(text)} digits, and no field holds more than {MAX_DIGITS};"
            " put it in quotes if it is text"
        )
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-")
    if not digits.strip("bxo"):
        return text
    if digits[:2] in {"0b", "0x", "0o"}:
        return sign * int(digits, 0) if len(digits) > 2 else text
    return sign * int(digits, 8 if digits[0] == "0" and len(digits) > 1 else 10)


def tagged(tag: str, text: str) -> Scalar:
    """Give the value of a scalar with an explicit core tag.

    Raises:
        ValueError: The tag is not one that a Kubernetes document may carry, or the text does not
            fit it.
    """
    kind = tag.removeprefix("tag:yaml.org,2002:")
    if kind in {"str", "!", "timestamp"}:
        return text
    value = plain(text)
    fits = {
        "null": value is None,
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
    }
    if kind not in fits:
        raise ValueError(f"the tag {tag} is not supported; write the value without a tag")
    if not fits[kind]:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise ValueError(f"{shown!r} is not a {kind}, as its tag says")
    return float(value) if kind == "float" and isinstance(value, int) else value
