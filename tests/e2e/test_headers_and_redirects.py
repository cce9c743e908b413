"""Who has the last word on a header, and where redirects lead: what a real Envoy makes of routes.

One Envoy serves the route configurations of three ports. Every destination is the same application,
which answers with the headers that it got.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from envoy_data_plane.envoy.config.core.v3 import Address, SocketAddress
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration

from tests.support.documents.routes import named_clusters
from tests.support.documents.translation import CLIENT, mesh
from tests.support.processes.managed_process import ManagedProcess
from tests.support.processes.ports import free_port
from tests.support.processes.static_envoy import bootstrap, static_cluster, with_routes_inline
from tests.support.processes.upstreams import HttpUpstream, Instance
from tests.support.processes.waiting import eventually
from translators import routes
from translators.codec import decode
from translators.listeners.http_connection_manager import outbound_manager
from translators.model.proxy_node import Mode
from translators.names import PASSTHROUGH_CLUSTER

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

PORTS = (80, 443, 9080)

# The application answers this header with "client" too.
OPERATIONS = {
    "set": "set: {x-version: %s}",
    "add": "add: {x-version: %s}",
    "remove": "remove: [x-version]",
    "nothing": "",
}
# By what the rule and what its destination does with a header that the client sends as "client":
# what arrives when that is the only destination, and when it is one of several.
LAST_WORDS = {
    ("set", "set"): ("destination", "rule"),
    ("set", "add"): ("rule,destination", "rule"),
    ("set", "remove"): ("rule", "rule"),
    ("set", "nothing"): ("rule", "rule"),
    ("add", "set"): ("destination,rule", "destination,rule"),
    ("add", "add"): ("client,rule,destination", "client,destination,rule"),
    ("add", "remove"): ("rule", "rule"),
    ("add", "nothing"): ("client,rule", "client,rule"),
    ("remove", "set"): ("destination", ""),
    ("remove", "add"): ("destination", ""),
    ("remove", "remove"): ("", ""),
    ("remove", "nothing"): ("", ""),
    ("nothing", "set"): ("destination", "destination"),
    ("nothing", "add"): ("client,destination", "client,destination"),
    ("nothing", "remove"): ("", ""),
}
# By rewrite.authority, the rule's Host and its destination's: the authority that arrives.
AUTHORITIES = {
    ("", "", ""): "reviews",
    ("", "", "destination"): "destination",
    ("", "rule", ""): "rule",
    ("", "rule", "destination"): "rule",
    ("rewrite", "", ""): "rewrite",
    ("rewrite", "", "destination"): "rewrite",
}
SHAPES = ("only", "several", "weightless")
"""A rule's only destination, one of two, and one beside another without weight."""

SCHEMES = ("", "http", "https")
REDIRECT_AUTHORITIES = ("", "new.example.org", "new.example.org:8443", "[fd00::1]:443", "[fd00::1]")
REDIRECT_PORTS = {
    "": 0,
    "port: 80": 80,
    "port: 443": 443,
    "port: 8080": 8080,
    "derivePort: FROM_PROTOCOL_DEFAULT": -1,
    "derivePort: FROM_REQUEST_PORT": -2,
}
REDIRECTS = list(itertools.product(SCHEMES, REDIRECT_AUTHORITIES, REDIRECT_PORTS))
DEFAULT_PORTS = {"http": 80, "https": 443}

# The redirect, the port that the request comes in on, its Host, and the Location.
LOCATIONS = [
    ("scheme: https", 80, "reviews", "https://reviews/x"),
    ("scheme: https", 9080, "reviews:9080", "https://reviews:9080/x"),
    ("port: 80", 9080, "reviews", "http://reviews/x"),
    ("port: 80", 9080, "reviews:9080", "http://reviews:80/x"),
    ("port: 443", 80, "reviews", "http://reviews:443/x"),
    ("scheme: https, port: 443", 80, "reviews", "https://reviews/x"),
    ("scheme: https, port: 443", 9080, "reviews:9080", "https://reviews:443/x"),
    ("scheme: https, port: 8443", 9080, "reviews:9080", "https://reviews:8443/x"),
    ("derivePort: FROM_REQUEST_PORT", 80, "reviews", "http://reviews/x"),
    ("derivePort: FROM_REQUEST_PORT", 9080, "reviews", "http://reviews:9080/x"),
    ("scheme: https, derivePort: FROM_REQUEST_PORT", 443, "reviews", "https://reviews/x"),
    ("scheme: https, derivePort: FROM_REQUEST_PORT", 80, "reviews", "https://reviews:80/x"),
    ("scheme: https, derivePort: FROM_PROTOCOL_DEFAULT", 9080, "reviews", "https://reviews/x"),
    ("authority: new.example.org", 9080, "reviews:9080", "http://new.example.org/x"),
    ("authority: 'new.example.org:81'", 80, "reviews", "http://new.example.org:81/x"),
    ("authority: 'new.example.org:81', port: 82", 80, "reviews", "http://new.example.org:81/x"),
    ("authority: 'new.example.org:80'", 80, "reviews", "http://new.example.org/x"),
    ("authority: '[fd00::1]:82', port: 83", 80, "reviews", "http://[fd00::1]:82/x"),
    ("authority: '[fd00::1]', port: 83", 80, "reviews", "http://[fd00::1]:83/x"),
    (
        "scheme: https, authority: 'new.example.org:443', derivePort: FROM_REQUEST_PORT",
        9080, "reviews", "https://new.example.org/x",
    ),
]  # fmt: skip


