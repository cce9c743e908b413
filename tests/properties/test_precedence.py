"""Which virtual service routes a host is what Istio's own lists of them would give.

Istio files virtual services in three lists, by age: what a namespace keeps to itself, what others
export to it, and what is everyone's. It goes through them one after the other, and the first that
makes a route for a host has it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.documents.meshes import HOSTS, NAMESPACES, PORTS, services, virtual_services
from translators.database import Database
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.model.config_object import ConfigObject
from translators.model.origin import Labels
from translators.model.routing import HttpRule
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.world import INDEXES, http_rules

LABELS: tuple[Labels, ...] = (frozenset(), frozenset({("app", "x")}))


def listed(mesh: list[ConfigObject[object]], namespace: str) -> Iterator[ConfigObject[object]]:
    """All virtual services that a namespace sees, in Istio's order."""
    private, exported, public = [], [], []
    for one in sorted(mesh, key=lambda one: (one.created or "9999", one.name, one.namespace)):
        if not isinstance(one.spec, VirtualServiceSpec):
            continue
        targets = one.spec.export_to or ("*",)
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
    st.lists(st.one_of(virtual_services(), virtual_services(), services()), max_size=8),
    st.sampled_from([host for host in HOSTS if not host.startswith("*")]),
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
