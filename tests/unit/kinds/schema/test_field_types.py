"""Durations, and text that no message can carry."""

from __future__ import annotations

from datetime import timedelta

import pytest

from translators.kinds.schema.context import INVALID, Context, Findings
from translators.kinds.schema.field_types import DURATION, DURATION_OR_ZERO
from translators.kinds.schema.shape import TEXT


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1ms", 1),
        ("1.5s", 1500),
        ("1h30m", 5_400_000),
        ("1000us", 1),
        ("1000000ns", 1),
        ("0.001s", 1),
        ("2562047h", 2562047 * 3_600_000),
    ],
)
def test_whole_milliseconds_are_kept_exactly(text: str, milliseconds: int) -> None:
    assert DURATION.parse(text, None, Context(Findings())) == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.5ms", "must be whole milliseconds, not 1.5ms"),
        ("1s1us", "must be whole milliseconds"),
        ("1.0000000001s", "must be whole milliseconds"),
        ("999us", "must be at least 1ms"),
        ("0.0000001ns", "must be at least 1ms"),
        ("2562048h", "must be at most 2562047h"),
        ("9223372036s", "must be at most 2562047h"),
        ("1" * 90 + "h", "must be at most 2562047h"),
        ("1" * 5000 + "s", "must be a duration"),
        ("\u0663s", "must be a duration"),
    ],
)
def test_what_envoy_would_round_or_cannot_hold_is_refused(text: str, reason: str) -> None:
    for shape in (DURATION, DURATION_OR_ZERO):
        findings = Findings()
        assert shape.parse(text, None, Context(findings)) is INVALID
        assert reason in findings.problems[0].message


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    findings = Findings()
    assert TEXT.parse("a\ud800", None, Context(findings)) is INVALID
    assert "half of a surrogate pair" in findings.problems[0].message
    assert TEXT.parse("a😀é", None, Context(findings)) == "a😀é"
