"""Redirects, as Istio takes them."""

from __future__ import annotations

import json

import pytest

from tests.support.documents.kind_documents import manifest, only_object
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.model.origin import Severity
from translators.model.routing import Redirect
from translators.routes.redirects import redirect_routes


def document(redirect: dict[str, object]) -> str:
    return json.dumps(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "x"},
            "spec": {"hosts": ["a"], "http": [{"redirect": redirect}]},
        }
    )


def parsed(redirect: dict[str, object]) -> Redirect:
    spec = only_object(document(redirect))
    assert isinstance(spec, VirtualServiceSpec)
    (rule,) = spec.http
    assert rule.redirect is not None
    return rule.redirect


def refused(redirect: dict[str, object]) -> list[tuple[str, str]]:
    problems = manifest(document(redirect)).problems
    return [(one.path, one.message) for one in problems if one.severity is Severity.ERROR]


def test_code_0_is_the_usual_one() -> None:
    assert parsed({"uri": "/x", "redirectCode": 0}) == Redirect(uri="/x", code=301)


@pytest.mark.parametrize("scheme", ["HTTPS", "https"])
def test_a_scheme_may_be_written_in_any_case(scheme: str) -> None:
    redirect = parsed({"scheme": scheme, "derivePort": "FROM_PROTOCOL_DEFAULT"})
    assert redirect.scheme == "https"
    assert [route.action.port_redirect for route in redirect_routes(redirect, 80)] == [443, 0]


@pytest.mark.parametrize("scheme", ["ftp", "HTTPSS", "ht tp"])
def test_other_schemes_are_refused(scheme: str) -> None:
    ((path, message),) = refused({"scheme": scheme, "derivePort": "FROM_PROTOCOL_DEFAULT"})
    assert path == "spec.http[0].redirect.scheme"
    assert "must be http or https" in message


def test_a_scheme_without_a_default_port_translates() -> None:
    derived = Redirect(scheme="ftp", derive_port="FROM_PROTOCOL_DEFAULT")
    assert [route.action.port_redirect for route in redirect_routes(derived, 80)] == [0]


@pytest.mark.parametrize("redirect", [{}, {"redirectCode": 302}, {"uri": "", "scheme": ""}])
def test_one_that_changes_nothing_is_refused(redirect: dict[str, object]) -> None:
    ((path, message),) = refused(redirect)
    assert path == "spec.http[0].redirect"
    assert "changes nothing" in message


@pytest.mark.parametrize(
    "redirect",
    [{"uri": "/"}, {"authority": "b"}, {"port": 81}, {"derivePort": "FROM_REQUEST_PORT"}],
)
def test_one_change_is_enough(redirect: dict[str, object]) -> None:
    assert refused(redirect) == []
