"""Short ways from a mesh to decoded routes."""

from __future__ import annotations

from envoy_data_plane.envoy.config.route.v3 import Route, RouteConfiguration, VirtualHost

from tests.support.documents.translation import CLIENT, mesh
from translators import routes
from translators.codec import decode
from translators.database import Database
from translators.model.proxy_node import Mode
from translators.model.service import ClientScope

REVIEWS = """
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  clusterIP: 10.0.0.1
  ports: [{port: 9080, name: http}]
---
"""
REVIEWS_HOST = "reviews.default.svc.cluster.local"


def virtual_host(
    db: Database, name: str, mode: Mode = Mode.CAPTURED, client: ClientScope = CLIENT
) -> VirtualHost:
    """The decoded virtual host of a resource name."""
    return decode(VirtualHost, db.outcome(routes.virtual_host.ref(client, mode, name)).body)


def reviews_routes(
    http: str,
    *,
    client: ClientScope = CLIENT,
    services: str = REVIEWS,
    mode: Mode = Mode.CAPTURED,
) -> list[Route]:
    """The routes of `reviews` under a VirtualService with these rules (YAML, indented by two)."""
    policy = f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews}}
spec:
  hosts: [reviews]
  http:
{http}
"""
    route = f"{REVIEWS_HOST}:9080" if mode is Mode.PROXYLESS else "9080"
    db = mesh(services + policy)
    return virtual_host(db, f"{route}/{REVIEWS_HOST}:9080", mode, client).routes


def named_clusters(table: RouteConfiguration) -> set[str]:
    """All clusters that a route configuration sends to."""
    found: set[str] = set()
    for host in table.virtual_hosts:
        for route in host.routes:
            if route.route is not None:
                split = route.route.weighted_clusters
                found.update(one.name for one in (split.clusters if split else ()))
                found.add(route.route.cluster or "")
    return found - {""}
