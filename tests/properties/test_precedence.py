"""Whose a host is, is what Istio's own lists would give, whatever the order of events.

Istio files virtual services, and services too, in three lists, by age: what a namespace keeps to
itself, what others export to it, and what is everyone's. It goes through them one after the other,
and the first virtual service that makes a route for a host has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.documents.buckets import everywhere
from tests.support.documents.meshes import (
    HOSTS,
    NAMESPACES,
    PORTS,
    entries,
    objects,
    services,
    virtual_services,
)
from translators.database import Database
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.model.config_object import ConfigObject
from translators.model.origin import Labels
from translators.model.routing import HttpRule
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey
from translators.world import INDEXES, http_rules, lost_hosts, service_of, unregistered_hosts
from translators.world.services import hosts_of

CONTESTED = ("x.example.com", "a.default.svc.cluster.local")
"""Few hosts, so that several objects name each."""
LABELS: tuple[Labels, ...] = (frozenset(), frozenset({("app", "x")}))


def listed(mesh: list[ConfigObject[object]], namespace: str) -> Iterator[ConfigObject[object]]:
    """All that a namespace sees, in Istio's order."""
    private, exported, public = [], [], []
    for one in sorted(mesh, key=lambda one: (one.created or "9999", one.name, one.namespace)):
        targets = getattr(one.spec, "export_to", ()) or ("*",)
        if "*" in targets:
            public.append(one)
        elif one.namespace == namespace and ("." in targets or namespace in targets):
            private.append(one)
        elif namespace in targets:
            exported.append(one)
    yield from (*private, *exported, *public)


def has_route(rule: HttpRule, client: ClientScope, port: int) -> bool:
    return not rule.match or any(
        match.port in (0, port)
        and match.source_labels <= client.labels
        and match.source_namespace in ("", client.viewer.namespace)
        for match in rule.match
    )


@settings(max_examples=200, deadline=None)
@given(
    st.lists(virtual_services(CONTESTED), min_size=2, max_size=8),
    st.sampled_from(CONTESTED),
    st.sampled_from(NAMESPACES),
    st.sampled_from(LABELS),
    st.sampled_from(PORTS),
)
def test_the_first_in_istios_lists_with_a_route_for_the_client_has_a_host(
    mesh: list[ConfigObject[object]], host: str, namespace: str, labels: Labels, port: int
) -> None:
    latest = {one.key: one for one in mesh}
    db = Database(INDEXES)
    for revision, one in enumerate(mesh, 1):
        db.set(one.key, one, revision)
    client = ClientScope(Viewer(namespace), labels)
    naming = [
        one.spec
        for one in listed(list(latest.values()), namespace)
        if isinstance(one.spec, VirtualServiceSpec) and host in one.spec.hosts
    ]
    routing = [
        spec.http for spec in naming if any(has_route(rule, client, port) for rule in spec.http)
    ]
    if naming:
        assert http_rules(db, host, client, port) == next(iter(routing), ())


def found(db: Database) -> dict[object, object]:
    """Whose each host is to each namespace, and what is told of those who do not have it."""
    answers: dict[object, object] = {
        (host, namespace): service_of(db, host, Viewer(namespace))
        for host in HOSTS
        for namespace in NAMESPACES
    }
    for namespace in NAMESPACES:
        client = ClientScope(Viewer(namespace), LABELS[-1])
        answers[namespace] = everywhere(partial(unregistered_hosts, db, client))
    answers["lost"] = everywhere(partial(lost_hosts, db))
    return answers


@settings(max_examples=60, deadline=None)
@given(st.lists(objects, max_size=8, unique_by=lambda one: one.key), st.randoms())
def test_the_order_of_events_decides_nothing(
    mesh: list[ConfigObject[object]], shuffling: Random
) -> None:
    straight, shuffled = Database(INDEXES), Database(INDEXES)
    for one in mesh:
        straight.set(one.key, one, 1)
    shuffling.shuffle(mesh)
    for revision, one in enumerate(mesh, 1):
        shuffled.set(one.key, one, revision)
        found(shuffled)
    assert found(straight) == found(shuffled)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), objects), max_size=8))
def test_any_edits_lead_to_what_a_fresh_database_gives(
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


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(entries(CONTESTED), services()), min_size=2, max_size=8),
    st.sampled_from(CONTESTED),
    st.sampled_from(NAMESPACES),
)
def test_a_host_is_the_service_that_istio_takes_for_a_namespace(
    mesh: list[ConfigObject[object]], host: str, namespace: str
) -> None:
    """Istio goes through its lists and replaces what it has by what has a better claim."""
    latest = {one.key: one for one in mesh}
    db = Database(INDEXES)
    for revision, one in enumerate(mesh, 1):
        db.set(one.key, one, revision)
    chosen: ConfigObject[object] | None = None
    for one in listed(list(latest.values()), namespace):
        if host not in hosts_of(db, one.key):
            continue
        if (
            chosen is None
            or (one.namespace == namespace != chosen.namespace)
            or (
                one.kind == "Service" != chosen.kind
                and (one.namespace == namespace or chosen.namespace != namespace)
            )
        ):
            chosen = one
    service = service_of(db, host, Viewer(namespace))
    assert (None if service is None else service.source) == (chosen and chosen.key)
