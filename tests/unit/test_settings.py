"""Texts of the command line become settings, or are refused with an example."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xds_server.settings import (
    join_address,
    parse_address,
    parse_duration,
    write_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("20ms", 0.02), ("1.5s", 1.5), ("1m30s", 90), ("2h", 7200)],
)
def test_durations_are_numbers_with_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1s ", "5 s", "1x", "1s2", "s1"])
def test_other_durations_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="500ms"):
        parse_duration(text)


@given(st.integers(0, 10_000_000))
def test_a_written_duration_reads_back(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(write_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:15010", ("127.0.0.1", 15010)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_addresses_are_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address
    assert join_address(*address) == text


@pytest.mark.parametrize(
    "text", ["", "15010", ":15010", "host:", "host:http", "host:65536", "host:²"]
)
def test_other_addresses_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:15010"):
        parse_address(text)
