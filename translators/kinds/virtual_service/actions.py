"""The actions of a VirtualService: what a rule does with what it matches."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from functools import partial
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import INVALID, Context, Invalid
from translators.kinds.schema.field_types import (
    DESTINATION_HOST,
    DURATION,
    DURATION_OR_ZERO,
    INT32,
    PORT,
    PORT_NUMBER,
    REGEX,
    SUBSET_NAME,
    words,
)
from translators.kinds.schema.header_fields import (
    AUTHORITY,
    AUTHORITY_NAMES,
    HEADER_VALUE,
    ONE_LINE,
    OPERATION_NAME,
)
from translators.kinds.schema.record import Check, optional, record, required, spread
from translators.kinds.schema.regexes import wrong_substitution
from translators.kinds.schema.shape import (
    BOOLEAN,
    TEXT,
    Shape,
    checked,
    converted,
    describe,
    integer,
    list_of,
    map_of,
    text_as,
    word_of,
)
from translators.model.routing import (
    MAX_BODY_BYTES,
    Destination,
    DirectResponse,
    HeaderOperations,
    Redirect,
    Retries,
    Rewrite,
    WeightedDestination,
)

_STATUS = re.compile(r"[1-5][0-9]{2}")
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


_DESTINATION: Final = record(
    Destination,
    {
        "host": required("host", DESTINATION_HOST, "the service to send to"),
        "subset": optional("subset", SUBSET_NAME),
        "port": optional("port", PORT_NUMBER),
    },
)


def _operations(
    set: tuple[tuple[str, str], ...] = (),  # noqa: A002 the API's word
    add: tuple[tuple[str, str], ...] = (),
    remove: tuple[str, ...] = (),
) -> HeaderOperations:
    return HeaderOperations(set, add, tuple(sorted(remove)))


_VALUES: Final = map_of(HEADER_VALUE, name=OPERATION_NAME)


def _set_values(
    pairs: tuple[tuple[str, str], ...], path: Path, context: Context
) -> tuple[tuple[str, str], ...] | Invalid:
    """Check the authority, which Envoy takes as it is and once."""
    named = [(name, value) for name, value in pairs if name.lower() in AUTHORITY_NAMES]
    for name, value in named:
        if "%" in value:
            context.error((path, name), "must be the host itself; substitutions are not made here")
        AUTHORITY.parse(value, (path, name), context)
    if len(named) > 1:
        context.error((path, named[1][0]), f"is set by {named[0][0]} already; keep one of the two")
    return pairs


def _without_authority(why: str) -> Shape[str]:
    def check(name: str, path: Path, context: Context) -> None:
        if name.lower() in AUTHORITY_NAMES:
            context.error(path, f"{name} {why}")

    return checked(OPERATION_NAME, check)


_ONLY_SET: Final = _without_authority("can be set, and neither added nor removed")
_ONLY_IN_REQUESTS: Final = _without_authority("is no header of a response")
_REQUEST_OPERATIONS: Final = record(
    _operations,
    {
        "set": optional("set", converted(_VALUES, _set_values)),
        "add": optional("add", map_of(HEADER_VALUE, name=_ONLY_SET)),
        "remove": optional("remove", list_of(_ONLY_SET)),
    },
)
_RESPONSE_OPERATIONS: Final = record(
    _operations,
    {
        "set": optional("set", map_of(HEADER_VALUE, name=_ONLY_IN_REQUESTS)),
        "add": optional("add", map_of(HEADER_VALUE, name=_ONLY_IN_REQUESTS)),
        "remove": optional("remove", list_of(_ONLY_IN_REQUESTS)),
    },
)
HEADER_CHANGES: Final = spread(
    {
        "request": optional("request_headers", _REQUEST_OPERATIONS),
        "response": optional("response_headers", _RESPONSE_OPERATIONS),
    }
)
_WEIGHTED: Final = {
    "destination": required("destination", _DESTINATION, "where to"),
    "weight": optional("weight", INT32),
}


def _check_weights(split: tuple[WeightedDestination, ...], path: Path, context: Context) -> None:
    if len(split) > 1:
        total = sum(share.weight for share in split)
        if total == 0:
            context.error(
                path, "the weights of several destinations add up to 0; give them weights"
            )
        if total >= 2**32:
            context.error(path, f"the weights add up to {total}, more than {2**32 - 1}")


HTTP_DESTINATIONS: Final = checked(
    list_of(record(WeightedDestination, {**_WEIGHTED, "headers": HEADER_CHANGES}), at_least=1),
    _check_weights,
)
L4_DESTINATIONS: Final = checked(
    list_of(record(WeightedDestination, _WEIGHTED), at_least=1), _check_weights
)

_REDIRECT_CODES: Final = (301, 302, 303, 307, 308)


def _redirect_code(value: object, path: Path, context: Context) -> int | Invalid:
    if type(value) is int and value in _REDIRECT_CODES:
        return value
    if type(value) is int and value == 0:
        return _REDIRECT_CODES[0]
    return context.error(
        path, f"must be one of {', '.join(map(str, _REDIRECT_CODES))}, not {describe(value)}"
    )


def _scheme(text: str, path: Path, context: Context) -> str | Invalid:
    scheme = text.lower()
    if scheme in ("", "http", "https"):
        return scheme
    return context.error(path, f"must be http or https, not {describe(text)}")


def _check_redirect(redirect: Redirect, path: Path, context: Context) -> None:
    if replace(redirect, code=0) == Redirect(code=0):
        context.error(path, "changes nothing: give uri, prefixRewrite, authority, scheme or port")


_REDIRECT_CHANGES: Final = ("uri", "prefixRewrite", "authority", "scheme", "port", "derivePort")
REDIRECT: Final = record(
    Redirect,
    {
        "uri": optional("uri", ONE_LINE),
        "prefixRewrite": optional("uri_prefix", ONE_LINE),
        "authority": optional("authority", AUTHORITY),
        "scheme": optional("scheme", text_as(_scheme)),
        "port": optional("port", PORT),
        "derivePort": optional(
            "derive_port",
            word_of("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"),
        ),
        "redirectCode": optional("code", Shape(_redirect_code)),
    },
    exclusive=(("uri", "prefixRewrite"), ("port", "derivePort")),
    checks=(Check(_check_redirect, reads=_REDIRECT_CHANGES),),
)


def _bytes(text: str, path: Path, context: Context) -> bytes | Invalid:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # also for what is not ASCII
        return context.error(path, "must be base64; use string for plain text")


def _body(string: str | None = None, encoded: bytes = b"") -> bytes:
    return encoded if string is None else string.encode()


def _check_body(body: bytes, path: Path, context: Context) -> None:
    if len(body) > MAX_BODY_BYTES:
        context.error(path, f"is {len(body)} bytes long; at most {MAX_BODY_BYTES} are possible")


_BODY: Final = checked(
    record(
        _body,
        {"string": optional("string", TEXT), "bytes": optional("encoded", text_as(_bytes))},
        exclusive=(("string", "bytes"),),
    ),
    _check_body,
)
DIRECT_RESPONSE: Final = record(
    DirectResponse,
    {
        "status": required("status", integer(200, 599), "the HTTP status to answer with"),
        "body": optional("body", _BODY),
    },
)


def _substitution(match: str, rewrite: str = "") -> tuple[str, str]:
    return (match, rewrite)


def _check_substitution(regex: tuple[str, str], path: Path, context: Context) -> None:
    wrong = wrong_substitution(*regex)
    if wrong:
        context.error((path, "rewrite"), wrong)


_REGEX_REWRITE: Final = record(
    _substitution,
    {
        "match": required("match", REGEX, "the expression to find"),
        "rewrite": optional("rewrite", ONE_LINE),
    },
    checks=(Check(_check_substitution, reads=("match", "rewrite")),),
)


def _check_rewrite(rewrite: Rewrite, path: Path, context: Context) -> None:
    if rewrite == Rewrite():
        context.error(path, "needs uri, uriRegexRewrite or authority")


REWRITE: Final = record(
    Rewrite,
    {
        "uri": optional("uri", ONE_LINE),
        "authority": optional("authority", AUTHORITY),
        "uriRegexRewrite": optional("regex", _REGEX_REWRITE),
    },
    exclusive=(("uri", "uriRegexRewrite"),),
    checks=(Check(_check_rewrite, reads=("uri", "authority", "uriRegexRewrite")),),
)


def _is_status(word: str) -> bool:
    return _STATUS.fullmatch(word) is not None


_RETRY_FIELDS: Final = record(
    partial(Retries, attempts=0),
    {
        "attempts": optional("attempts", INT32),
        "perTryTimeout": optional("per_try_timeout", DURATION_OR_ZERO),
        "retryOn": optional("retry_on", words(_RETRY_ON, also=_is_status)),
        "backoff": optional("backoff", DURATION),
        "retryRemoteLocalities": optional("retry_remote_localities", BOOLEAN),
        "retryIgnorePreviousHosts": optional("retry_ignore_previous_hosts", BOOLEAN),
    },
)


def _retries(value: object, path: Path, context: Context) -> Retries | Invalid:
    """Give the policy; one without attempts has no effect, so nothing may be said beside that."""
    retries = _RETRY_FIELDS.parse(value, path, context)
    if retries is INVALID or retries.attempts or not isinstance(value, dict):
        return retries
    given = [name for name, item in value.items() if item not in (None, "") and name != "attempts"]
    if given == ["retryIgnorePreviousHosts"]:
        context.warning((path, given[0]), "has no effect, as attempts is 0: nothing is retried")
    elif given:
        context.error(
            (path, "attempts"),
            f"is 0, which turns retries off; give it, or nothing beside it ({', '.join(given)})",
        )
    return retries


RETRIES: Final = Shape(_retries, _RETRY_FIELDS.fields)
