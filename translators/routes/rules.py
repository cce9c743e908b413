"""The routes of a virtual host: those of the VirtualService that applies, or the default one.

What comes out are bytes, the `routes` fields of a `VirtualHost`: they are the same for every Envoy,
and a virtual host is joined from them and its domains.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from envoy_data_plane.envoy.config.route.v3 import (
    Route,
    RouteAction,
    RouteActionUpgradeConfig,
    RouteActionUpgradeConfigConnectConfig,
    RouteMatch,
    RouteMatchConnectMatcher,
    VirtualHost,
)

from translators.codec import encode, field_number, new
from translators.codec.wire import delimited, string
from translators.envoy.durations import NO_LIMIT
from translators.http_filters import typed_per_filter_config
from translators.model.routing import DirectResponse, HeaderOperations, HttpMatch, HttpRule
from translators.model.service import ClientScope
from translators.model.upstream import Upstream
from translators.routes import headers
from translators.routes.actions import (
    direct_response,
    route_action,
    unlimited_stream,
)
from translators.routes.matching import is_catch_all, names_a_port, route_match
from translators.routes.redirects import redirect_routes
from translators.routes.splits import UpstreamOf
from translators.world.matches import applies

DEFAULT_ROUTE_NAME = "default"
CONNECT = "CONNECT"
_ROUTES = field_number(VirtualHost, "routes")
_ROUTE = field_number(Route, "route")
_CLUSTER = field_number(RouteAction, "cluster")
_ANY_REQUEST = HttpMatch()
_NOT_FOUND = DirectResponse(404)


def rule_routes(
    rules: tuple[HttpRule, ...],
    client: ClientScope,
    port: int,
    upstream_of: UpstreamOf,
    *,
    is_proxyless: bool = False,
) -> bytes:
    """The routes of a VirtualService's rules for a client and a port, in order.

    Empty when no rule applies to them.

    Nothing follows a route that takes every request. `is_proxyless`: see `route_action`.
    """
    parts = []
    for rule, match in _applying(rules, client, port):
        routes = _routes(rule, match, port, upstream_of, is_proxyless=is_proxyless)
        parts += [delimited(_ROUTES, encode(route)) for route in routes]
        if is_catch_all(match):
            break
    return b"".join(parts)


def _applying(
    rules: tuple[HttpRule, ...], client: ClientScope, port: int
) -> Iterator[tuple[HttpRule, HttpMatch]]:
    for rule in rules:
        for match in rule.match or (_ANY_REQUEST,):
            if applies(match, client, port):
                yield rule, match


def _routes(
    rule: HttpRule, match: HttpMatch, port: int, upstream_of: UpstreamOf, *, is_proxyless: bool
) -> Iterator[Route]:
    """The routes of a rule for one of its match blocks: one, or two for some redirects."""
    name = ".".join(part for part in (rule.name, match.name) if part)
    request, response = rule.request_headers, rule.response_headers
    if rule.redirect is not None:
        for redirect in redirect_routes(rule.redirect, port):
            condition = route_match(match)
            if redirect.has_port:
                condition.headers = [*condition.headers, names_a_port()]
            route = new(Route)(name=name, match=condition, redirect=redirect.action)
            yield _completed(route, rule, request, response)
    elif rule.direct_response is not None or not rule.route:
        answer = direct_response(rule.direct_response or _NOT_FOUND)
        route = new(Route)(name=name, match=route_match(match), direct_response=answer)
        yield _completed(route, rule, request, response)
    else:
        action, request, response = route_action(rule, upstream_of, is_proxyless=is_proxyless)
        route = new(Route)(name=name, match=route_match(match), route=action)
        yield _completed(route, rule, request, response)


def _completed(
    route: Route, rule: HttpRule, request: HeaderOperations, response: HeaderOperations
) -> Route:
    """The route with what its rule says to filters, and these header operations."""
    route.typed_per_filter_config = typed_per_filter_config(rule)
    route.request_headers_to_add = headers.values(request)
    route.request_headers_to_remove = headers.removed(request)
    route.response_headers_to_add = headers.values(response)
    route.response_headers_to_remove = headers.removed(response)
    return route


def default_route(upstream: Upstream) -> bytes:
    """The route of a host without a VirtualService: everything to its upstream.

    Joined, because there are thousands.
    """
    match, action, name = _default_parts()
    return delimited(
        _ROUTES, name + match + delimited(_ROUTE, string(_CLUSTER, upstream.cluster) + action)
    )


@cache
def _default_parts() -> tuple[bytes, bytes, bytes]:
    """The match, the action without its cluster and the name of a default route, encoded."""
    action = new(RouteAction)(timeout=NO_LIMIT, max_stream_duration=unlimited_stream())
    return (
        encode(new(Route)(match=new(RouteMatch)(prefix="/"))),
        encode(action),
        encode(new(Route)(name=DEFAULT_ROUTE_NAME)),
    )


def connect_route(upstream: Upstream) -> bytes:
    """A route that opens a tunnel to an upstream for CONNECT requests.

    How TCP services are reached through a proxy.
    """
    match, action = _connect_parts()
    return delimited(
        _ROUTES, match + delimited(_ROUTE, string(_CLUSTER, upstream.cluster) + action)
    )


@cache
def _connect_parts() -> tuple[bytes, bytes]:
    upgrade = new(RouteActionUpgradeConfig)(
        upgrade_type=CONNECT, connect_config=new(RouteActionUpgradeConfigConnectConfig)()
    )
    action = new(RouteAction)(
        timeout=NO_LIMIT, upgrade_configs=[upgrade], max_stream_duration=unlimited_stream()
    )
    match = new(RouteMatch)(connect_matcher=new(RouteMatchConnectMatcher)())
    return encode(new(Route)(match=match)), encode(action)
