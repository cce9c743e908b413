"""Which destination rule a client follows, and what it says of a port and subset."""

from __future__ import annotations

import pytest

from tests.support.documents import objects
from tests.support.documents.translation import mesh
from translators.database import Database
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.world import destination_rule_of, policy_of, subsets_of

HOST = "web.shop.svc.cluster.local"
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
"""


def rule(
    namespace: str, subset: str, host: str = HOST, extra: str = "", created: int = 2000
) -> str:
    """A rule that is recognised by the name of its one subset."""
    day = f"{created}-01-01T00:00:00Z"
    return objects.destination_rule(
        subset, host, extra, subsets={subset: subset}, namespace=namespace, created=day
    )


def names(db: Database, client: ClientScope) -> list[str]:
    return [one.name for one in subsets_of(db, HOST, client)]


CLIENT = ClientScope(Viewer("client"))


def test_no_rule_is_none_and_the_default_policy() -> None:
    db = mesh(SERVICE)
    assert destination_rule_of(db, HOST, CLIENT) is None
    assert policy_of(db, HOST, CLIENT, 80) == policy_of(db, HOST, CLIENT, 80, "v1")
    assert policy_of(db, HOST, CLIENT, 80).outlier_detection is None


def test_the_first_of_client_service_and_root_namespace_that_has_a_rule_wins_alone() -> None:
    texts = [rule("client", "mine"), rule("shop", "theirs"), rule("istio-system", "root")]
    assert names(mesh(SERVICE, *texts), CLIENT) == ["mine"]
    assert names(mesh(SERVICE, *texts[1:]), CLIENT) == ["theirs"]
    assert names(mesh(SERVICE, *texts[2:]), CLIENT) == ["root"]
    assert names(mesh(SERVICE, rule("elsewhere", "none")), CLIENT) == []


def test_a_wildcard_rule_of_the_clients_namespace_comes_before_an_exact_one_of_the_services() -> (
    None
):
    db = mesh(SERVICE, rule("client", "mine", "*.cluster.local"), rule("shop", "theirs"))
    assert names(db, CLIENT) == ["mine"]


def test_the_most_specific_host_of_a_namespace_wins() -> None:
    texts = [
        rule("client", "exact"),
        rule("client", "near", "*.shop.svc.cluster.local"),
        rule("client", "far", "*.local"),
    ]
    assert names(mesh(SERVICE, *texts), CLIENT) == ["exact"]
    assert names(mesh(SERVICE, *texts[1:]), CLIENT) == ["near"]
    assert names(mesh(SERVICE, *texts[2:]), CLIENT) == ["far"]


def test_a_rule_that_is_not_exported_is_for_its_own_namespace_only() -> None:
    db = mesh(SERVICE, rule("shop", "private", extra='exportTo: ["."]'))
    assert names(db, CLIENT) == []
    assert names(db, ClientScope(Viewer("shop"))) == ["private"]


@pytest.mark.parametrize("export_to", ['["."]', '["client"]', '["client", "other"]', "[]"])
def test_a_rule_that_the_clients_namespace_keeps_to_itself_counts(export_to: str) -> None:
    db = mesh(SERVICE, rule("client", "mine", extra=f"exportTo: {export_to}"), rule("shop", "not"))
    assert names(db, CLIENT) == ["mine"]


def test_a_rule_of_the_clients_namespace_that_is_not_exported_to_it_is_not_followed() -> None:
    mine = rule("client", "mine", extra='exportTo: ["other"]')
    assert names(mesh(SERVICE, mine), CLIENT) == []
    assert names(mesh(SERVICE, mine, rule("shop", "theirs")), CLIENT) == ["theirs"]
    both = mesh(SERVICE, mine, rule("client", "wide", "*.shop.svc.cluster.local"))
    assert names(both, CLIENT) == ["wide"]


def test_what_the_root_namespace_says_to_all_comes_last_for_its_own_clients_too() -> None:
    root = ClientScope(Viewer("istio-system"))
    wide = rule("istio-system", "wide", "*.local")
    private = rule("istio-system", "private", "*.local", extra='exportTo: ["."]')
    assert names(mesh(SERVICE, wide, rule("shop", "theirs")), root) == ["theirs"]
    assert names(mesh(SERVICE, wide), root) == ["wide"]
    assert names(mesh(SERVICE, wide, private, rule("shop", "theirs")), root) == ["private"]


def test_rules_for_one_host_are_merged_oldest_first() -> None:
    db = mesh(
        SERVICE,
        rule("shop", "b", created=2001, extra="trafficPolicy: {loadBalancer: {simple: RANDOM}}"),
        rule(
            "shop", "c", created=2002, extra="trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}"
        ),
        rule("shop", "a", created=2003),
        rule("shop", "other", created=2004, extra='exportTo: [".", "client"]'),
    )
    assert names(db, CLIENT) == ["b", "c", "a"], "not those exported to other namespaces"
    balancer = policy_of(db, HOST, CLIENT, 80).load_balancer
    assert balancer is not None
    assert balancer.simple is not None
    assert balancer.simple.value == "RANDOM"


def test_a_rule_for_selected_clients_comes_first_for_these_and_is_unknown_to_others() -> None:
    selected = rule(
        "client", "mine", created=2005, extra="workloadSelector: {matchLabels: {app: x}}"
    )
    db = mesh(SERVICE, rule("client", "all"), selected)
    assert names(db, ClientScope(Viewer("client"), frozenset({("app", "x")}))) == ["mine", "all"]
    assert names(db, CLIENT) == ["all"]
    assert names(db, ClientScope(Viewer("shop"), frozenset({("app", "x")}))) == []


POLICY = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec:
  host: web.shop.svc.cluster.local
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 1}}
    outlierDetection: {consecutive5xxErrors: 1}
    portLevelSettings:
    - port: {number: 81}
      connectionPool: {tcp: {maxConnections: 81}}
  subsets:
  - name: v1
    labels: {version: v1}
    trafficPolicy:
      outlierDetection: {consecutive5xxErrors: 2}
      portLevelSettings:
      - port: {number: 82}
        loadBalancer: {simple: RANDOM}
"""


@pytest.mark.parametrize(
    ("port", "subset", "connections", "errors"),
    [
        (80, "", 1, 1),
        (80, "unknown", 1, 1),
        (81, "", 81, None),
        (80, "v1", 1, 2),
        (81, "v1", 81, 2),
        (82, "v1", None, None),
    ],
)
def test_blocks_of_a_subset_replace_the_rules_and_a_ports_replace_all(
    port: int, subset: str, connections: int | None, errors: int | None
) -> None:
    blocks = policy_of(mesh(SERVICE, POLICY), HOST, CLIENT, port, subset)
    pool, detection = blocks.connection_pool, blocks.outlier_detection
    assert (pool and pool.max_connections) == connections
    assert (detection and detection.consecutive_5xx) == errors
