"""Route configurations in both forms, and inbound ones."""

from __future__ import annotations

from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration

from tests.support.documents.routes import REVIEWS, REVIEWS_HOST, virtual_host
from tests.support.documents.translation import CLIENT, apply, mesh
from translators import routes
from translators.codec import decode, encode
from translators.database import Database
from translators.model.proxy_node import Mode
from translators.model.resource import Reference
from translators.model.service import ClientScope, Protocol
from translators.model.viewer import Viewer
from translators.names import VIRTUAL_HOST_TYPE


def inline(db: Database, mode: Mode, route: str) -> RouteConfiguration:
    body = db.outcome(routes.inline_route_configuration.ref(CLIENT, mode, route)).body
    assert encode(decode(RouteConfiguration, body)) == body
    return decode(RouteConfiguration, body)


def test_a_delta_route_configuration_asks_for_its_hosts() -> None:
    found = mesh(REVIEWS).outcome(routes.route_configuration.ref(CLIENT, Mode.CAPTURED, "9080"))
    message = decode(RouteConfiguration, found.body)
    assert encode(message) == found.body
    assert found.needs == (Reference(VIRTUAL_HOST_TYPE, "*"),)
    assert message.vhds is not None
    assert [host.domains for host in message.virtual_hosts] == [["*"]]
    assert message.ignore_port_in_host_matching


def test_a_delta_route_configuration_does_not_change_with_its_hosts_or_clients() -> None:
    db = mesh(REVIEWS)
    here = routes.route_configuration.ref(CLIENT, Mode.CAPTURED, "9080")
    there = routes.route_configuration.ref(ClientScope(Viewer("other")), Mode.CAPTURED, "9080")
    before = db.outcome(here)
    apply(db, REVIEWS.replace("name: reviews", "name: ratings"))
    assert db.outcome(here) is before
    assert db.outcome(there) is before


def test_inline_hosts_are_the_resources_of_their_names() -> None:
    db = mesh(REVIEWS, REVIEWS.replace("name: reviews", "name: ratings").replace("0.1", "0.2"))
    found = inline(db, Mode.CAPTURED, "9080")
    assert found.vhds is None
    assert found.virtual_hosts[:-1] == [
        virtual_host(db, "9080/ratings.default.svc.cluster.local:9080"),
        virtual_host(db, f"9080/{REVIEWS_HOST}:9080"),
    ]


def test_unknown_hosts_pass_through_when_captured() -> None:
    host = inline(mesh(REVIEWS), Mode.CAPTURED, "9080").virtual_hosts[-1]
    action = host.routes[0].route
    assert action is not None
    assert action.cluster == "PassthroughCluster"
    assert action.timeout is not None
    assert not action.timeout


def test_unknown_hosts_are_explained_at_the_egress_listener() -> None:
    found = inline(mesh(REVIEWS), Mode.EGRESS, "egress")
    assert not found.ignore_port_in_host_matching
    answer = found.virtual_hosts[-1].routes[0].direct_response
    assert answer is not None
    assert answer.status == 502
    assert answer.body is not None
    assert "no service of the mesh has this host name" in (answer.body.inline_string or "")


def test_a_proxyless_route_configuration_holds_its_one_host() -> None:
    route = f"{REVIEWS_HOST}:9080"
    (host,) = inline(mesh(REVIEWS), Mode.PROXYLESS, route).virtual_hosts
    assert {REVIEWS_HOST, f"{REVIEWS_HOST}:9080", "reviews.default:9080", "reviews"} <= set(
        host.domains
    )


def test_inbound_requests_go_to_the_application_without_a_timeout() -> None:
    found = mesh("").outcome(routes.inbound_route.ref(8080, Protocol.HTTP))
    message = decode(RouteConfiguration, found.body)
    assert found.name == message.name == "inbound|8080||"
    (host,) = message.virtual_hosts
    assert host.domains == ["*"]
    assert host.routes[0].route is not None
    assert host.routes[0].route.cluster == "inbound|8080||"
    assert host.retry_policy is not None
    assert host.retry_policy.retry_on == "reset-before-request"


def test_inbound_grpc_is_not_retried() -> None:
    found = mesh("").outcome(routes.inbound_route.ref(8080, Protocol.GRPC))
    assert decode(RouteConfiguration, found.body).virtual_hosts[0].retry_policy is None
