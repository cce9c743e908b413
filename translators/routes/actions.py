"""What a rule of a VirtualService does with a request: send it on, or answer it.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute and
config.route.v3.RouteAction, DirectResponseAction.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    RouteAction,
    RouteActionMaxStreamDuration,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatchAndSubstitute, RegexMatcher

from translators.codec import new
from translators.envoy.durations import NO_LIMIT
from translators.model.routing import DirectResponse, HeaderOperations, HttpRule, Rewrite
from translators.routes import headers
from translators.routes.retries import retry_policy
from translators.routes.splits import UpstreamOf, weighted_clusters
from translators.world.destinations import live_destinations


@cache
def unlimited_stream() -> RouteActionMaxStreamDuration:
    """A gRPC client's own deadline holds, however long."""
    return new(RouteActionMaxStreamDuration)(grpc_timeout_header_max=NO_LIMIT)


def route_action(
    rule: HttpRule, upstream_of: UpstreamOf, *, is_proxyless: bool = False
) -> tuple[RouteAction, HeaderOperations, HeaderOperations]:
    """The action of a rule that sends requests on, and the header operations for its route.

    The operations are (request, response): the rule's and those of its only destination. Several
    destinations have theirs in the split, also when only one of them gets requests: who has the
    last word on a header does not change with a weight.

    Args:
        rule: The rule.
        upstream_of: Where a destination is.
        is_proxyless: Whether gRPC clients read it, which know timeouts as stream durations only.
    """
    rewrite = rule.rewrite or Rewrite()
    request, response = rule.request_headers, rule.response_headers
    authority = rewrite.authority or headers.authority_of(request)

    name = split = None
    if len(rule.route) == 1:
        only = rule.route[0]
        name = upstream_of(only.destination).cluster
        request = headers.joined(request, only.request_headers)
        response = headers.joined(response, only.response_headers)
        authority = authority or headers.authority_of(only.request_headers)
    else:
        destinations = live_destinations(rule.route)
        split = weighted_clusters(destinations, upstream_of, keeps_authority=bool(authority))
    action = new(RouteAction)(
        cluster=name,
        weighted_clusters=split,
        prefix_rewrite=rewrite.uri if rewrite.uri and rewrite.regex is None else "",
        regex_rewrite=None if rewrite.regex is None else _regex_rewrite(*rewrite.regex),
        host_rewrite_literal=authority or None,
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


def direct_response(answer: DirectResponse) -> DirectResponseAction:
    """The answer that Envoy gives by itself."""
    body = new(DataSource)(inline_bytes=answer.body) if answer.body else None
    return new(DirectResponseAction)(status=answer.status, body=body)
