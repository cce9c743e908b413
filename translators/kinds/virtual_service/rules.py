"""The rules of a VirtualService: for requests, for connections by server name, and for others."""

from __future__ import annotations

from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import INVALID, Context, Invalid
from translators.kinds.schema.field_types import DURATION_OR_ZERO
from translators.kinds.schema.header_fields import AUTHORITY_NAMES
from translators.kinds.schema.record import Check, optional, record, required, unsupported
from translators.kinds.schema.shape import TEXT, Shape, converted, list_of
from translators.kinds.virtual_service.actions import (
    DIRECT_RESPONSE,
    HEADER_CHANGES,
    HTTP_DESTINATIONS,
    L4_DESTINATIONS,
    REDIRECT,
    RETRIES,
    REWRITE,
)
from translators.kinds.virtual_service.matches import (
    HTTP_MATCH,
    L4_MATCH_FIELDS,
    SNI_HOST,
)
from translators.model.routing import HttpMatch, HttpRule, L4Match, L4Rule


def _check_authority(rule: HttpRule, path: Path, context: Context) -> None:
    """Tell of an authority that is rewritten in two places, as Istio does."""
    if rule.rewrite is None or not rule.rewrite.authority:
        return
    for name, _ in rule.request_headers.set:
        if name.lower() in AUTHORITY_NAMES:
            at = ((((path, "headers"), "request"), "set"), name)
            context.error(at, "rewrite.authority sets it already; keep one of the two")


_ACTIONS: Final = ("route", "redirect", "directResponse", "delegate")
_HTTP_FIELDS: Final = record(
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
    exclusive=(_ACTIONS, ("rewrite", "redirect")),
    checks=(Check(_check_authority, reads=("rewrite", "headers")),),
)


def _http_rule(value: object, path: Path, context: Context) -> HttpRule | Invalid | None:
    """Give one rule; None for one that delegates, which is left out."""
    if isinstance(value, dict) and all(value.get(name) is None for name in _ACTIONS):
        context.error(path, "needs route, redirect or directResponse: what to do with the request")
    rule = _HTTP_FIELDS.parse(value, path, context)
    if rule is INVALID or not isinstance(value, dict):
        return INVALID
    return None if value.get("delegate") is not None else rule


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


HTTP_RULES: Final = converted(list_of(Shape(_http_rule, _HTTP_FIELDS.fields)), _read_rules)
TLS_RULES: Final = list_of(
    record(
        L4Rule,
        {
            "match": required(
                "match",
                list_of(
                    record(
                        L4Match,
                        {
                            "sniHosts": required(
                                "sni_hosts",
                                list_of(SNI_HOST, at_least=1),
                                "the server names to match",
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
)
TCP_RULES: Final = list_of(
    record(
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
)
