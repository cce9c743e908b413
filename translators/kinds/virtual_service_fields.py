"""The rules of a VirtualService and the whole of it: how it is read, and what must hold between its fields."""

from __future__ import annotations

from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.field_types import DURATION_OR_ZERO, EXPORT_TO, RULE_HOST
from translators.kinds.findings import Findings
from translators.kinds.kind import ISTIO_NETWORKING, Kind, document_with_spec
from translators.kinds.schema import (
    INVALID,
    TEXT,
    Shape,
    checked,
    list_of,
    optional,
    record,
    required,
    unsupported,
)
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


def _http_rule(value: object, path: Path, findings: Findings) -> object:
    """One rule; None for one that delegates, which is left out."""
    rule = _HTTP_ROUTE.parse(value, path, findings)
    if not isinstance(rule, HttpRule):
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


def _matches_prefixes(rule: HttpRule) -> bool:
    return bool(rule.match) and all(
        match.uri is not None and match.uri.kind is MatchKind.PREFIX for match in rule.match
    )


def _check_rules(value: object, path: Path, findings: Findings) -> object:
    """Leaves out delegating rules and warns of those that no request reaches."""
    rules = value if isinstance(value, tuple) else ()
    for i, rule in enumerate(rules[:-1]):
        if isinstance(rule, HttpRule) and (not rule.match or HttpMatch() in rule.match):
            findings.warning(
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
        "gateways": optional("gateways", checked(list_of(TEXT, at_least=1), only_mesh)),
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
    kind_names.VIRTUAL_SERVICE,
    ISTIO_NETWORKING,
    document_with_spec(Shape(_with_rules, _FIELDS.fields)),
    suspicion=10,
    is_policy=True,
)
