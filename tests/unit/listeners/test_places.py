"""Places: Envoy, which does not come back, finds the branch that is meant."""

from __future__ import annotations

import time
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from translators.listeners.connections import Branch
from translators.listeners.places import MAX_CROSSINGS, Place, places
from translators.model.upstream import Upstream, WeightedUpstream

SUBNETS = ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "192.168.0.0/16", "fd00::/8")
ADDRESSES = ("10.9.9.9", "10.1.9.9", "10.1.2.9", "192.168.0.9", "172.16.0.9", "fd00::9")
NAMES = ("a.example.com", "b.example.com", "*.example.com", "*.com")
SENT = ("", "a.example.com", "b.example.com", "c.example.com", "d.com", "e.org")


def branch(number: int, names: tuple[str, ...], subnets: tuple[str, ...]) -> Branch:
    return Branch(names, subnets, (WeightedUpstream(Upstream(str(number))),))


def specificity(pattern: str, name: str) -> int:
    """How specific a server name of a chain is for that of a client; -1 when it is another."""
    if pattern == name:
        return 1000
    return len(pattern) if pattern.startswith("*") and name.endswith(pattern[1:]) else -1


def chosen(found: tuple[Place, ...], address: str, name: str) -> Branch | None:
    """What Envoy's tables give: a range, in it a server name, and no way back."""
    ranges = [subnet for place in found for subnet in place.subnets]
    around = [one for one in ranges if ip_address(address) in ip_network(one)]
    subnet = max(around, key=lambda one: ip_network(one).prefixlen, default="")
    there = [place for place in found if (subnet in place.subnets if subnet else not place.subnets)]
    names = [pattern for place in there for pattern in place.server_names]
    best = max(names, key=lambda pattern: specificity(pattern, name), default="")
    best = best if best and specificity(best, name) >= 0 else ""
    for place in there:
        if best in place.server_names if best else not place.server_names:
            return place.branch
    return None


def meant(branches: tuple[Branch, ...], address: str, name: str) -> Branch | None:
    """The first that fits; of server names only the most specific ones count.

    What is behind the first for any name is not reached.
    """
    near = []
    for one in branches:
        if not one.subnets or any(ip_address(address) in ip_network(net) for net in one.subnets):
            near.append(one)
            if not one.server_names:
                break
    patterns = [pattern for one in near for pattern in one.server_names]
    best = max((specificity(pattern, name) for pattern in patterns), default=-1)
    for one in near:
        if not one.server_names:
            return one
        if best >= 0 and any(specificity(pattern, name) == best for pattern in one.server_names):
            return one
    return None


BRANCHES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(NAMES), unique=True, max_size=2).map(tuple),
        st.lists(st.sampled_from(SUBNETS), unique=True, max_size=2).map(tuple),
    ).filter(any),
    max_size=5,
).map(lambda drawn: tuple(branch(number, *one) for number, one in enumerate(drawn)))


@settings(max_examples=400, deadline=None)
@given(BRANCHES)
def test_envoy_finds_the_branch_that_is_meant(branches: tuple[Branch, ...]) -> None:
    found = places(branches)
    for address in ADDRESSES:
        for name in SENT:
            assert chosen(found, address, name) == meant(branches, address, name), (address, name)


@settings(max_examples=200, deadline=None)
@given(BRANCHES)
def test_no_two_places_meet(branches: tuple[Branch, ...]) -> None:
    taken = [
        (subnet, name)
        for place in places(branches)
        for subnet in place.subnets or ("",)
        for name in place.server_names or ("",)
    ]
    assert len(taken) == len(set(taken))


def test_a_range_does_not_hide_a_server_name() -> None:
    name = branch(0, ("a.example.com",), ())
    around = branch(1, (), ("10.0.0.0/8",))
    assert places((name, around)) == (
        Place(name, (), ("a.example.com",)),
        Place(name, ("10.0.0.0/8",), ("a.example.com",)),
        Place(around, ("10.0.0.0/8",), ()),
    )


def test_a_branch_stands_once_for_all_its_ranges_and_names() -> None:
    only = branch(0, ("a.example.com", "b.example.com"), ("10.0.0.0/8", "fd00::/8"))
    assert places((only,)) == (Place(only, only.subnets, only.server_names),)


def test_what_would_be_too_many_stands_as_it_is_written() -> None:
    hosts = tuple(f"h{number}.example.com" for number in range(MAX_CROSSINGS))
    names = branch(0, hosts, ())
    one_range = branch(1, (), ("10.0.0.0/8",))
    two_ranges = branch(2, ("*.com",), ("10.0.0.0/8", "10.1.0.0/16"))
    assert places((names, one_range, two_ranges)) == (
        Place(names, (), hosts),
        Place(names, ("10.0.0.0/8",), hosts),
        Place(one_range, ("10.0.0.0/8",), ()),
        Place(two_ranges, two_ranges.subnets, ("*.com",)),
    )


@pytest.mark.parametrize("names", [(), ("a.example.com",)])
def test_thousands_of_ranges_within_ranges_are_not_compared_each_with_each(
    names: tuple[str, ...],
) -> None:
    many = tuple(f"10.{number // 256}.{number % 256}.0/24" for number in range(10_000))
    branches = tuple(
        branch(number, names, ("10.0.0.0/8", subnet)) for number, subnet in enumerate(many)
    )
    started = time.process_time()
    found = places(branches)
    assert time.process_time() - started < 10, "each against each takes minutes"
    assert found[0].subnets[0] == "10.0.0.0/8"