def headers_of(direction: str, operation: str, says: str) -> str:
    """A `headers` field that does this with `x-version`, or does nothing."""
    text = OPERATIONS[operation]
    text = text % says if "%s" in text else text
    return f"headers: {{{direction}: {{{text}}}}}" if text else "headers: {}"


def destinations(shape: str, headers: str) -> str:
    """The destinations of a rule: those that get requests have these headers."""
    first = f"{{destination: {{host: reviews, subset: a}}, weight: 1, {headers}}}"
    weight = 1 if shape == "several" else 0
    second = f"{{destination: {{host: reviews, subset: b}}, weight: {weight}, {headers}}}"
    return f"[{first}]" if shape == "only" else f"[{first}, {second}]"


def rules() -> list[str]:
    """The rules of the mesh, each for a path of its own; the longer paths first."""
    found = []
    for direction, shape, (rule, destination) in itertools.product(
        ("request", "response"), SHAPES, LAST_WORDS
    ):
        route = destinations(shape, headers_of(direction, destination, "destination"))
        path = f"/{direction}/{shape}/{rule}/{destination}/"
        found.append(f"{path}\n    {headers_of(direction, rule, 'rule')}\n    route: {route}")
    for shape, (rewrite, rule, destination) in itertools.product(SHAPES, AUTHORITIES):
        own = f"headers: {{request: {{set: {{Host: {destination}}}}}}}" if destination else ""
        path = f"/authority/{shape}/{rewrite}-{rule}-{destination}/"
        found.append(
            f"{path}\n    route: {destinations(shape, own or 'headers: {}')}"
            + (f"\n    rewrite: {{authority: {rewrite}}}" if rewrite else "")
            + (f"\n    headers: {{request: {{set: {{':authority': {rule}}}}}}}" if rule else "")
        )
    for number, (scheme, authority, port) in enumerate(REDIRECTS):
        fields = [f"scheme: {scheme}"] if scheme else []
        fields += [f"authority: '{authority}'"] if authority else []
        fields += [port] if port else []
        if fields:
            found.append(f"/product/{number}/\n    redirect: {{{', '.join(fields)}}}")
    for number, (redirect, *_) in enumerate(LOCATIONS):
        found.append(f"/location/{number}/\n    redirect: {{{redirect}, uri: /x}}")
    return found


MESH = """
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  clusterIP: 10.0.0.1
  ports: [{port: 80, name: http-a}, {port: 443, name: http-b}, {port: 9080, name: http-c}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
""" + "\n".join(
    f"  - match: [{{uri: {{prefix: {rule}".replace("\n", "}}]\n", 1) for rule in rules()
)


