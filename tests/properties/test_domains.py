"""Domains are unique in every route configuration, whatever hosts, addresses and ports a mesh has.

And edits equal a fresh start.
"""

from __future__ import annotations

from functools import partial
from itertools import product
from random import Random

from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.documents.buckets import everywhere
from tests.support.documents.meshes import objects
from tests.support.documents.translation import CLIENT
from translators import routes
from translators.codec import decode
from translators.database import Database
from translators.model.config_object import ConfigObject
from translators.model.proxy_node import Mode
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey
from translators.world import INDEXES

CLIENTS = (CLIENT, ClientScope(Viewer("b"), frozenset({("app", "x")})))


def tables(db: Database) -> dict[tuple[str, Mode, str], RouteConfiguration]:
    """Every outbound route configuration of two clients with its hosts inline."""
    found = {}
    for client, mode in product(CLIENTS, (Mode.CAPTURED, Mode.EGRESS, Mode.PROXYLESS)):
        names = everywhere(partial(routes.route_names, db, client, mode))
        for route in names:
            ref = routes.inline_route_configuration.ref(client, mode, route)
            db.pin(ref)
            outcome = db.outcome(ref)
            found[client.viewer.namespace, mode, route] = decode(RouteConfiguration, outcome.body)
    db.settle()
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(objects, max_size=8))
def test_no_two_hosts_of_a_route_configuration_share_a_domain(
    mesh: list[ConfigObject[object]],
) -> None:
    db = Database(INDEXES)
    for one in mesh:
        db.set(one.key, one, 1)
    for (client, mode, route), table in tables(db).items():
        domains = [domain for host in table.virtual_hosts for domain in host.domains]
        assert len(domains) == len(set(domains)), (client, mode, route, sorted(domains))
        labels = [host.name for host in table.virtual_hosts]
        assert len(labels) == len(set(labels)), (client, mode, route)
        catch_all = 0 if mode is Mode.PROXYLESS else 1
        assert len(labels) > catch_all, "over VHDS Envoy would wait for a host for ever"


@settings(max_examples=80, deadline=None)
@given(st.lists(objects, max_size=8, unique_by=lambda one: one.key), st.randoms())
def test_the_order_of_events_decides_nothing(
    mesh: list[ConfigObject[object]], shuffling: Random
) -> None:
    one, other = Database(INDEXES), Database(INDEXES)
    for object_ in mesh:
        one.set(object_.key, object_, 1)
    shuffling.shuffle(mesh)
    for revision, object_ in enumerate(mesh, 1):
        other.set(object_.key, object_, revision)
        tables(other)
    assert tables(one) == tables(other)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.booleans(), objects), max_size=8))
def test_routes_after_any_edits_are_those_of_a_fresh_start(
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
        tables(db)
    fresh = Database(INDEXES)
    for one in last.values():
        fresh.set(one.key, one, 1)
    assert tables(db) == tables(fresh)
