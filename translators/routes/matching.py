"""Matches of an HTTP rule, as far as Envoy decides them for each request.

Conditions on the client (labels, namespace, gateways) and on the port are decided before, in
`world.matches`.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
and config.route.v3.RouteMatch.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy_data_plane.envoy.config.route.v3 import (
    HeaderMatcher,
    QueryParameterMatcher,
    RouteMatch,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher

from translators.codec import new
from translators.model.routing import HttpMatch, MatchKind, TextMatch

_PSEUDO_KEYS = frozenset({"uri", "scheme", "method", "authority"})


def is_catch_all(match: HttpMatch) -> bool:
    """Whether every request meets the conditions that Envoy checks.

    Then no later rule is reached.
    """
    if match.headers or match.without_headers or match.query_params:
        return False
    if match.scheme or match.method or match.authority:
        return False
    return match.uri is None or (match.uri.kind is MatchKind.PREFIX and match.uri.value == "/")


def route_match(match: HttpMatch) -> RouteMatch:
    """The conditions that Envoy checks. A prefix is one of characters, not of path segments."""
    headers = _header_matchers(match)
    parameters = [_query_matcher(name, text) for name, text in match.query_params]
    case_sensitive = False if match.ignore_uri_case else None
    uri = match.uri
    if uri is None or uri.kind is MatchKind.PRESENT:
        return new(RouteMatch)(prefix="/", headers=headers, query_parameters=parameters)
    if uri.kind is MatchKind.REGEX:
        return new(RouteMatch)(
            safe_regex=new(RegexMatcher)(regex=uri.value),
            headers=headers,
            query_parameters=parameters,
        )
    if uri.kind is MatchKind.EXACT:
        return new(RouteMatch)(
            path=uri.value,
            case_sensitive=case_sensitive,
            headers=headers,
            query_parameters=parameters,
        )
    return new(RouteMatch)(
        prefix=uri.value,
        case_sensitive=case_sensitive,
        headers=headers,
        query_parameters=parameters,
    )


def names_a_port() -> HeaderMatcher:
    """The condition that the host of a request is written with a port."""
    pattern = new(RegexMatcher)(regex=".*:[0-9]+")
    return new(HeaderMatcher)(
        name=":authority", string_match=new(StringMatcher)(safe_regex=pattern)
    )


def _header_matchers(match: HttpMatch) -> list[HeaderMatcher]:
    pseudo = (
        (":scheme", match.scheme),
        (":method", match.method),
        (":authority", match.authority),
    )
    matchers = [_header_matcher(name, text) for name, text in pseudo if text is not None]
    matchers += [_header_matcher(name, text) for name, text in _named(match.headers)]
    matchers += [_absence_matcher(name, text) for name, text in _named(match.without_headers)]
    return matchers


def _named(headers: Iterable[tuple[str, TextMatch]]) -> Iterable[tuple[str, TextMatch]]:
    """The headers without the keys that Istio keeps for the fields of the same name."""
    return (header for header in headers if header[0] not in _PSEUDO_KEYS)


def _is_presence(text: TextMatch) -> bool:
    return text.kind is MatchKind.PRESENT or (text.kind is MatchKind.REGEX and text.value == "*")


def string_matcher(text: TextMatch) -> StringMatcher:
    """The comparison of a text that is present; a regex must match it whole."""
    if text.kind is MatchKind.EXACT:
        return new(StringMatcher)(exact=text.value)
    if text.kind is MatchKind.PREFIX:
        return new(StringMatcher)(prefix=text.value)
    return new(StringMatcher)(safe_regex=new(RegexMatcher)(regex=text.value))


def _header_matcher(name: str, text: TextMatch) -> HeaderMatcher:
    if _is_presence(text):
        return new(HeaderMatcher)(name=name, present_match=True)
    return new(HeaderMatcher)(name=name, string_match=string_matcher(text))


def _absence_matcher(name: str, text: TextMatch) -> HeaderMatcher:
    if _is_presence(text):
        return new(HeaderMatcher)(name=name, present_match=True, invert_match=True)
    # Envoy lets a missing header fail an inverted comparison too, unless it counts as empty.
    return new(HeaderMatcher)(
        name=name,
        string_match=string_matcher(text),
        invert_match=True,
        treat_missing_header_as_empty=True,
    )


def _query_matcher(name: str, text: TextMatch) -> QueryParameterMatcher:
    if _is_presence(text):
        return new(QueryParameterMatcher)(name=name, present_match=True)
    return new(QueryParameterMatcher)(name=name, string_match=string_matcher(text))
