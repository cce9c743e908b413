"""How a VirtualService is read: its fields, and the rules between them."""

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
    EXPORT_TO,
    HEADER_NAME,
    INT32,
    LABELS,
    PORT,
    REGEX,
    RULE_HOST,
    SUBNET,
    SUBSET_NAME,
    TEXTS,
    is_host,
    text_where,
    words,
)
from translators.kinds.findings import Findings
from translators.kinds.kind import ISTIO_NETWORKING, Kind, document_with_spec
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
    unsupported,
)
from translators.kinds.virtual_service import (
    Destination,
    DirectResponse,
    HeaderOperations,
    HttpMatch,
    HttpRoute,
    L4Match,
    L4Route,
    MatchKind,
    Redirect,
    Retries,
    Rewrite,
    TextMatch,
    VirtualServiceSpec,
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
_PSEUDO_NAMES: Final = frozenset(("uri", "scheme", "method", "authority"))


def _text_match(
    exact: str | None = None, prefix: str | None = None, regex: str | None = None
) -> TextMatch:
    if exact is not None:
        return TextMatch(MatchKind.EXACT, exact)
    if prefix is not None:
        return TextMatch(MatchKind.PREFIX, prefix)
    if regex is None or regex == "*":
        return TextMatch(MatchKind.PRESENT)
    return TextMatch(MatchKind.REGEX, regex)


_TEXT_MATCH: Final = record(
    _text_match,
    {
        "exact": optional("exact", TEXT),
        "prefix": optional("prefix", TEXT),
        "regex": optional("regex", REGEX),
    },
    exclusive=(("exact", "prefix", "regex"),),
)


def _without_pseudo(value: object, path: Path, findings: Findings) -> object:
    """Drops what is not a header; Istio ignores these names in a match's headers."""
    kept: list[object] = []
    for name, match in value if isinstance(value, tuple) else ():
        if name in _PSEUDO_NAMES:
            findings.warning((path, name), f"is no header; use the field {name} of the match")
        elif name.startswith("@request.auth.claims"):
            findings.unsupported((path, name), "matching JWT claims is not supported yet")
        else:
            kept.append((name, match))
    return tuple(kept)


_CLAIM_OR_HEADER: Final = text_where(
    lambda text: (
        text.startswith("@request.auth.claims") or text in _PSEUDO_NAMES or _is_header(text)
    ),
    "a header's name",
)


def _is_header(text: str) -> bool:
    return (
        bool(text) and text.isascii() and text.isprintable() and not set(text) & set(' ,;"()[]{}')
    )


_HEADERS: Final = checked(map_of(_TEXT_MATCH, name=_CLAIM_OR_HEADER), _without_pseudo)


def _gateways(value: object, path: Path, findings: Findings) -> object:
    """Only the mesh itself is served; other gateways are reported."""
    for i, gateway in enumerate(value if isinstance(value, tuple) else ()):
        if gateway != "mesh":
            findings.unsupported(
                (path, i), "gateways are not supported yet; only mesh, the sidecars"
            )
    return value


_GATEWAYS: Final = checked(TEXTS, _gateways)

_HTTP_MATCH: Final = record(
    HttpMatch,
    {
        "name": optional("name", TEXT),
        "uri": optional("uri", _TEXT_MATCH),
        "ignoreUriCase": optional("ignore_uri_case", BOOLEAN),
        "scheme": optional("scheme", _TEXT_MATCH),
        "method": optional("method", _TEXT_MATCH),
        "authority": optional("authority", _TEXT_MATCH),
        "headers": optional("headers", _HEADERS),
        "withoutHeaders": optional("without_headers", _HEADERS),
        "queryParams": optional("query_params", map_of(_TEXT_MATCH)),
        "port": optional("port", PORT),
        "sourceLabels": optional("source_labels", LABELS),
        "sourceNamespace": optional("source_namespace", TEXT),
        "gateways": optional("gateways", _GATEWAYS),
        "statPrefix": unsupported("the rule's name appears in the proxy's logs", harmless=("",)),
    },
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
_HEADER_CHANGES: Final = spread(
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


_HTTP_DESTINATIONS: Final = checked(
    list_of(record(WeightedDestination, {**_WEIGHTED, "headers": _HEADER_CHANGES}), at_least=1),
    _check_weights,
)
_L4_DESTINATIONS: Final = checked(
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
_REDIRECT: Final = record(
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


_DIRECT_RESPONSE: Final = record(
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


_REWRITE: Final = checked(
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


_RETRIES: Final = checked(
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

_HTTP_ROUTE: Final = record(
    HttpRoute,
    {
        "name": optional("name", TEXT),
        "match": optional("match", list_of(_HTTP_MATCH)),
        "route": optional("route", _HTTP_DESTINATIONS),
        "redirect": optional("redirect", _REDIRECT),
        "directResponse": optional("direct_response", _DIRECT_RESPONSE),
        "rewrite": optional("rewrite", _REWRITE),
        "timeout": optional("timeout", DURATION_OR_ZERO),
        "retries": optional("retries", _RETRIES),
        "headers": _HEADER_CHANGES,
        "delegate": unsupported("the rule is left out"),
        "fault": unsupported("no faults are injected"),
        "mirror": unsupported("nothing is mirrored"),
        "mirrors": unsupported("nothing is mirrored", harmless=([],)),
        "mirrorPercent": unsupported("nothing is mirrored"),
        "mirrorPercentage": unsupported("nothing is mirrored"),
        "corsPolicy": unsupported("no CORS headers are added"),
    },
    exclusive=(("route", "redirect", "directResponse", "delegate"), ("rewrite", "redirect")),
)


def _http_rule(value: object, path: Path, findings: Findings) -> object:
    """One rule; None for one that delegates, which is left out."""
    rule = _HTTP_ROUTE.parse(value, path, findings)
    if not isinstance(rule, HttpRoute):
        return rule
    if not rule.route and rule.redirect is None and rule.direct_response is None:
        if isinstance(value, dict) and value.get("delegate") is not None:
            return None
        findings.error(path, "needs route, redirect or directResponse: what to do with the request")
        return INVALID
    if rule.redirect and rule.redirect.uri_prefix and not _matches_prefixes(rule):
        findings.error(
            ((path, "redirect"), "prefixRewrite"), "needs uri.prefix in every match of the rule"
        )
        return INVALID
    return rule


def _matches_prefixes(rule: HttpRoute) -> bool:
    return bool(rule.match) and all(
        match.uri is not None and match.uri.kind is MatchKind.PREFIX for match in rule.match
    )


def _check_rules(value: object, path: Path, findings: Findings) -> object:
    """Leaves out delegating rules and warns of those that no request reaches."""
    rules = value if isinstance(value, tuple) else ()
    for i, rule in enumerate(rules[:-1]):
        if isinstance(rule, HttpRoute) and (not rule.match or HttpMatch() in rule.match):
            findings.warning(
                (path, i + 1), f"is never reached: rule {i} before it matches every request"
            )
            break
    return tuple(rule for rule in rules if rule is not None)


_SUBNETS: Final = list_of(SUBNET)
_SNI: Final = text_where(lambda text: text == "*" or is_host(text), "a host name")
_L4_MATCH: Final = {
    "destinationSubnets": optional("destination_subnets", _SUBNETS),
    "port": optional("port", PORT),
    "sourceLabels": optional("source_labels", LABELS),
    "sourceNamespace": optional("source_namespace", TEXT),
    "gateways": optional("gateways", _GATEWAYS),
}
_TLS: Final = record(
    L4Route,
    {
        "match": required(
            "match",
            list_of(
                record(
                    L4Match,
                    {
                        "sniHosts": required(
                            "sni_hosts", list_of(_SNI, at_least=1), "the server names to match"
                        ),
                        **_L4_MATCH,
                    },
                ),
                at_least=1,
            ),
            "the server names (sniHosts) that take this route",
        ),
        "route": required("route", _L4_DESTINATIONS, "where to"),
    },
)
_TCP: Final = record(
    L4Route,
    {
        "match": optional(
            "match",
            list_of(
                record(
                    L4Match,
                    {
                        **_L4_MATCH,
                        "sourceSubnet": unsupported("use sourceLabels", harmless=("",)),
                    },
                )
            ),
        ),
        "route": required("route", _L4_DESTINATIONS, "where to"),
    },
)


def _check_spec(value: object, path: Path, findings: Findings) -> object:
    if not isinstance(value, VirtualServiceSpec):
        return value
    seen: set[str] = set()
    for i, host in enumerate(value.hosts):
        if host in seen:
            findings.error(((path, "hosts"), i), f"{host} is listed already; remove one of the two")
        seen.add(host)
    for i, rule in enumerate(value.tls):
        for k, match in enumerate(rule.match):
            at = ((((path, "tls"), i), "match"), k)
            _check_sni(match.sni_hosts, value.hosts, (at, "sniHosts"), findings)
    return value


def _check_sni(
    sni_hosts: tuple[str, ...], hosts: tuple[str, ...], path: Path, findings: Findings
) -> None:
    for i, name in enumerate(sni_hosts):
        if not any(_covers(host, name) for host in hosts):
            findings.error((path, i), f"{name} is not covered by spec.hosts; add it there")


def _covers(host: str, name: str) -> bool:
    return host == name or (host.startswith("*") and name.endswith(host[1:]))


_FIELDS: Final = record(
    VirtualServiceSpec,
    {
        "hosts": required("hosts", list_of(RULE_HOST, at_least=1), "the names that clients use"),
        "gateways": optional("gateways", checked(list_of(TEXT, at_least=1), _gateways)),
        "http": optional(
            "http", checked(list_of(Shape(_http_rule, _HTTP_ROUTE.fields)), _check_rules)
        ),
        "tls": optional("tls", list_of(_TLS)),
        "tcp": optional("tcp", list_of(_TCP)),
        "exportTo": optional("export_to", EXPORT_TO),
    },
)


def _with_rules(value: object, path: Path, findings: Findings) -> object:
    """Refuses a VirtualService without any rule."""
    if isinstance(value, dict) and not any(value.get(name) for name in ("http", "tls", "tcp")):
        findings.error(path, "needs rules: give http, tls or tcp")
    spec = _FIELDS.parse(value, path, findings)
    return INVALID if spec is INVALID else _check_spec(spec, path, findings)


VIRTUAL_SERVICE: Final = Kind(
    "VirtualService", ISTIO_NETWORKING, document_with_spec(Shape(_with_rules, _FIELDS.fields))
)
