"""Equal addresses are equal texts."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.model.addresses import normal_address, normal_subnet
from translators.model.hosts import normal_host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("FD00:0:0::1", "fd00::1"),
        ("fd00:0000:0000:0000:0000:0000:0000:0001", "fd00::1"),
        ("::FFFF:10.0.0.1", "::ffff:a00:1"),
        ("010.0.0.1", None),
        ("10.0.0", None),
        ("10.0.0.1 ", None),
        ("fe80::1%eth0", None),
        ("10.0.0.1/8", None),
        ("a.b", None),
        ("", None),
    ],
)
def test_an_address_has_one_spelling(text: str, expected: str | None) -> None:
    assert normal_address(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("FD00::1/64", "fd00::/64"),
        ("FD00::1", "fd00::1"),
        ("10.0.0.0/33", None),
        ("10.0.0.0/255.0.0.0", None),
        ("10.0.0.0/", None),
        ("10.0.0.0/8/8", None),
        ("10.0.0.0/٨", None),
        ("fe80::1%a/64", None),
        ("/8", None),
    ],
)
def test_a_block_has_one_spelling(text: str, expected: str | None) -> None:
    assert normal_subnet(text) == expected


@given(st.integers(0, 2**128 - 1))
def test_every_spelling_of_an_ipv6_address_becomes_the_same(number: int) -> None:
    address = ipaddress.IPv6Address(number)
    spellings = {address.exploded, address.exploded.upper(), address.compressed}
    assert {normal_address(text) for text in spellings} == {str(address)}


def test_a_host_has_one_spelling() -> None:
    assert {normal_host(host) for host in ("A.Example.com.", "a.example.COM")} == {"a.example.com"}
