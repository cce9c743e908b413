"""A VirtualService holds nothing that Envoy would refuse, and each mistake is told at its field."""

from __future__ import annotations

import pytest

from translators.kinds.registry import parse
from translators.model.origin import Severity

TO = [{"destination": {"host": "a"}}]
RULE = "spec.http[0]"


def told(rule: dict[str, object]) -> dict[str, str]:
    """Path → message of the errors of a VirtualService with this one rule."""
    document = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "x"},
        "spec": {"hosts": ["a"], "http": [rule]},
    }
    problems = parse(document).problems
    return {one.path: one.message for one in problems if one.severity is Severity.ERROR}


@pytest.mark.parametrize("field", ["uri", "scheme", "method", "authority"])
@pytest.mark.parametrize("how", ["prefix", "regex"])
def test_an_empty_comparison_is_refused(field: str, how: str) -> None:
    (path, message), *more = told({"match": [{field: {how: ""}}], "route": TO}).items()
    assert path == f"{RULE}.match[0].{field}.{how}"
    assert "is empty" in message
    assert not more


@pytest.mark.parametrize("field", ["headers", "withoutHeaders", "queryParams"])
@pytest.mark.parametrize("how", ["prefix", "regex"])
def test_an_empty_comparison_of_something_named_is_refused(field: str, how: str) -> None:
    (path,) = told({"match": [{field: {"x": {how: ""}}}], "route": TO})
    assert path == f"{RULE}.match[0].{field}.x.{how}"


def test_an_empty_text_may_be_compared_exactly_and_a_star_is_any_text() -> None:
    match = {"headers": {"x": {"exact": ""}, "y": {"regex": "*"}}, "uri": {"regex": "*"}}
    assert told({"match": [match], "route": TO}) == {}


@pytest.mark.parametrize("name", ["", "x" * 1025, "é" * 513])
def test_a_parameter_has_a_name_that_envoy_holds(name: str) -> None:
    (message,) = told({"match": [{"queryParams": {name: {"exact": "a"}}}], "route": TO}).values()
    assert "must be a parameter's name, at most 1024 bytes" in message
    assert told({"match": [{"queryParams": {"é" * 512: {}}}], "route": TO}) == {}


@pytest.mark.parametrize("operation", ["set", "add"])
@pytest.mark.parametrize("of", ["request", "response"])
def test_values_of_headers_are_checked_wherever_they_are_written(of: str, operation: str) -> None:
    headers = {of: {operation: {"x": "50%"}}}
    path = f"headers.{of}.{operation}.x"
    assert set(told({"route": TO, "headers": headers})) == {f"{RULE}.{path}"}
    weighted = [{"destination": {"host": "a"}, "headers": headers}]
    assert set(told({"route": weighted})) == {f"{RULE}.route[0].{path}"}


@pytest.mark.parametrize("of", ["request", "response"])
def test_framing_headers_are_neither_set_nor_added_nor_removed(of: str) -> None:
    name = "Content-Length"
    headers = {of: {"set": {name: "5"}, "add": {name: "5"}, "remove": [name]}}
    at = f"{RULE}.headers.{of}"
    errors = told({"route": TO, "headers": headers})
    assert set(errors) == {
        f"{at}.set.Content-Length",
        f"{at}.add.Content-Length",
        f"{at}.remove[0]",
    }
    assert all("smuggled" in message for message in errors.values())


def test_the_authority_is_set_in_requests_once_and_as_it_is() -> None:
    def errors(headers: dict[str, object]) -> dict[str, str]:
        return told({"route": TO, "headers": headers})

    assert errors({"request": {"set": {"host": "b"}}}) == {}
    assert errors({"request": {"set": {":authority": "b:80"}}}) == {}
    at = f"{RULE}.headers"
    assert (
        "already"
        in errors({"request": {"set": {":authority": "a", "Host": "b"}}})[f"{at}.request.set.Host"]
    )
    assert (
        "substitutions"
        in errors({"request": {"set": {"host": "%REQ(x)%"}}})[f"{at}.request.set.host"]
    )
    assert "a space" in errors({"request": {"set": {"host": "a b"}}})[f"{at}.request.set.host"]
    for request in ({"add": {"host": "b"}}, {"remove": ["Host"]}):
        (message,) = errors({"request": request}).values()
        assert "neither added nor removed" in message
    for response in ({"set": {"host": "b"}}, {"add": {"host": "b"}}, {"remove": ["host"]}):
        (message,) = errors({"response": response}).values()
        assert "no header of a response" in message


@pytest.mark.parametrize("text", ["a\nb", "a\r", "a\0", "\x01"])
def test_line_breaks_and_control_characters_are_refused(text: str) -> None:
    prefix = [{"uri": {"prefix": "/"}}]
    cases: dict[str, dict[str, object]] = {
        "redirect.uri": {"redirect": {"uri": text}},
        "redirect.prefixRewrite": {"match": prefix, "redirect": {"prefixRewrite": text}},
        "redirect.authority": {"redirect": {"authority": text}},
        "redirect.scheme": {"redirect": {"scheme": text}},
        "rewrite.uri": {"route": TO, "rewrite": {"uri": text}},
        "rewrite.authority": {"route": TO, "rewrite": {"authority": text}},
        "rewrite.uriRegexRewrite.rewrite": {
            "route": TO,
            "rewrite": {"uriRegexRewrite": {"match": "a", "rewrite": text}},
        },
        "headers.request.set.x": {"route": TO, "headers": {"request": {"set": {"x": text}}}},
        "headers.request.set.host": {"route": TO, "headers": {"request": {"set": {"host": text}}}},
    }
    for path, rule in cases.items():
        assert f"{RULE}.{path}" in told(rule), path


def test_a_rewrite_names_groups_that_there_are() -> None:
    rewrite = {"uriRegexRewrite": {"match": "/(a)", "rewrite": r"/\2"}}
    assert told({"route": TO, "rewrite": rewrite}) == {
        f"{RULE}.rewrite.uriRegexRewrite.rewrite": (
            r"\2 stands for a group, and the expression has 1"
        )
    }


def test_a_body_is_measured_in_bytes() -> None:
    def body(text: str) -> dict[str, object]:
        return {"directResponse": {"status": 200, "body": {"string": text}}}

    assert told(body("é" * (1 << 19))) == {}
    (message,) = told(body("é" * ((1 << 19) + 1))).values()
    assert message == "is 1048578 bytes long; at most 1048576 are possible"


@pytest.mark.parametrize("word", ["\u0663\u0663\u0663", "5" * 5000, "99", "600"])
def test_a_status_to_retry_on_is_one(word: str) -> None:
    assert set(told({"route": TO, "retries": {"attempts": 1, "retryOn": word}})) == {
        f"{RULE}.retries.retryOn"
    }
