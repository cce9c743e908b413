"""The shapes that several kinds share.

They are names, hosts, addresses, labels, durations and regular expressions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import INVALID, Context, Invalid
from translators.kinds.schema.record import optional, record, required
from translators.kinds.schema.shape import (
    TEXT,
    Shape,
    checked,
    describe,
    did_you_mean,
    integer,
    list_of,
    text_as,
    text_spelled,
    text_where,
)
from translators.model.addresses import normal_address, normal_subnet
from translators.model.hosts import is_partial_wildcard, normal_host
from translators.model.locality import Locality
from translators.model.origin import Labels

_LABEL = r"[a-zA-Z0-9](?:[-a-zA-Z0-9_]{0,61}[a-zA-Z0-9])?"
_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(
    r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
)
_HOST = re.compile(rf"(?:\*(?:\.{_LABEL}|-?{_LABEL})|{_LABEL})(?:\.{_LABEL})*\.?")
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(
    rf"(?:(?:{_LABEL})(?:\.{_LABEL})*/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"
)
_DURATION = re.compile(r"(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+|0")
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_MICROSECONDS = {"ns": 0.001, "us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7, "h": 3.6e9}
_HEADER = re.compile(r":?[A-Za-z0-9!#$%&'*+.^_`|~-]+")

MAX_NAME = 253

PORT: Final = integer(1, 65535)
UINT32: Final = integer(0, 2**32 - 1)
INT32: Final = integer(0, 2**31 - 1)
PERCENT: Final = integer(0, 100)
TEXTS: Final = list_of(TEXT)


def is_dns_label(text: str) -> bool:
    """Say whether this is a namespace's name: lower-case letters, digits and inner hyphens."""
    return _DNS_LABEL.fullmatch(text) is not None


def is_dns_subdomain(text: str) -> bool:
    """Say whether this is an object's name: DNS labels joined with dots."""
    return len(text) <= MAX_NAME and _DNS_SUBDOMAIN.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """Say whether this is an IPv4 or IPv6 address."""
    return normal_address(text) is not None


@lru_cache(maxsize=16384)
def is_host(text: str) -> bool:
    """Say whether this is a DNS name, maybe with a wildcard as its left-most label.

    The last of several labels is not a number, so that an IP address is no name.
    """
    if len(text) > MAX_NAME or not _HOST.fullmatch(text):
        return False
    _, dot, last = text.removesuffix(".").rpartition(".")
    return not (dot and last.isdecimal())


def complete_host(host: str, namespace: str) -> str:
    """Give the full name of a host: one without a dot is a service of the namespace.

    Source: Istio's rule for short names in VirtualService and DestinationRule.
    """
    if "." in host or ":" in host or host.startswith("*"):
        return normal_address(host) or normal_host(host)
    return f"{host.lower()}.{namespace}.svc.cluster.local"


def _rule_host(text: str, path: Path, context: Context) -> str | Invalid:
    if text == "*" or is_host(text) or is_address(text):
        if is_partial_wildcard(text):
            context.warning(
                path, "is the host of that very name only; *.example.com covers what is below it"
            )
        return complete_host(text, context.namespace)
    where = " (a wildcard may only be the left-most label)" if "*" in text else ""
    return context.error(path, f"must be a host name, not {describe(text)}{where}")


def _service_host(text: str, path: Path, context: Context) -> str | Invalid:
    if is_address(text):
        return context.error(
            path,
            f"must be the host of a service, not the address {text}: a ServiceEntry gives it one",
        )
    return _rule_host(text, path, context)


def _destination_host(text: str, path: Path, context: Context) -> str | Invalid:
    if text == "*":
        return context.error(path, "must name a service; * is every one")
    if is_partial_wildcard(text) and is_host(text):  # a service of that very name
        return complete_host(text, context.namespace)
    return _service_host(text, path, context)


RULE_HOST: Final = text_as(_rule_host)
"""A host of a rule, completed with the rule's namespace when it is short; wildcards allowed."""

SERVICE_HOST: Final = text_as(_service_host)
"""The same of a service, which has a name."""

DESTINATION_HOST: Final = text_as(_destination_host)
"""The host of one service, whose own name may be a wildcard."""

