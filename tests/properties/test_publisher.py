"""Snapshots after any commits are those of a publisher that starts with the last state."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.documents.meshes import objects
from translators.database import Database
from translators.model.config_object import ConfigObject
from translators.model.locality import Locality
from translators.model.proxy_node import Mode, ProxyNode
from translators.object_key import ObjectKey
from translators.world import INDEXES
from xds_server.serving.groups import Member
from xds_server.serving.publisher import Publisher

Objects = dict[ObjectKey, ConfigObject[object]]

SORTS = (
    (ProxyNode("a", "a", "default", Mode.CAPTURED, ("10.0.0.1",)), False),
    (ProxyNode("b", "b", "default", Mode.CAPTURED, locality=Locality("r1", "z1")), True),
    (ProxyNode("c", "c", "b", Mode.EGRESS, ("10.0.0.2",)), False),
    (ProxyNode("d", "d", "b", Mode.PROXYLESS), True),
)

commits = st.lists(
    st.tuples(st.lists(objects, max_size=3), st.integers(0, 2), st.sampled_from(range(len(SORTS)))),
    min_size=1,
    max_size=6,
)


def content(member: Member) -> dict[tuple[str, str], str]:
    """(type URL, name) → version of all that a proxy is to hold."""
    return {
        (type_url, name): found.version
        for type_url, resources in member.snapshot().by_type.items()
        for name, found in resources.by_name.items()
    }


@settings(max_examples=60, deadline=None)
@given(commits)
def test_views_after_any_commits_are_those_of_a_fresh_start(
    steps: list[tuple[list[ConfigObject[object]], int, int]],
) -> None:
    publisher, state = Publisher(Database(INDEXES)), Objects()
    members: dict[int, Member] = {}
    for edits, removals, sort in steps:
        values = {one.key: one for one in edits}
        removed = [key for key in sorted(state) if key not in values][:removals]
        state.update(values)
        for key in removed:
            del state[key]
        publisher.commit(values, removed)
        if sort in members:
            members.pop(sort).cancel()
        else:
            members[sort] = publisher.join(SORTS[sort][0], inline=SORTS[sort][1])
    fresh = Publisher(Database(INDEXES))
    fresh.commit(state)
    for sort, member in members.items():
        node, inline = SORTS[sort]
        assert content(member) == content(fresh.join(node, inline=inline)), node