@dataclass(frozen=True)
class Asked:
    """Where the routes of each port are served."""

    ports: dict[int, int]
    session: aiohttp.ClientSession

    async def get(self, path: str, port: int = 80, host: str = "reviews") -> aiohttp.ClientResponse:
        response = await self.session.get(
            f"http://127.0.0.1:{self.ports[port]}{path}",
            headers={"Host": host, "x-version": "client"},
            allow_redirects=False,
        )
        await response.read()
        return response

    async def arrives(self, path: str) -> dict[str, str]:
        """The headers that the application got, by their names in lower case."""
        response = await self.get(path)
        assert response.status == 200
        headers: dict[str, str] = json.loads(await response.text())["headers"]
        return {name.lower(): value for name, value in headers.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(tmp_path_factory: pytest.TempPathFactory, envoy_path: Path) -> AsyncIterator[Asked]:
    workdir = tmp_path_factory.mktemp("asked")
    db = mesh(MESH)
    ports = {port: free_port() for port in PORTS}
    listeners: list[Listener] = []
    clusters: set[str] = {PASSTHROUGH_CLUSTER}
    for port, local in ports.items():
        query = routes.inline_route_configuration.ref(CLIENT, Mode.CAPTURED, str(port))
        table = decode(RouteConfiguration, db.outcome(query).body)
        clusters |= named_clusters(table)
        at = Address(socket_address=SocketAddress(address="127.0.0.1", port_value=local))
        manager = outbound_manager(str(port), str(port)).message
        listener = Listener(
            name=str(port), address=at, filter_chains=[FilterChain(filters=[manager])]
        )
        listeners.append(with_routes_inline(listener, {str(port): table}))
    async with HttpUpstream(Instance("reviews", version="client")) as upstream:
        at = Address(
            socket_address=SocketAddress(address="127.0.0.1", port_value=upstream.instance.port)
        )
        config = workdir / "bootstrap.pb"
        known = [static_cluster(name, at) for name in sorted(clusters)]
        config.write_bytes(bootstrap(listeners, known))
        command = [str(envoy_path), "-c", str(config), "--disable-hot-restart"]
        log = workdir / "envoy.log"
        process = ManagedProcess([*command, "--concurrency", "1", "-l", "warning"], log)
        await process.start()
        try:
            async with aiohttp.ClientSession() as session:
                served = Asked(ports, session)

                async def is_open() -> bool:
                    return (await served.get("/open", host="nobody")).status == 200

                await eventually(is_open, "Envoy answers", explain=log.read_text)
                yield served
        finally:
            await process.stop()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("rule", "destination"), LAST_WORDS)
async def test_a_request_header_is_changed_in_istio_s_order(
    asked: Asked, rule: str, destination: str, shape: str
) -> None:
    arrived = await asked.arrives(f"/request/{shape}/{rule}/{destination}/")
    assert arrived.get("x-version", "") == LAST_WORDS[rule, destination][shape != "only"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("rule", "destination"), LAST_WORDS)
async def test_a_response_header_is_changed_in_istio_s_order(
    asked: Asked, rule: str, destination: str, shape: str
) -> None:
    response = await asked.get(f"/response/{shape}/{rule}/{destination}/")
    assert response.status == 200
    expected = LAST_WORDS[rule, destination][shape != "only"]
    assert ",".join(response.headers.getall("x-version", [])) == expected


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("rewrite", "rule", "destination"), AUTHORITIES)
async def test_the_rule_s_authority_wins(
    asked: Asked, rewrite: str, rule: str, destination: str, shape: str
) -> None:
    arrived = await asked.arrives(f"/authority/{shape}/{rewrite}-{rule}-{destination}/")
    assert arrived["host"] == AUTHORITIES[rewrite, rule, destination]


@pytest.mark.parametrize("number", range(len(LOCATIONS)), ids=lambda i: LOCATIONS[i][0])
async def test_a_redirect_leads_to(asked: Asked, number: int) -> None:
    _, port, host, location = LOCATIONS[number]
    response = await asked.get(f"/location/{number}/", port, host)
    assert (response.status, response.headers["location"]) == (301, location)


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("host", ["reviews", "reviews:9080"])
async def test_every_redirect_leads_to_one_port_that_is_written_when_it_must_be(
    asked: Asked, port: int, host: str
) -> None:
    for number, (scheme, authority, asks) in enumerate(REDIRECTS):
        if not (scheme or authority or asks):
            continue
        response = await asked.get(f"/product/{number}/", port, host)
        location = response.headers["location"]
        case = f"{scheme=} {authority=} {asks=} {port=} {host=}: {location}"
        to = urlsplit(location)
        default = DEFAULT_PORTS[to.scheme]
        assert to.scheme == (scheme or "http"), case
        kept = urlsplit(f"//{authority or host}")
        assert to.hostname == kept.hostname, case
        own = kept.port if authority else None
        derived = {-1: default, -2: port}.get(REDIRECT_PORTS[asks], REDIRECT_PORTS[asks])
        wanted = own or derived or kept.port or default
        assert (to.port or default) == wanted, case
        if to.port == default:
            assert not authority, case
            assert host == "reviews:9080", f"{case}: only a port that the client wrote is replaced"
