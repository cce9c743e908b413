"""Traffic stays near: own zone, then own region, then elsewhere.

Zones leave and return, and no request is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from tests.support.documents.objects import service
from tests.support.processes.load import Load, load
from tests.support.processes.traffic import (
    CLIENTS,
    DELTA,
    SOTW,
    Mesh,
    assert_nothing_lost,
    destination_rule,
    running_mesh,
    service_entry,
)
from tests.support.processes.upstreams import HttpUpstream
from translators.model.locality import Locality

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

NEAR, SAME_REGION, FAR = "eu-1/eu-1a", "eu-1/eu-1b", "us-1/us-1a"
IN_EU, IN_US = DELTA, SOTW


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    clients = {
        IN_EU: replace(CLIENTS[DELTA], locality=Locality("eu-1", "eu-1a")),
        IN_US: replace(CLIENTS[SOTW], locality=Locality("us-1", "us-1a")),
    }
    files = {"nodes.yaml": "".join(map(node, (NEAR, SAME_REGION, FAR)))}
    async with running_mesh(tmp_path_factory.mktemp("localities"), files, clients) as running:
        yield running


def node(place: str) -> str:
    """A machine at a place: from it the region of a zone is known."""
    region, _, zone = place.partition("/")
    labels = f"{{topology.kubernetes.io/region: {region}, topology.kubernetes.io/zone: {zone}}}"
    return f"""---
apiVersion: v1
kind: Node
metadata: {{name: node-{zone}, labels: {labels}}}
"""


def endpoint_slice(service: str, upstream: HttpUpstream, *, is_ready: bool = True) -> str:
    """A slice of one endpoint on the machine of its zone."""
    instance = upstream.instance
    zone = instance.zone.partition("/")[2]
    return f"""---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {instance.name}, labels: {{kubernetes.io/service-name: {service}}}}}
addressType: IPv4
ports: [{{name: http, port: {instance.port}}}]
endpoints: [{{addresses: [{instance.host}], nodeName: node-{zone}, conditions: {{ready: {str(is_ready).lower()}}}}}]
"""


async def three_places(mesh: Mesh, name: str) -> dict[str, list[HttpUpstream]]:
    """A service with two instances at each place; file `NAME-ZONE.yaml` has those of a zone."""
    found = {
        place: [await mesh.http(f"{name}-{place[5:]}-{n}", zone=place) for n in (1, 2)]
        for place in (NEAR, SAME_REGION, FAR)
    }
    files = {f"{name}.yaml": service(name)}
    files |= {zone_file(name, place): zone_text(name, found[place]) for place in found}
    await mesh.save(files)
    return found


def zone_file(name: str, place: str) -> str:
    return f"{name}-{place.partition('/')[2]}.yaml"


def zone_text(name: str, upstreams: list[HttpUpstream], *, is_ready: bool = True) -> str:
    return "".join(endpoint_slice(name, one, is_ready=is_ready) for one in upstreams)


async def assert_zones(loads: dict[str, Load], eu: set[str], us: set[str]) -> None:
    """Both instances of all of these zones, and no others, answer clients in the EU and the US."""
    found = await asyncio.gather(*(one.window(60) for one in loads.values()))
    for window, zones in zip(found, (eu, us), strict=True):
        assert set(window.zones) == zones, window.report()
        assert len(window.instances) == 2 * len(zones)


async def test_zones_that_leave_and_return_take_the_traffic_with_them_and_lose_nothing(
    mesh: Mesh,
) -> None:
    places = await three_places(mesh, "wandering")
    async with (
        load(mesh.port(IN_EU), "wandering") as eu,
        load(mesh.port(IN_US), "wandering") as us,
    ):
        loads = {IN_EU: eu, IN_US: us}

        async def leaves(place: str) -> None:
            await mesh.save({zone_file("wandering", place): None})

        async def returns(place: str) -> None:
            text = zone_text("wandering", places[place])
            await mesh.save({zone_file("wandering", place): text})

        await assert_zones(loads, {NEAR}, {FAR})
        await leaves(NEAR)
        await assert_zones(loads, {SAME_REGION}, {FAR})
        await leaves(SAME_REGION)
        await assert_zones(loads, {FAR}, {FAR})
        await returns(NEAR)
        await assert_zones(loads, {NEAR}, {FAR})
        await leaves(FAR)
        await assert_zones(loads, {NEAR}, {NEAR})
        await returns(SAME_REGION)
        await assert_zones(loads, {NEAR}, {NEAR, SAME_REGION})
        await returns(FAR)
        await assert_zones(loads, {NEAR}, {FAR})
    assert_nothing_lost(eu, us)


async def test_a_zone_that_is_not_ready_is_passed_over_and_comes_back(mesh: Mesh) -> None:
    places = await three_places(mesh, "starting")
    async with (
        load(mesh.port(IN_EU), "starting") as eu,
        load(mesh.port(IN_US), "starting") as us,
    ):
        loads = {IN_EU: eu, IN_US: us}
        text = zone_text("starting", places[NEAR], is_ready=False)
        await mesh.save({"starting-eu-1a.yaml": text})
        await assert_zones(loads, {SAME_REGION}, {FAR})
        await mesh.save({"starting-eu-1a.yaml": zone_text("starting", places[NEAR])})
        await assert_zones(loads, {NEAR}, {FAR})
    assert_nothing_lost(eu, us)


async def test_a_service_without_a_ready_endpoint_answers_503_until_it_has_one(
    mesh: Mesh,
) -> None:
    only = await mesh.http("only", zone=FAR)
    await mesh.save({"alone.yaml": service("alone"), "alone-1.yaml": zone_text("alone", [only])})
    for client in (IN_EU, IN_US):
        assert (await mesh.ask(client, "alone")).status == 200
    for text in (None, zone_text("alone", [only], is_ready=False)):
        await mesh.save({"alone-1.yaml": text})
        for client in (IN_EU, IN_US):
            answer = await mesh.ask(client, "alone")
            assert (answer.status, answer.body) == (503, b"no healthy upstream")
    await mesh.save({"alone-1.yaml": zone_text("alone", [only])})
    for client in (IN_EU, IN_US):
        assert (await mesh.ask(client, "alone")).status == 200


async def test_traffic_leaves_a_zone_whose_hosts_are_ejected(mesh: Mesh) -> None:
    host = "sick-zone.mesh"
    names = {"near": NEAR, "region": SAME_REGION, "far": FAR}
    places = [await mesh.http(name, zone=place) for name, place in names.items()]
    policy = "{outlierDetection: {consecutive5xxErrors: 2, interval: 1s, baseEjectionTime: 30s, maxEjectionPercent: 100}}"
    text = service_entry(host, *places) + destination_rule(host, policy=policy)
    await mesh.save({"sick-zone.yaml": text})
    near, same_region, _ = places

    async def answers(requests: int) -> dict[str, int]:
        return dict(await mesh.instances(IN_EU, host, requests))

    assert await answers(10) == {"near": 10}
    near.behaviour.status = 500
    assert await answers(2) == {"near": 2}
    await mesh.until_ejected(IN_EU, host, near)
    assert await answers(10) == {"region": 10}
    same_region.behaviour.status = 500
    assert await answers(2) == {"region": 2}
    await mesh.until_ejected(IN_EU, host, same_region)
    assert await answers(10) == {"far": 10}