_NAME_LABEL = re.compile(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
_NAME = "a name of letters, digits and inner hyphens, at most 63"
LABEL_NAME: Final = text_where(lambda text: _NAME_LABEL.fullmatch(text) is not None, _NAME)
"""The name of a port or a subset (Istio: a DNS-1123 label, in any case)."""

SUBSET_NAME: Final = text_where(
    lambda text: text == "" or _NAME_LABEL.fullmatch(text) is not None, _NAME
)
"""Which subset is meant, "" for none."""
SUBNET: Final = text_spelled(normal_subnet, "an IP address or a CIDR block such as 10.0.0.0/8")
ADDRESS: Final = text_spelled(normal_address, "an IP address")


@lru_cache(maxsize=65536)
def _label_set(items: tuple[tuple[str, object], ...]) -> Labels | None:
    pairs: list[tuple[str, str]] = []
    for key, value in items:
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            return None
        if not _LABEL_KEY.fullmatch(key):
            return None
        pairs.append((key, value))
    return frozenset(pairs)


def _labels(value: object, path: Path, context: Context) -> Labels | Invalid:
    if type(value) is not dict:
        return context.error(
            path, f"must be a mapping of label names to values, not {describe(value)}"
        )
    try:
        labels = _label_set(tuple(value.items()))
    except TypeError:  # a value that cannot be hashed, so no text
        labels = None
    if labels is not None:
        return labels
    before = context.findings.errors
    pairs: list[tuple[str, str]] = []
    for key, item in value.items():
        if not _LABEL_KEY.fullmatch(key):
            context.error((path, key), f"{key!r} is not a label name")
        text = "" if item is None else TEXT.parse(item, (path, key), context)
        if text is INVALID:
            continue
        if not _LABEL_VALUE.fullmatch(text):
            context.error(
                (path, key),
                "must be a label value (letters, digits, '-', '_', '.', at most 63), "
                f"not {describe(text)}",
            )
        pairs.append((key, text))
    return frozenset(pairs) if context.findings.errors == before else INVALID


LABELS: Final = Shape(_labels)


def _selected(labels: Labels = frozenset()) -> Labels:
    return labels


def _check_selected(labels: Labels, path: Path, context: Context) -> None:
    if not labels:
        context.warning(path, "has no labels, so it selects every workload of its namespace")


def selector(name: str) -> Shape[Labels]:
    """A selector of workloads, whose one field has this name: the labels that they must have."""
    return checked(record(_selected, {name: optional("labels", LABELS)}), _check_selected)


def _number(number: int) -> int:
    return number


PORT_NUMBER: Final = record(_number, {"number": required("number", PORT)})
"""A port as Istio selects it, `{number: 80}`."""


def _annotations(value: object, path: Path, context: Context) -> Labels | Invalid:
    if type(value) is not dict:
        return context.error(path, f"must be a mapping of names to text, not {describe(value)}")
    return frozenset(
        [
            (key, text)
            for key, item in value.items()
            if (text := "" if item is None else TEXT.parse(item, (path, key), context))
            is not INVALID
        ]
    )


ANNOTATIONS: Final = Shape(_annotations)
"""Free text by name, as label pairs."""


@lru_cache(maxsize=4096)
def _locality_of(text: str) -> Locality | None:
    parts = text.split("/")
    if len(parts) > 3 or "*" in text or any(part == "" for part in parts[:-1]):
        return None
    return Locality.parse(text)


def _locality(text: str, path: Path, context: Context) -> Locality | Invalid:
    locality = _locality_of(text)
    if locality is None:
        return context.error(path, f"must be region/zone/sub-zone, not {describe(text)}")
    return locality


LOCALITY: Final = text_as(_locality)


@lru_cache(maxsize=4096)
def parse_go_duration(text: str) -> timedelta | None:
    """Give the duration written as `1.5s`, `1h30m` or `100ms`; None when it is not one.

    Source: Go's `time.ParseDuration`, by which Kubernetes and Istio read durations; without signs.
    """
    if not _DURATION.fullmatch(text):
        return None
    parts: list[tuple[str, str]] = _DURATION_PART.findall(text)
    try:
        return timedelta(microseconds=sum(float(n) * _MICROSECONDS[unit] for n, unit in parts))
    except OverflowError:
        return None


_LONGEST: Final = timedelta(seconds=315_576_000_000)
"""What protobuf's Duration can hold: some 10,000 years."""


def duration(*, zero: bool) -> Shape[timedelta]:
    """A duration of at least a millisecond; with `zero` also none at all, which turns it off."""
    least = "; 0s turns it off" if zero else ""

    def parse(value: object, path: Path, context: Context) -> timedelta | Invalid:
        length = parse_go_duration(value) if type(value) is str else None
        if length is None:
            return context.error(
                path, f"must be a duration such as 1.5s, 100ms or 1h, not {describe(value)}"
            )
        if length > _LONGEST:
            return context.error(path, f"must be at most {_LONGEST.days * 24}h, not {value}")
        if length < timedelta(milliseconds=1) and (length or not zero):
            return context.error(path, f"must be at least 1ms, not {value}{least}")
        return length

    return Shape(parse)


DURATION: Final = duration(zero=False)
DURATION_OR_ZERO: Final = duration(zero=True)

_NOT_RE2 = (
    (re.compile(r"\(\?<?[=!]"), "look-around (?=, (?!, (?<=, (?<! is"),
    (re.compile(r"\\[1-9]|\(\?P=|\\k[<{']"), "a back-reference is"),
    (re.compile(r"\(\?>"), "an atomic group (?> is"),
    (re.compile(r"\(\?\("), "a conditional group is"),
    (re.compile(r"[*+?}]\+"), "a possessive quantifier is"),
)
_ESCAPED = re.compile(r"\\[^1-9k]|\[\^?\]?(?:\\.|[^\]\\])*\]")


@lru_cache(maxsize=4096)
def not_re2(pattern: str) -> str:
    """Give what in a regular expression Envoy's RE2 surely rejects, "" when nothing was noticed.

    Envoy judges the rest.
    """
    bare = _ESCAPED.sub("x", pattern)
    for construct, name in _NOT_RE2:
        if construct.search(bare):
            return f"{name} not possible in RE2, which Envoy uses"
    if bare.count("(") != bare.count(")"):
        return "the parentheses do not match"
    return ""


def _regex(text: str, path: Path, context: Context) -> str | Invalid:
    wrong = not_re2(text)
    if wrong:
        return context.error(path, f"{wrong}; write the expression without it")
    return text


REGEX: Final = text_as(_regex)

HEADER_NAME: Final = text_where(lambda text: _HEADER.fullmatch(text) is not None, "a header's name")


def words(known: tuple[str, ...], *, also: Callable[[str], bool]) -> Shape[str]:
    """Comma-separated words of a known set, or that the predicate accepts.

    The value is what is written, without spaces.
    """

    def convert(text: str, path: Path, context: Context) -> str:
        given = [word.strip() for word in text.split(",")]
        for word in given:
            if word and word not in known and not also(word):
                context.error(path, f"{word!r} is not known here{did_you_mean(word, known)}")
        return ",".join(word for word in given if word)

    return text_as(convert)
