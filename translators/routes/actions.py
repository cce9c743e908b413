"""What a rule of a VirtualService does with a request: send it on, redirect it, answer it.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute and
config.route.v3.RouteAction, RedirectAction, DirectResponseAction.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    RedirectAction,
    RedirectActionRedirectResponseCode,
    RouteAction,
    RouteActionMaxStreamDuration,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatchAndSubstitute, RegexMatcher

from translators.codec import new
from translators.envoy.durations import NO_LIMIT
from translators.model.routing import DirectResponse, HeaderOperations, HttpRule, Redirect, Rewrite
from translators.routes import headers
from translators.routes.retries import retry_policy
from translators.routes.splits import UpstreamOf, weighted_clusters
from translators.world.destinations import live_destinations

_REDIRECT_CODES = {
    301: RedirectActionRedirectResponseCode.MOVED_PERMANENTLY,
    302: RedirectActionRedirectResponseCode.FOUND,
    303: RedirectActionRedirectResponseCode.SEE_OTHER,
    307: RedirectActionRedirectResponseCode.TEMPORARY_REDIRECT,
    308: RedirectActionRedirectResponseCode.PERMANENT_REDIRECT,
}
_SCHEME_PORTS = {"http": 80, "https": 443}
_NOTHING = HeaderOperations()


@cache
def unlimited_stream() -> RouteActionMaxStreamDuration:
    """A gRPC client's own deadline holds, however long."""
    return new(RouteActionMaxStreamDuration)(grpc_timeout_header_max=NO_LIMIT)


def route_action(
    rule: HttpRule, upstream_of: UpstreamOf, *, is_proxyless: bool = False
) -> tuple[RouteAction, HeaderOperations, HeaderOperations]:
    """The action of a rule that sends requests on, and the header operations for its route.

    The operations are (request, response), as far as they are left for the route.

    Those of a split stand on its destinations, because Envoy runs a route's operations after a
    destination's.

    Args:
        rule: The rule.
        upstream_of: Where a destination is.
        is_proxyless: Whether gRPC clients read it, which know timeouts as stream durations only.
    """
    destinations = live_destinations(rule.route)
    rewrite = rule.rewrite or Rewrite()
    request, response = rule.request_headers, rule.response_headers

    name = split = None
    host = ""
    if len(destinations) == 1:
        only = destinations[0][0]
        name = upstream_of(only.destination).cluster
        request = headers.joined(request, only.request_headers)
        response = headers.joined(response, only.response_headers)
        host = headers.host_of(request) or rewrite.authority
    else:
        split = weighted_clusters(destinations, (request, response), rewrite.authority, upstream_of)
        request = response = _NOTHING
    action = new(RouteAction)(
        cluster=name,
        weighted_clusters=split,
        prefix_rewrite=rewrite.uri if rewrite.uri and rewrite.regex is None else "",
        regex_rewrite=None if rewrite.regex is None else _regex_rewrite(*rewrite.regex),
        host_rewrite_literal=host or None,
        timeout=rule.timeout or NO_LIMIT,
        retry_policy=None if rule.retries is None else retry_policy(rule.retries),
        max_stream_duration=_stream_duration(rule.timeout or NO_LIMIT, is_proxyless=is_proxyless),
    )
    return action, request, response


def _stream_duration(
    timeout: timedelta, *, is_proxyless: bool
) -> RouteActionMaxStreamDuration | None:
    """How long a stream may take at most; None where the route's timeout is to hold.

    Envoy ignores a route's timeout as soon as a stream duration stands beside it, whatever that
    says (https://github.com/envoyproxy/envoy/issues/15530). gRPC clients know nothing but stream
    durations (gRFC A31).
    """
    if not timeout:
        return unlimited_stream()
    return (
        new(RouteActionMaxStreamDuration)(grpc_timeout_header_max=timeout) if is_proxyless else None
    )


def _regex_rewrite(pattern: str, substitution: str) -> RegexMatchAndSubstitute:
    return new(RegexMatchAndSubstitute)(
        pattern=new(RegexMatcher)(regex=pattern), substitution=substitution
    )


def redirect_action(redirect: Redirect, port: int) -> RedirectAction:
    """The redirect of requests that came in on a port.

    `uri` replaces the whole path, `uri_prefix` what was matched.
    """
    return new(RedirectAction)(
        host_redirect=redirect.authority,
        port_redirect=_redirect_port(redirect, port),
        path_redirect=redirect.uri or None,
        prefix_rewrite=redirect.uri_prefix if not redirect.uri and redirect.uri_prefix else None,
        scheme_redirect=redirect.scheme or None,
        response_code=_REDIRECT_CODES.get(
            redirect.code, RedirectActionRedirectResponseCode.MOVED_PERMANENTLY
        ),
    )


def _redirect_port(redirect: Redirect, port: int) -> int:
    if redirect.port:
        return redirect.port
    if redirect.derive_port == "FROM_REQUEST_PORT":
        return port
    if redirect.derive_port == "FROM_PROTOCOL_DEFAULT":
        return _SCHEME_PORTS.get((redirect.scheme or "http").lower(), 0)
    return 0


def direct_response(answer: DirectResponse) -> DirectResponseAction:
    """The answer that Envoy gives by itself."""
    body = new(DataSource)(inline_bytes=answer.body) if answer.body else None
    return new(DirectResponseAction)(status=answer.status, body=body)
