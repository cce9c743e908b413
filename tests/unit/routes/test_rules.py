"""Rules of VirtualServices as routes: which apply, in which order, and what each action becomes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from envoy_data_plane.envoy.config.core.v3 import HeaderValueOptionHeaderAppendAction as Append
from envoy_data_plane.envoy.config.route.v3 import (
    HeaderMatcher,
    RedirectActionRedirectResponseCode,
    Route,
    RouteAction,
)

from tests.support.documents.routes import REVIEWS, REVIEWS_HOST, reviews_routes
from translators.model.proxy_node import Mode
from translators.model.routing import (
    Destination,
    HeaderOperations,
    HttpRule,
    Rewrite,
    WeightedDestination,
)
from translators.model.service import ClientScope
from translators.model.upstream import Upstream
from translators.model.viewer import Viewer
from translators.routes.actions import route_action


def action(route: Route) -> RouteAction:
    assert route.route is not None
    return route.route


def header(route: Route, index: int = 0) -> HeaderMatcher:
    assert route.match is not None
    return route.match.headers[index]


def weights(route: Route) -> list[tuple[str, int | None]]:
    split = action(route).weighted_clusters
    assert split is not None
    return [(one.name, one.weight) for one in split.clusters]


def test_a_split_drops_zero_weights_and_need_not_sum_to_100() -> None:
    (route,) = reviews_routes(
        """
  - route:
    - {destination: {host: reviews, subset: v1}, weight: 3}
    - {destination: {host: reviews, subset: v2}, weight: 0}
    - {destination: {host: reviews, subset: v3}, weight: 9}
"""
    )
    assert weights(route) == [
        (f"outbound|9080|v1|{REVIEWS_HOST}", 3),
        (f"outbound|9080|v3|{REVIEWS_HOST}", 9),
    ]


def test_a_single_destination_needs_no_weight() -> None:
    (route,) = reviews_routes(
        """
  - route: [{destination: {host: reviews, subset: v1}, weight: 7}]
"""
    )
    assert action(route).cluster == f"outbound|9080|v1|{REVIEWS_HOST}"


def test_a_destinations_port_is_the_one_written_else_its_only_one_else_the_listeners() -> None:
    services = (
        REVIEWS
        + """
