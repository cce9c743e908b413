"""The actions of a VirtualService: what a rule does with what it matches."""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.field_types import (
    DESTINATION_HOST,
    DURATION,
    DURATION_OR_ZERO,
    HEADER_NAME,
    INT32,
    PORT,
    REGEX,
    SUBSET_NAME,
    text_where,
    words,
)
from translators.kinds.findings import Findings
from translators.kinds.schema import (
    BOOLEAN,
    INVALID,
    TEXT,
    Shape,
    checked,
    choice,
    describe,
    integer,
    list_of,
    map_of,
    optional,
    record,
    required,
    spread,
)
from translators.model.routing import (
    Destination,
    DirectResponse,
    HeaderOperations,
    Redirect,
    Retries,
    Rewrite,
    WeightedDestination,
)

MAX_BODY_BYTES: Final = 1 << 20
_RETRY_ON: Final = (
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)


def _number(number: int) -> int:
    return number


_DESTINATION: Final = record(
    Destination,
    {
        "host": required("host", DESTINATION_HOST, "the service to send to"),
        "subset": optional("subset", SUBSET_NAME),
        "port": optional("port", record(_number, {"number": required("number", PORT)})),
    },
)


def _operations(
    set: tuple[tuple[str, str], ...] = (),  # noqa: A002 the API's word
    add: tuple[tuple[str, str], ...] = (),
    remove: tuple[str, ...] = (),
) -> HeaderOperations:
    return HeaderOperations(set, add, tuple(sorted(remove)))


_HEADER_VALUES: Final = map_of(TEXT, name=HEADER_NAME)
_OPERATIONS: Final = record(
    _operations,
    {
        "set": optional("set", _HEADER_VALUES),
        "add": optional("add", _HEADER_VALUES),
        "remove": optional("remove", list_of(HEADER_NAME)),
    },
)
HEADER_CHANGES: Final = spread(
    record(
        dict,
        {
            "request": optional("request_headers", _OPERATIONS),
            "response": optional("response_headers", _OPERATIONS),
        },
    )
)
_WEIGHTED: Final = {
    "destination": required("destination", _DESTINATION, "where to"),
    "weight": optional("weight", INT32),
}


def _check_weights(value: object, path: Path, findings: Findings) -> object:
    parts = (
        [part for part in value if isinstance(part, WeightedDestination)]
        if isinstance(value, tuple)
        else []
    )
    if len(parts) > 1:
        total = sum(part.weight for part in parts)
        if total == 0:
            findings.error(
                path, "the weights of several destinations add up to 0; give them weights"
            )
        if total >= 2**32:
            findings.error(path, f"the weights add up to {total}, more than {2**32 - 1}")
    return value


HTTP_DESTINATIONS: Final = checked(
    list_of(record(WeightedDestination, {**_WEIGHTED, "headers": HEADER_CHANGES}), at_least=1),
    _check_weights,
)
L4_DESTINATIONS: Final = checked(
    list_of(record(WeightedDestination, _WEIGHTED), at_least=1), _check_weights
)

_REDIRECT_CODES: Final = (301, 302, 303, 307, 308)


def _redirect_code(value: object, path: Path, findings: Findings) -> object:
    if type(value) is int and value in _REDIRECT_CODES:
        return value
    findings.error(
        path, f"must be one of {', '.join(map(str, _REDIRECT_CODES))}, not {describe(value)}"
    )
    return INVALID


_REDIRECT_CODE: Final = Shape(_redirect_code)
REDIRECT: Final = record(
    Redirect,
    {
        "uri": optional("uri", TEXT),
        "prefixRewrite": optional("uri_prefix", TEXT),
        "authority": optional("authority", TEXT),
        "scheme": optional("scheme", text_where(lambda text: text != "", "e.g. https")),
        "port": optional("port", PORT),
        "derivePort": optional(
            "derive_port",
            choice({word: word for word in ("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT")}),
        ),
        "redirectCode": optional("code", _REDIRECT_CODE),
    },
    exclusive=(("uri", "prefixRewrite"), ("port", "derivePort")),
)


def _bytes(value: object, path: Path, findings: Findings) -> object:
    if type(value) is not str:
        return TEXT.parse(value, path, findings)
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        findings.error(path, "must be base64; use string for plain text")
        return INVALID


def _body(string: str | None = None, encoded: bytes = b"") -> bytes:
    return encoded if string is None else string.encode()


def _check_body(value: object, path: Path, findings: Findings) -> object:
    if isinstance(value, bytes) and len(value) > MAX_BODY_BYTES:
        findings.error(path, f"is {len(value)} bytes long; at most {MAX_BODY_BYTES} are possible")
    return value


DIRECT_RESPONSE: Final = record(
    DirectResponse,
    {
        "status": required("status", integer(200, 599), "the HTTP status to answer with"),
        "body": optional(
            "body",
            checked(
                record(
                    _body,
                    {
                        "string": optional("string", TEXT),
                        "bytes": optional("encoded", Shape(_bytes)),
                    },
                    exclusive=(("string", "bytes"),),
                ),
                _check_body,
            ),
        ),
    },
)


def _substitution(match: str, rewrite: str = "") -> tuple[str, str]:
    return (match, rewrite)


def _check_rewrite(value: object, path: Path, findings: Findings) -> object:
    if value == Rewrite():
        findings.error(path, "needs uri, uriRegexRewrite or authority")
    return value


REWRITE: Final = checked(
    record(
        Rewrite,
        {
            "uri": optional("uri", TEXT),
            "authority": optional("authority", TEXT),
            "uriRegexRewrite": optional(
                "regex",
                record(
                    _substitution,
                    {
                        "match": required("match", REGEX, "the expression to find"),
                        "rewrite": optional("rewrite", TEXT),
                    },
                ),
            ),
        },
        exclusive=(("uri", "uriRegexRewrite"),),
    ),
    _check_rewrite,
)


def _check_retries(value: object, path: Path, findings: Findings) -> object:
    if isinstance(value, Retries) and not value.attempts:
        bare = Retries(0, retry_ignore_previous_hosts=value.retry_ignore_previous_hosts)
        if value != bare:
            findings.error(
                (path, "attempts"), "is 0, which turns retries off; give it, or nothing beside it"
            )
    return value


def _is_status(word: str) -> bool:
    return word.isdecimal() and 100 <= int(word) <= 599


RETRIES: Final = checked(
    record(
        partial(Retries, attempts=0),
        {
            "attempts": optional("attempts", INT32),
            "perTryTimeout": optional("per_try_timeout", DURATION_OR_ZERO),
            "retryOn": optional("retry_on", words(_RETRY_ON, also=_is_status)),
            "backoff": optional("backoff", DURATION),
            "retryRemoteLocalities": optional("retry_remote_localities", BOOLEAN),
            "retryIgnorePreviousHosts": optional("retry_ignore_previous_hosts", BOOLEAN),
        },
    ),
    _check_retries,
)
