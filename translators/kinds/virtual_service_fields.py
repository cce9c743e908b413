"""The rules of a VirtualService and the whole of it: how it is read, and what must hold between its fields."""

from __future__ import annotations

from typing import Final

from translators.kinds.context import INVALID, Context, Invalid
from translators.kinds.field_path import Path
from translators.kinds.field_types import DURATION_OR_ZERO, EXPORT_TO, RULE_HOST
from translators.kinds.kind import ISTIO_NETWORKING, Kind, document_with_spec
from translators.kinds.record import optional, record, required, unsupported
from translators.kinds.schema import TEXT, Shape, checked, converted, list_of
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.kinds.virtual_service_actions import (
    DIRECT_RESPONSE,
    HEADER_CHANGES,
    HTTP_DESTINATIONS,
    L4_DESTINATIONS,
    REDIRECT,
    RETRIES,
    REWRITE,
)
from translators.kinds.virtual_service_matches import (
    HTTP_MATCH,
    L4_MATCH_FIELDS,
    SNI_HOST,
    only_mesh,
)
from translators.model import kind_names
from translators.model.routing import HttpMatch, HttpRule, L4Match, L4Rule, MatchKind

_HTTP_ROUTE: Final = record(
    HttpRule,
    {
        "name": optional("name", TEXT),
        "match": optional("match", list_of(HTTP_MATCH)),
        "route": optional("route", HTTP_DESTINATIONS),
        "redirect": optional("redirect", REDIRECT),
        "directResponse": optional("direct_response", DIRECT_RESPONSE),
        "rewrite": optional("rewrite", REWRITE),
        "timeout": optional("timeout", DURATION_OR_ZERO),
        "retries": optional("retries", RETRIES),
        "headers": HEADER_CHANGES,
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


def _http_rule(value: object, path: Path, context: Context) -> HttpRule | Invalid | None:
    """One rule; None for one that delegates, which is left out."""
    rule = _HTTP_ROUTE.parse(value, path, context)
    if rule is INVALID:
        return rule
    if not rule.route and rule.redirect is None and rule.direct_response is None:
        if isinstance(value, dict) and value.get("delegate") is not None:
            return None
        return context.error(
            path, "needs route, redirect or directResponse: what to do with the request"
        )
    if rule.redirect and rule.redirect.uri_prefix and not _matches_prefixes(rule):
        return context.error(
            ((path, "redirect"), "prefixRewrite"), "needs uri.prefix in every match of the rule"
        )
    return rule


def _matches_prefixes(rule: HttpRule) -> bool:
    return bool(rule.match) and all(
        match.uri is not None and match.uri.kind is MatchKind.PREFIX for match in rule.match
    )


def _read_rules(
    rules: tuple[HttpRule | None, ...], path: Path, context: Context
) -> tuple[HttpRule, ...]:
    """Leave out delegating rules, and warn of the first that no request reaches."""
    for i, rule in enumerate(rules[:-1]):
        if rule is not None and (not rule.match or HttpMatch() in rule.match):
            context.warning(
                (path, i + 1), f"is never reached: rule {i} before it matches every request"
            )
            break
    return tuple(rule for rule in rules if rule is not None)


_TLS: Final = record(
    L4Rule,
    {
        "match": required(
            "match",
            list_of(
                record(
                    L4Match,
                    {
                        "sniHosts": required(
                            "sni_hosts", list_of(SNI_HOST, at_least=1), "the server names to match"
                        ),
                        **L4_MATCH_FIELDS,
                    },
                ),
                at_least=1,
            ),
            "the server names (sniHosts) that take this route",
        ),
        "route": required("route", L4_DESTINATIONS, "where to"),
    },
)
_TCP: Final = record(
    L4Rule,
    {
        "match": optional(
            "match",
            list_of(
                record(
                    L4Match,
                    {
                        **L4_MATCH_FIELDS,
                        "sourceSubnet": unsupported("use sourceLabels", harmless=("",)),
                    },
                )
            ),
        ),
        "route": required("route", L4_DESTINATIONS, "where to"),
    },
)


def _check_spec(spec: VirtualServiceSpec, path: Path, context: Context) -> None:
    seen: set[str] = set()
    for i, host in enumerate(spec.hosts):
        if host in seen:
            context.error(((path, "hosts"), i), f"{host} is listed already; remove one of the two")
        seen.add(host)
    for i, rule in enumerate(spec.tls):
        for k, match in enumerate(rule.match):
            at = ((((path, "tls"), i), "match"), k)
            _check_sni(match.sni_hosts, spec.hosts, (at, "sniHosts"), context)


def _check_sni(
    sni_hosts: tuple[str, ...], hosts: tuple[str, ...], path: Path, context: Context
) -> None:
    for i, name in enumerate(sni_hosts):
        if not any(_covers(host, name) for host in hosts):
            context.error((path, i), f"{name} is not covered by spec.hosts; add it there")


def _covers(host: str, name: str) -> bool:
    return host == name or (host.startswith("*") and name.endswith(host[1:]))


_GATEWAYS: Final = checked(list_of(TEXT, at_least=1), only_mesh)
_FIELDS: Final = record(
    VirtualServiceSpec,
    {
        "hosts": required("hosts", list_of(RULE_HOST, at_least=1), "the names that clients use"),
        "gateways": optional("gateways", _GATEWAYS),
        "http": optional(
            "http", converted(list_of(Shape(_http_rule, _HTTP_ROUTE.fields)), _read_rules)
        ),
        "tls": optional("tls", list_of(_TLS)),
        "tcp": optional("tcp", list_of(_TCP)),
        "exportTo": optional("export_to", EXPORT_TO),
    },
)


def _with_rules(value: object, path: Path, context: Context) -> VirtualServiceSpec | Invalid:
    """The spec; one without any rule is refused."""
    if isinstance(value, dict) and not any(value.get(name) for name in ("http", "tls", "tcp")):
        context.error(path, "needs rules: give http, tls or tcp")
    return _CHECKED.parse(value, path, context)


_CHECKED: Final = checked(_FIELDS, _check_spec)

VIRTUAL_SERVICE: Final = Kind(
    kind_names.VIRTUAL_SERVICE,
    ISTIO_NETWORKING,
    document_with_spec(Shape(_with_rules, _FIELDS.fields)),
    suspicion=10,
    is_policy=True,
)