apiVersion: v1
kind: Service
metadata: {name: one}
spec: {ports: [{port: 7000, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {ports: [{port: 7001, name: http}, {port: 7002, name: http-b}]}
---
"""
    )
    found = reviews_routes(
        """
  - match: [{uri: {exact: /a}}]
    route: [{destination: {host: one}}]
  - match: [{uri: {exact: /b}}]
    route: [{destination: {host: two}}]
  - match: [{uri: {exact: /c}}]
    route: [{destination: {host: two, port: {number: 7002}}}]
  - match: [{uri: {exact: /d}}]
    route: [{destination: {host: nowhere}}]
""",
        services=services,
    )
    assert [action(route).cluster for route in found] == [
        "outbound|7000||one.default.svc.cluster.local",
        "outbound|9080||two.default.svc.cluster.local",
        "outbound|7002||two.default.svc.cluster.local",
        "outbound|9080||nowhere.default.svc.cluster.local",
    ]


def test_nothing_follows_a_rule_that_takes_everything() -> None:
    found = reviews_routes(
        """
  - name: first
    match: [{uri: {prefix: /a}, name: a}, {uri: {exact: /b}}]
    route: [{destination: {host: reviews, subset: v1}}]
  - name: rest
    route: [{destination: {host: reviews, subset: v2}}]
  - name: never
    match: [{uri: {prefix: /c}}]
    route: [{destination: {host: reviews, subset: v3}}]
"""
    )
    assert [route.name for route in found] == ["first.a", "first", "rest"]


def test_conditions_on_the_client_and_the_port_are_decided_here() -> None:
    rules = """
  - name: port
    match: [{port: 1}]
    route: [{destination: {host: reviews, subset: v1}}]
  - name: namespace
    match: [{sourceNamespace: elsewhere}]
    route: [{destination: {host: reviews, subset: v1}}]
  - name: gateway
    match: [{gateways: [ingress]}]
    route: [{destination: {host: reviews, subset: v1}}]
  - name: labels
    match: [{sourceLabels: {app: web, tier: front}, uri: {prefix: /x}}]
    route: [{destination: {host: reviews, subset: v1}}]
  - name: mesh
    match: [{gateways: [mesh], sourceLabels: {app: other}}]
    route: [{destination: {host: reviews, subset: v1}}]
"""
    plain = reviews_routes(rules)
    labelled = reviews_routes(
        rules,
        client=ClientScope(
            Viewer("default"), frozenset({("app", "web"), ("tier", "front"), ("x", "y")})
        ),
    )
    assert [route.name for route in plain] == ["mesh"]
    assert [route.name for route in labelled] == ["labels", "mesh"]


def test_without_an_applying_rule_the_default_route_stays() -> None:
    (route,) = reviews_routes(
        """
  - match: [{port: 1}]
    route: [{destination: {host: reviews, subset: v1}}]
"""
    )
    assert route.name == "default"
    assert action(route).cluster == f"outbound|9080||{REVIEWS_HOST}"


def test_paths() -> None:
    exact, prefix, regex, folded = (
        route.match
        for route in reviews_routes(
            """
  - match: [{uri: {exact: /a}}, {uri: {prefix: /b}}, {uri: {regex: "/c.*"}}]
    route: [{destination: {host: reviews}}]
  - match: [{uri: {prefix: /D}, ignoreUriCase: true}]
    route: [{destination: {host: reviews}}]
"""
        )
    )
    assert exact is not None
    assert exact.path == "/a"
    assert prefix is not None
    assert prefix.prefix == "/b"
    assert regex is not None
    assert regex.safe_regex is not None
    assert regex.safe_regex.regex == "/c.*"
    assert folded is not None
    assert folded.case_sensitive is False


def test_headers_and_pseudo_headers() -> None:
    (route,) = reviews_routes(
        """
  - match:
    - method: {exact: GET}
      scheme: {exact: http}
      authority: {prefix: rev}
      headers: {x-a: {exact: one}, x-b: {regex: "t.*"}, x-c: {}, uri: {exact: ignored}}
      withoutHeaders: {x-d: {exact: four}, x-e: {}}
      queryParams: {q: {exact: "1"}, r: {}}
    route: [{destination: {host: reviews}}]
"""
    )
    assert route.match is not None
    matchers = {one.name: one for one in route.match.headers}
    assert sorted(matchers) == [
        ":authority", ":method", ":scheme", "x-a", "x-b", "x-c", "x-d", "x-e",
    ]  # fmt: skip
    assert matchers["x-c"].present_match is True
    assert matchers["x-d"].invert_match
    assert matchers["x-d"].treat_missing_header_as_empty, "an absent header passes"
    assert matchers["x-e"].present_match is True
    assert matchers["x-e"].invert_match
    parameters = {one.name: one for one in route.match.query_parameters}
    assert parameters["q"].string_match is not None
    assert parameters["q"].string_match.exact == "1"
    assert parameters["r"].present_match is True


TIMEOUTS = """
  - match: [{uri: {prefix: /a}}]
    route: [{destination: {host: reviews}}]
  - timeout: 2.5s
    route: [{destination: {host: reviews}}]
"""


def test_timeouts_are_off_unless_given() -> None:
    none, some = reviews_routes(TIMEOUTS)
    assert action(none).timeout == timedelta(0)
    assert action(some).timeout == timedelta(seconds=2.5)
    assert action(some).max_stream_duration is None, "Envoy would ignore the timeout beside it"


def test_grpc_clients_without_proxy_get_timeouts_as_stream_durations() -> None:
    none, some = reviews_routes(TIMEOUTS, mode=Mode.PROXYLESS)
    for route, limit in ((none, timedelta(0)), (some, timedelta(seconds=2.5))):
        stream = action(route).max_stream_duration
        assert stream is not None
        assert stream.grpc_timeout_header_max == limit


def test_explicit_retries() -> None:
    default, off, own = reviews_routes(
        """
  - match: [{uri: {prefix: /a}}]
    route: [{destination: {host: reviews}}]
  - match: [{uri: {prefix: /b}}]
    retries: {attempts: 0}
    route: [{destination: {host: reviews}}]
  - retries:
      attempts: 4
      perTryTimeout: 1s
      retryOn: "reset, 502,gateway-error,504"
      retryRemoteLocalities: true
    route: [{destination: {host: reviews}}]
"""
    )
    assert action(default).retry_policy is None, "the virtual host's holds"
    nothing = action(off).retry_policy
    assert nothing is not None
    assert nothing.retry_on == ""
    policy = action(own).retry_policy
    assert policy is not None
    assert policy.num_retries == 4
    assert policy.per_try_timeout == timedelta(seconds=1)
    assert policy.retry_on == "reset,gateway-error,retriable-status-codes"
    assert policy.retriable_status_codes == [502, 504]
    assert policy.retry_priority is not None


def test_rewrites() -> None:
    path, regex, authority = reviews_routes(
        """
  - match: [{uri: {prefix: /a}}]
    rewrite: {uri: /b}
    route: [{destination: {host: reviews}}]
  - match: [{uri: {prefix: /c}}]
    rewrite: {uriRegexRewrite: {match: "^/c/(.*)$", rewrite: '/\\1'}}
    route: [{destination: {host: reviews}}]
  - rewrite: {authority: other.example.com}
    route: [{destination: {host: reviews}}]
"""
    )
    assert action(path).prefix_rewrite == "/b"
    rewrite = action(regex).regex_rewrite
    assert rewrite is not None
    assert rewrite.substitution == "/\\1"
    assert action(authority).host_rewrite_literal == "other.example.com"


def test_redirects() -> None:
    uri, prefix, written, scheme, same_port = (
        route.redirect
        for route in reviews_routes(
            """
  - match: [{uri: {exact: /a}}]
    redirect: {uri: /b, authority: new.example.com, redirectCode: 308}
  - match: [{uri: {prefix: /c}}]
    redirect: {uri: /d, port: 8443}
  - match: [{uri: {prefix: /e}}]
    redirect: {scheme: https, derivePort: FROM_PROTOCOL_DEFAULT}
  - redirect: {authority: x.example.com, derivePort: FROM_REQUEST_PORT}
"""
        )
    )
    assert uri is not None
    assert uri.path_redirect == "/b"
    assert uri.host_redirect == "new.example.com"
    assert uri.response_code is RedirectActionRedirectResponseCode.PERMANENT_REDIRECT
    assert prefix is not None
    assert prefix.port_redirect == 8443
    assert written is not None
    assert (written.scheme_redirect, written.port_redirect) == ("https", 443)
    assert scheme is not None
    assert (scheme.scheme_redirect, scheme.port_redirect) == ("https", 0)
    assert same_port is not None
    assert same_port.port_redirect == 9080


def test_direct_responses() -> None:
    (route,) = reviews_routes(
        """
  - directResponse: {status: 418, body: {string: teapot}}
"""
    )
    answer = route.direct_response
    assert answer is not None
    assert answer.status == 418
    assert answer.body is not None
    assert answer.body.inline_bytes == b"teapot"


HEADERS = """
  - headers:
      request: {set: {x-s: rule, x-t: rule}, add: {x-a: rule}, remove: [x-r]}
      response: {set: {x-p: rule}}
"""


def test_header_operations_of_rule_and_only_destination_stand_on_the_route() -> None:
    (route,) = reviews_routes(
        HEADERS
        + """
    route:
    - destination: {host: reviews}
      headers: {request: {set: {x-s: destination, Host: other.example.com}}}
"""
    )
    found = [
        (one.header.key, one.header.value, one.append_action)
        for one in route.request_headers_to_add
        if one.header
    ]
    assert found == [
        ("x-s", "rule", Append.OVERWRITE_IF_EXISTS_OR_ADD),
        ("x-t", "rule", Append.OVERWRITE_IF_EXISTS_OR_ADD),
        ("x-s", "destination", Append.OVERWRITE_IF_EXISTS_OR_ADD),
        ("x-a", "rule", Append.APPEND_IF_EXISTS_OR_ADD),
    ]
    assert route.request_headers_to_remove == ["x-r"]
    assert len(route.response_headers_to_add) == 1
    assert action(route).host_rewrite_literal == "other.example.com"


def test_header_operations_of_a_split_stand_where_they_are_written() -> None:
    (route,) = reviews_routes(
        HEADERS
        + """
    rewrite: {authority: all.example.com}
    route:
    - destination: {host: reviews, subset: v1}
      weight: 1
      headers: {request: {set: {x-s: one, ":authority": one.example.com}}}
    - destination: {host: reviews, subset: v2}
      weight: 1
"""
    )
    assert [one.header.key for one in route.request_headers_to_add if one.header] == [
        "x-s",
        "x-t",
        "x-a",
    ]
    assert action(route).host_rewrite_literal == "all.example.com"
    split = action(route).weighted_clusters
    assert split is not None
    first, second = split.clusters
    assert [one.header.key for one in first.request_headers_to_add if one.header] == ["x-s"]
    assert second.request_headers_to_add == []
    assert [one.host_rewrite_literal for one in split.clusters] == [None, None]


def test_a_destination_that_gets_all_requests_of_several_stays_in_a_split() -> None:
    (route,) = reviews_routes(
        """
  - route:
    - {destination: {host: reviews, subset: v1}, weight: 100}
    - {destination: {host: reviews, subset: v2}, weight: 0}
"""
    )
    split = action(route).weighted_clusters
    assert split is not None, "who has the last word on a header does not change with a weight"
    (only,) = split.clusters
    assert only.name == f"outbound|9080|v1|{REVIEWS_HOST}"


@pytest.mark.parametrize(
    ("rewrite", "rule", "destination", "authority"),
    [
        ("", "", "", ""),
        ("", "", "destination", "destination"),
        ("", "rule", "destination", "rule"),
        ("rewrite", "rule", "destination", "rewrite"),
    ],
)
@pytest.mark.parametrize("weights", [(1,), (1, 1), (1, 0)])
def test_the_authority_is_the_rewrite_s_else_the_rule_s_else_the_destination_s(
    rewrite: str, rule: str, destination: str, authority: str, weights: tuple[int, ...]
) -> None:
    def sets(name: str, value: str) -> HeaderOperations:
        return HeaderOperations(set=((name, value),) if value else ())

    made, _, _ = route_action(
        HttpRule(
            route=tuple(
                WeightedDestination(Destination("a"), weight, sets("Host", destination))
                for weight in weights
            ),
            rewrite=Rewrite(authority=rewrite),
            request_headers=sets(":authority", rule),
        ),
        lambda to: Upstream(to.host),
    )
    split = made.weighted_clusters
    parts = [one.host_rewrite_literal or "" for one in split.clusters] if split else []
    assert {made.host_rewrite_literal or "", *parts} - {""} == {authority} - {""}
