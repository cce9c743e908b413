"""What rules may write into the head of a message."""

from __future__ import annotations

import pytest

from translators.kinds.schema.context import INVALID, Context, Findings
from translators.kinds.schema.header_fields import (
    AUTHORITY,
    HEADER_VALUE,
    ONE_LINE,
    OPERATION_NAME,
)
from translators.kinds.schema.shape import Shape
from translators.model.origin import Severity

FRAMING = (
    "content-length",
    "Content-Length",
    "transfer-encoding",
    "trailer",
    "connection",
    "Upgrade",
    "keep-alive",
    "te",
    "proxy-connection",
    "http2-settings",
)


def said(shape: Shape[str], text: str) -> str:
    """What is wrong with a text; "" when it is taken as it is."""
    findings = Findings()
    built = shape.parse(text, None, Context(findings))
    assert (built is INVALID) == bool(findings.problems)
    assert built is INVALID or built == text
    return "; ".join(problem.message for problem in findings.problems)


@pytest.mark.parametrize("name", ["x-user", "Host", ":authority", "x_1", "set-cookie"])
def test_headers_can_be_changed(name: str) -> None:
    assert said(OPERATION_NAME, name) == ""


@pytest.mark.parametrize("name", FRAMING)
def test_what_frames_a_message_is_left_alone(name: str) -> None:
    assert name.lower() in said(OPERATION_NAME, name)


def test_the_reason_is_told() -> None:
    assert "could be smuggled" in said(OPERATION_NAME, "Content-Length")
    assert "belongs to the proxy" in said(OPERATION_NAME, "connection")
    assert "first line" in said(OPERATION_NAME, ":path")


@pytest.mark.parametrize("name", ["", "a b", "a:b", "é", "a\n", "a\0", "::x", "x" * 16385])
def test_what_is_no_header_is_refused(name: str) -> None:
    assert "must be a header's name" in said(OPERATION_NAME, name)


@pytest.mark.parametrize("value", ["", "a b", "a\tb", "é", "%PROTOCOL%", "x" * 16384])
def test_values_are_one_line(value: str) -> None:
    assert said(HEADER_VALUE, value) == ""


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("a\nb", "a line break"),
        ("a\r", "a line break"),
        ("\0", "NUL"),
        ("\x1b[0m", "the control character 0x1b"),
        ("\x7f", "the control character 0x7f"),
        ("50%", "write %% for the sign"),
        ("x" * 16385, "is 16385 bytes long; at most 16384"),
        ("é" * 8193, "is 16386 bytes long; at most 16384"),
        ("\ud800", "half of a surrogate pair"),
    ],
)
def test_other_values_are_refused_with_the_reason(value: str, reason: str) -> None:
    assert reason in said(HEADER_VALUE, value)


def test_paths_and_authorities_are_one_line_too() -> None:
    for shape in (ONE_LINE, AUTHORITY):
        assert said(shape, "50%") == ""
        for text in ("a\nb", "a\0", "\x01"):
            assert "must not contain" in said(shape, text)
    assert said(ONE_LINE, "/a b") == ""
    assert "a space" in said(AUTHORITY, "a b")


def test_an_expression_is_left_to_envoy_and_told_of() -> None:
    findings = Findings()
    value = "%CEL(request.path)%"
    assert HEADER_VALUE.parse(value, None, Context(findings)) == value
    (problem,) = findings.problems
    assert (problem.severity, findings.errors) == (Severity.WARNING, 0)
    assert "only Envoy can say" in problem.message
