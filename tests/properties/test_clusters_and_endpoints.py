"""Any edits in any order: clusters and endpoints are those that a fresh start would give."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.documents.buckets import everywhere
from translators.clusters import cluster, cluster_names, eds_cluster_names
from translators.database import Database
from translators.endpoints import load_assignment
from translators.kinds.destination_rule import DestinationRuleSpec
from translators.kinds.endpoint_slice import EndpointSliceSpec, SliceEndpoint, SlicePort
from translators.kinds.node import NodeSpec
from translators.kinds.pod import PodSpec
from translators.kinds.service import KubernetesPort, ServiceSpec
from translators.kinds.service_entry import EntryPort, ServiceEntrySpec
from translators.kinds.workload_entry import WorkloadEntrySpec
from translators.model.config_object import ConfigObject
from translators.model.locality import Locality
from translators.model.origin import Labels
from translators.model.policy import (
    ConnectionPool,
    LoadBalancer,
    OutlierDetection,
    SimpleLoadBalancer,
    StatedPolicy,
    Subset,
    TrafficPolicy,
)
from translators.model.service import ClientScope, Resolution
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey
from translators.world import INDEXES, workload_ports

NAMESPACES = st.sampled_from(["one", "two"])
NAMES = st.sampled_from(["a", "b"])
HOSTS = st.sampled_from(
    ["a.one.svc.cluster.local", "b.two.svc.cluster.local", "x.com", "*.svc.cluster.local", "*.com"]
)
LABELS: st.SearchStrategy[Labels] = st.frozensets(
    st.tuples(st.sampled_from(["app", "version"]), st.sampled_from(["1", "2"])), max_size=2
)
EXPORTS = st.sampled_from([(), (), (), ("*",), (".",), ("two",), ("~",)])
PLACES = st.builds(
    Locality, st.sampled_from(["", "r", "q"]), st.sampled_from(["", "y", "z"]), st.just("")
)
ADDRESSES = st.sampled_from([f"10.0.0.{number}" for number in range(4)])
CREATED = st.sampled_from(["", "2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z"])

WORKLOADS = st.builds(
    WorkloadEntrySpec,
    address=ADDRESSES,
    ports=st.sampled_from([(), (("http", 7),)]),
    labels=LABELS,
    locality=PLACES,
    weight=st.integers(0, 2),
)
BLOCKS = st.builds(
    TrafficPolicy,
    load_balancer=st.none()
    | st.builds(
        LoadBalancer,
        simple=st.none() | st.sampled_from(SimpleLoadBalancer),
        locality_enabled=st.none() | st.booleans(),
    ),
    connection_pool=st.none() | st.builds(ConnectionPool, max_connections=st.integers(0, 2)),
    outlier_detection=st.none() | st.builds(OutlierDetection, consecutive_5xx=st.integers(0, 2)),
)
POLICIES = st.none() | st.builds(
    StatedPolicy,
    blocks=BLOCKS,
    ports=st.lists(st.tuples(st.just(80), BLOCKS), max_size=1).map(tuple),
)
SPECS = {
    "Service": st.builds(
        ServiceSpec,
        ports=st.lists(
            st.builds(KubernetesPort, number=st.sampled_from([80, 90]), name=st.just("http")),
            min_size=1,
            max_size=1,
        ).map(tuple),
        selector=LABELS,
        external_name=st.sampled_from(["", "", "", "x.org"]),
        publish_not_ready=st.booleans(),
        export_to=EXPORTS,
    ),
    "EndpointSlice": st.builds(
        EndpointSliceSpec,
        service=NAMES,
        address_type=st.just("IPv4"),
        ports=st.just((SlicePort("http", 8080),)),
        endpoints=st.lists(
            st.builds(
                SliceEndpoint,
                addresses=st.tuples(ADDRESSES),
                ready=st.booleans(),
                node_name=st.sampled_from(["", "a"]),
                zone=st.sampled_from(["", "z"]),
                pod=st.sampled_from(["", "a", "b"]),
            ),
            min_size=1,
            max_size=3,
        ).map(tuple),
    ),
    "ServiceEntry": st.builds(
        ServiceEntrySpec,
        hosts=st.lists(HOSTS, min_size=1, max_size=2, unique=True).map(tuple),
        ports=st.just((EntryPort(80, "http", "HTTP"),)),
        resolution=st.sampled_from(Resolution),
        endpoints=st.lists(WORKLOADS, min_size=1, max_size=3).map(tuple),
        workload_selector=st.sampled_from([None, None, frozenset({("app", "1")})]),
        export_to=EXPORTS,
    ),
    "WorkloadEntry": WORKLOADS,
    "Pod": st.builds(
        PodSpec, addresses=st.tuples(ADDRESSES), node_name=st.sampled_from(["", "a", "b"])
    ),
    "Node": st.builds(NodeSpec, locality=PLACES),
    "DestinationRule": st.builds(
        DestinationRuleSpec,
        host=HOSTS,
        policy=POLICIES,
        subsets=st.lists(
            st.builds(Subset, name=st.sampled_from(["v1", "v2"]), labels=LABELS, policy=POLICIES),
            max_size=2,
            unique_by=lambda one: one.name,
        ).map(tuple),
        export_to=EXPORTS,
        workload_selector=st.none() | LABELS,
    ),
}
FREQUENT = ("Service", "EndpointSlice", "EndpointSlice", "ServiceEntry", "DestinationRule")
CLIENTS = (ClientScope(Viewer("one")), ClientScope(Viewer("two"), frozenset({("app", "1")})))
LOCALITIES = (Locality(), Locality("r", "z"))


@st.composite
def edits(draw: st.DrawFn) -> tuple[ObjectKey, ConfigObject[object] | None]:
    """An object set, or its key with None: removed."""
    kind = draw(st.sampled_from([*sorted(SPECS), *FREQUENT]))
    namespace = "" if kind == "Node" else draw(NAMESPACES)
    name = draw(NAMES)
    if draw(st.integers(0, 4)) == 4:
        return (kind, namespace, name), None
    spec: object = draw(SPECS[kind])
    found = ConfigObject(kind, namespace, name, spec, labels=draw(LABELS), created=draw(CREATED))
    return found.key, found


def everything(db: Database) -> dict[object, object]:
    """All that clients of two namespaces at two places get."""
    found: dict[object, object] = {}
    for client in CLIENTS:
        names = everywhere(lambda bucket, client=client: cluster_names(db, client, bucket))
        asking = everywhere(lambda bucket, client=client: eds_cluster_names(db, client, bucket))
        found[client] = (names, asking)
        for name in names:
            found[client, name] = cluster(db, client, name).body
            for place in LOCALITIES:
                found[client, name, place] = load_assignment(db, client, place, name).body
    for number in range(4):
        found[number] = workload_ports(db, (f"10.0.0.{number}",))
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(edits(), min_size=10, max_size=20))
def test_any_edits_lead_to_what_a_fresh_database_gives(
    steps: list[tuple[ObjectKey, ConfigObject[object] | None]],
) -> None:
    db = Database(INDEXES)
    state: dict[ObjectKey, ConfigObject[object]] = {}
    for revision, (key, value) in enumerate(steps, 1):
        everything(db)
        if value is None:
            state.pop(key, None)
            db.remove(key, revision)
        else:
            state[key] = value
            db.set(key, value, revision)
    fresh = Database(INDEXES)
    for key in sorted(state):
        fresh.set(key, state[key], 1)
    assert everything(db) == everything(fresh)
