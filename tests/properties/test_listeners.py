"""Listeners of any mesh.

All there, needing only routes that are there, without chains that Envoy would call the same.
"""

from __future__ import annotations

from collections import Counter

from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.documents.buckets import everywhere
from tests.support.documents.meshes import objects
from tests.support.documents.translation import CLIENT
from translators import listeners, routes
from translators.codec import decode
from translators.database import Database
from translators.model.config_object import ConfigObject
from translators.model.proxy_node import Mode
from translators.model.resource import Resource
from translators.names import ROUTE_TYPE
from translators.object_key import ObjectKey
from translators.world import INDEXES


def names(db: Database, mode: Mode) -> tuple[str, ...]:
    """The names of a client's outbound listeners."""
    return everywhere(lambda bucket: listeners.listener_names(db, CLIENT, mode, bucket))


def found(db: Database) -> dict[tuple[Mode, str], Resource]:
    """Every outbound listener of a client."""
    refs = {
        (mode, name): listeners.listener.ref(CLIENT, mode, name, 15001)
        for mode in Mode
        for name in names(db, mode)
    }
    for ref in refs.values():
        db.pin(ref)
    db.settle()
    return {key: db.outcome(ref) for key, ref in refs.items()}


def criteria(chain: FilterChain) -> list[tuple[str, str, str, str]]:
    """The combinations that a chain stands under in Envoy's tables.

    The names in a list are alternatives.
    """
    match = chain.filter_chain_match
    assert match is not None, "a chain without a match is the default one"
    return [
        (f"{subnet}", server_name, match.transport_protocol, application)
        for subnet in (
            [(one.address_prefix, one.prefix_len) for one in match.prefix_ranges] or [""]
        )
        for server_name in (match.server_names or [""])
        for application in (match.application_protocols or [""])
    ]


@settings(max_examples=120, deadline=None)
@given(st.lists(objects, max_size=8))
def test_listeners_need_known_routes_and_have_distinct_chains(
    mesh: list[ConfigObject[object]],
) -> None:
    db = Database(INDEXES)
    for one in mesh:
        db.set(one.key, one, 1)
    for (mode, name), resource in found(db).items():
        assert resource.name == name
        known = everywhere(lambda bucket, mode=mode: routes.route_names(db, CLIENT, mode, bucket))
        assert {need.name for need in resource.needs} <= set(known), (mode, name)
        assert {need.type_url for need in resource.needs} <= {ROUTE_TYPE}
        if mode is Mode.CAPTURED and name != "virtualOutbound":
            message = decode(Listener, resource.body)
            counts = Counter(place for chain in message.filter_chains for place in criteria(chain))
            assert [place for place, count in counts.items() if count > 1] == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), objects), max_size=8))
def test_listeners_after_any_edits_are_those_of_a_fresh_start(
    edits: list[tuple[bool, ConfigObject[object]]],
) -> None:
    db = Database(INDEXES)
    last: dict[ObjectKey, ConfigObject[object]] = {}
    for revision, (removes, one) in enumerate(edits, 1):
        if removes and last:
            key = min(last)
            del last[key]
            db.remove(key, revision)
        else:
            last[one.key] = one
            db.set(one.key, one, revision)
        found(db)
    fresh = Database(INDEXES)
    for one in last.values():
        fresh.set(one.key, one, 1)
    assert found(db) == found(fresh)
