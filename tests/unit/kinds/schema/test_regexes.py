"""A regular expression is what RE2 takes of it, and neither long nor large."""

from __future__ import annotations

import time

import pytest

from translators.kinds.schema.regexes import wrong_regex, wrong_substitution


@pytest.mark.parametrize(
    "pattern",
    [
        "/a.*",
        r"/item/\d+(?:\.json)?",
        "(?i)ann|ben",
        r"(?P<n>a)",
        r"(?<n>a)",
        r"\pL+",
        "[[:word:]]",
        "é",
        "a{1000}",
        "a" * 1024,
    ],
)
def test_what_re2_takes_is_right(pattern: str) -> None:
    assert wrong_regex(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "is empty"),
        ("*", "no argument for repetition operator: *"),
        ("(", "missing )"),
        ("a)", "unexpected )"),
        ("[", "missing ]"),
        ("a**", "bad repetition operator: **"),
        ("x{2}{3}", "bad repetition operator"),
        ("a{1001}", "invalid repetition size"),
        ("(a{100}){100}", "invalid repetition size"),
        ("(?=x)", "invalid perl operator: (?="),
        ("(?<!x)y", "invalid perl operator: (?<"),
        (r"(a)\1", r"invalid escape sequence: \1"),
        ("(?>a)", "invalid perl operator: (?>"),
        ("a++", "bad repetition operator: ++"),
        ("\\", "trailing \\"),
        ("[[:foo:]]", "invalid character class range"),
        (r"\pX", "invalid character class range"),
        ("a" * 1025, "is 1025 bytes long; at most 1024 are possible"),
        ("é" * 600, "is 1200 bytes long; at most 1024 are possible"),
        (r"[\pL\pN]{30}", "more than 32768"),
        (r"\pL{1000}", "pattern too large"),
    ],
)
def test_what_envoy_cannot_use_is_wrong_with_the_reason(pattern: str, reason: str) -> None:
    assert reason in wrong_regex(pattern)


def test_a_huge_expression_is_not_compiled() -> None:
    before = time.perf_counter()
    assert "at most 1024" in wrong_regex(r"(\pL{1000})" * 100_000)
    assert time.perf_counter() - before < 0.1


@pytest.mark.parametrize("rewrite", ["", "/x", r"/\1", r"\0\\", "100%"])
def test_a_rewrite_may_name_the_groups_that_there_are(rewrite: str) -> None:
    assert wrong_substitution("/a/(.*)", rewrite) == ""


@pytest.mark.parametrize(
    ("rewrite", "reason"),
    [
        (r"/\2", "the expression has 1"),
        (r"/\9\1", "the expression has 1"),
        ("\\", "a backslash must be followed by"),
        (r"\x", "a backslash must be followed by"),
        ("\\\u0663", "a backslash must be followed by"),
    ],
)
def test_a_rewrite_that_re2_would_not_make_is_wrong(rewrite: str, reason: str) -> None:
    assert reason in wrong_substitution("/a/(.*)", rewrite)
