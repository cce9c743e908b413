"""The shapes that several kinds share.

They are names, hosts, addresses, labels, durations and regular expressions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import INVALID, Context, Invalid
from translators.kinds.schema.record import optional, record, required
from translators.kinds.schema.regexes import wrong_regex
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
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_DURATION = re.compile(rf"(?:{_NUMBER}(?:ns|us|µs|ms|s|m|h))+|0")
_DURATION_PART = re.compile(rf"({_NUMBER})(ns|us|µs|ms|s|m|h)")
_DURATION_CHARACTERS = 100
_MILLISECONDS: Final = MappingProxyType(
    {
        "ns": Fraction(1, 1_000_000),
        "us": Fraction(1, 1000),
        "µs": Fraction(1, 1000),
        "ms": Fraction(1),
        "s": Fraction(1000),
        "m": Fraction(60_000),
        "h": Fraction(3_600_000),
    }
)

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


def parse_go_duration(text: str) -> Fraction | None:
    """Give the milliseconds, exactly, of `1.5s`, `1h30m` or `100ms`; None when it is no duration.

    Source: Go's `time.ParseDuration`, by which Kubernetes and Istio read durations; without signs.
    """
    return _milliseconds(text) if len(text) <= _DURATION_CHARACTERS else None


@lru_cache(maxsize=4096)
def _milliseconds(text: str) -> Fraction | None:
    if not _DURATION.fullmatch(text):
        return None
    parts: list[tuple[str, str]] = _DURATION_PART.findall(text)
    return sum((Fraction(number) * _MILLISECONDS[unit] for number, unit in parts), Fraction())


_LONGEST_HOURS: Final = 2_562_047
"""What Envoy can hold: it counts nanoseconds in 64 bits, some 292 years."""


def duration(*, zero: bool) -> Shape[timedelta]:
    """A duration of whole milliseconds, at least one; with `zero` also none, which turns it off.

    Source: Istio takes nothing finer, because Envoy's timers do not.
    """
    least = "; 0s turns it off" if zero else ""

    def parse(value: object, path: Path, context: Context) -> timedelta | Invalid:
        length = parse_go_duration(value) if type(value) is str else None
        if length is None:
            return context.error(
                path, f"must be a duration such as 1.5s, 100ms or 1h, not {describe(value)}"
            )
        if length > _LONGEST_HOURS * _MILLISECONDS["h"]:
            return context.error(path, f"must be at most {_LONGEST_HOURS}h, not {value}")
        if length < 1 and (length or not zero):
            return context.error(path, f"must be at least 1ms, not {value}{least}")
        if length.denominator != 1:
            return context.error(path, f"must be whole milliseconds, not {value}")
        return timedelta(milliseconds=int(length))

    return Shape(parse)


DURATION: Final = duration(zero=False)
DURATION_OR_ZERO: Final = duration(zero=True)


def _regex(text: str, path: Path, context: Context) -> str | Invalid:
    wrong = wrong_regex(text)
    return context.error(path, wrong) if wrong else text


REGEX: Final = text_as(_regex)


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
