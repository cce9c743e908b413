"""Rules that say two things of one, or something beside what turns it off."""

from __future__ import annotations

import pytest

from tests.support.documents.kind_documents import document, manifest
from translators.model.origin import Severity

TO = "route: [{destination: {host: a}}]"


def told(rule: str, severity: Severity = Severity.ERROR) -> list[tuple[str, str]]:
    """(path below the rule, message) of the problems of a rule."""
    problems = manifest(
        document("VirtualService", f"hosts: [a]\nhttp:\n- {{{TO}, {rule}}}")
    ).problems
    return [
        (one.path.removeprefix("spec.http[0]."), one.message)
        for one in problems
        if one.severity is severity
    ]


@pytest.mark.parametrize("name", ["host", "Host", ":authority"])
def test_the_authority_is_changed_in_one_place(name: str) -> None:
    header = f"headers: {{request: {{set: {{'{name}': b}}}}}}"
    ((path, message),) = told(f"rewrite: {{authority: c}}, {header}")
    assert path in (f"headers.request.set.{name}", f'headers.request.set["{name}"]')
    assert "rewrite.authority sets it already" in message
    assert told(header) == []
    assert told(f"rewrite: {{uri: /x}}, {header}") == []


@pytest.mark.parametrize(
    "beside",
    ["perTryTimeout: 1s", "retryOn: 5xx", "backoff: 1s", "retryRemoteLocalities: false"],
)
@pytest.mark.parametrize("attempts", ["attempts: 0, ", ""])
def test_a_policy_without_attempts_is_refused(attempts: str, beside: str) -> None:
    ((path, message),) = told(f"retries: {{{attempts}{beside}}}")
    assert path == "retries.attempts"
    assert "turns retries off" in message
    assert beside.partition(":")[0] in message


def test_what_has_no_effect_without_attempts_is_told() -> None:
    ((path, message),) = told(
        "retries: {attempts: 0, retryIgnorePreviousHosts: false}", Severity.WARNING
    )
    assert path == "retries.retryIgnorePreviousHosts"
    assert "has no effect" in message


@pytest.mark.parametrize("policy", ["{attempts: 0}", "{}", '{attempts: 0, retryOn: ""}'])
def test_retries_can_be_turned_off(policy: str) -> None:
    assert told(f"retries: {policy}") == []
    assert told(f"retries: {policy}", Severity.WARNING) == []


@pytest.mark.parametrize(
    "match",
    ["", "match: [{uri: {exact: /a}}], ", "match: [{uri: {regex: /a.*}}, {uri: {prefix: /}}], "],
)
def test_a_redirect_replaces_what_was_matched_whatever_that_is(match: str) -> None:
    text = f"hosts: [a]\nhttp: [{{{match}redirect: {{prefixRewrite: /b}}}}]"
    assert manifest(document("VirtualService", text)).problems == ()


def test_a_rule_is_looked_at_as_a_whole_though_a_field_has_an_error() -> None:
    errors = told("timeout: x, rewrite: {authority: c}, headers: {request: {set: {host: b}}}")
    assert [path for path, _ in errors] == ["timeout", "headers.request.set.host"]
    text = "hosts: [a]\nhttp: [{timeout: x}]"
    problems = manifest(document("VirtualService", text)).problems
    assert [one.path for one in problems] == ["spec.http[0]", "spec.http[0].timeout"]
