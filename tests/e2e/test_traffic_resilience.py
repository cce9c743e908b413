"""Limits, ejection, timeouts and retries, seen in answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.processes.load import load
from tests.support.processes.traffic import (
    CLIENTS,
    DELTA,
    Answer,
    Mesh,
    assert_nothing_lost,
    destination_rule,
    running_mesh,
    service_entry,
    to_host,
    virtual_service,
)
from tests.support.processes.upstreams import HttpUpstream
from tests.support.processes.waiting import eventually

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

NO_RETRIES = "retries: {attempts: 0}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    clients = {DELTA: CLIENTS[DELTA]}
    async with running_mesh(tmp_path_factory.mktemp("resilience"), clients=clients) as running:
        yield running


async def instances_of(mesh: Mesh, host: str, count: int, more: str = "") -> list[HttpUpstream]:
    """A service with that many instances, and more documents about it."""
    found = [await mesh.http(f"{host}-{number}") for number in range(count)]
    await mesh.save({f"{host}.yaml": service_entry(host, *found) + more})
    return found


async def at_once(mesh: Mesh, host: str, requests: int) -> list[Answer]:
    return await asyncio.gather(*(mesh.ask(DELTA, host) for _ in range(requests)))


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


async def test_requests_beyond_the_limit_are_told_so_and_those_within_it_are_served(
    mesh: Mesh,
) -> None:
    host = "limited.mesh"
    limit = "{connectionPool: {http: {http2MaxRequests: 3}}}"
    (only,) = await instances_of(mesh, host, 1, destination_rule(host, policy=limit))
    only.behaviour.delay = 0.4
    answers = await at_once(mesh, host, 12)
    assert statuses(answers) == {200: 3, 503: 9}
    for answer in answers:
        assert answer.headers.get("x-envoy-overloaded") == (
            "true" if answer.status == 503 else None
        )
    assert only.instance.requests == 3
    assert statuses(await at_once(mesh, host, 3)) == {200: 3}

    await mesh.save({f"{host}.yaml": service_entry(host, only)})
    assert statuses(await at_once(mesh, host, 12)) == {200: 12}


async def test_a_limit_on_connections_and_waiting_requests_holds(mesh: Mesh) -> None:
    host = "narrow.mesh"
    limit = "{connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 2}}}"
    (only,) = await instances_of(mesh, host, 1, destination_rule(host, policy=limit))
    assert (await mesh.ask(DELTA, host)).status == 200
    only.behaviour.delay = 0.2
    answers = await at_once(mesh, host, 8)
    assert statuses(answers) == {200: 3, 503: 5}
    assert {a.headers.get("x-envoy-overloaded") for a in answers if a.status == 503} == {"true"}
    assert statuses(await at_once(mesh, host, 3)) == {200: 3}


async def test_a_limit_that_changes_under_load_loses_nothing(mesh: Mesh) -> None:
    host = "tuned.mesh"
    await instances_of(mesh, host, 2)
    async with load(mesh.port(DELTA), host) as running:
        for limit in (200, 100, 300):
            policy = f"{{connectionPool: {{http: {{http2MaxRequests: {limit}}}}}}}"
            await mesh.save({"tuned-rule.yaml": destination_rule(host, policy=policy)})
            await running.seen(30)
    assert_nothing_lost(running)


EJECTION = "consecutive5xxErrors: 3, interval: 200ms, baseEjectionTime: 1s"


async def test_a_host_that_keeps_failing_is_ejected_and_comes_back(mesh: Mesh) -> None:
    host = "recovering.mesh"
    policy = f"{{loadBalancer: {{simple: ROUND_ROBIN}}, outlierDetection: {{{EJECTION}, maxEjectionPercent: 50}}}}"
    well, sick = await instances_of(mesh, host, 2, destination_rule(host, policy=policy))
    sick.behaviour.status = 500
    assert statuses([await mesh.ask(DELTA, host) for _ in range(6)]) == {500: 3, 200: 3}
    await mesh.until_ejected(DELTA, host, sick)
    assert statuses([await mesh.ask(DELTA, host) for _ in range(20)]) == {200: 20}
    assert sick.instance.requests == 3

    sick.behaviour.status = 200

    async def is_back() -> bool:
        assert (await mesh.ask(DELTA, host)).status == 200
        return sick.instance.requests > 3

    await eventually(is_back, "the ejected host gets requests again", timeout=8)
    found = await mesh.instances(DELTA, host, 20)
    assert found == {well.instance.name: 10, sick.instance.name: 10}


async def test_one_of_two_hosts_is_ejected_when_no_share_is_given(mesh: Mesh) -> None:
    host = "pair.mesh"
    policy = "{loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 3, baseEjectionTime: 30s}}"
    well, sick = await instances_of(mesh, host, 2, destination_rule(host, policy=policy))
    sick.behaviour.status = 500
    assert statuses([await mesh.ask(DELTA, host) for _ in range(6)]) == {500: 3, 200: 3}
    await mesh.until_ejected(DELTA, host, sick)
    assert statuses([await mesh.ask(DELTA, host) for _ in range(20)]) == {200: 20}
    # The share that may be ejected is used up: the other one stays, however sick.
    well.behaviour.status = 500
    answers = [await mesh.ask(DELTA, host) for _ in range(10)]
    assert Counter(answer.instance for answer in answers) == {well.instance.name: 10}


async def test_without_outlier_detection_nobody_is_ejected(mesh: Mesh) -> None:
    host = "patient.mesh"
    policy = "{loadBalancer: {simple: ROUND_ROBIN}}"
    _, sick = await instances_of(mesh, host, 2, destination_rule(host, policy=policy))
    sick.behaviour.status = 500
    assert statuses([await mesh.ask(DELTA, host) for _ in range(20)]) == {500: 10, 200: 10}


async def test_a_timeout_answers_504_and_without_one_nothing_is_cut_off(mesh: Mesh) -> None:
    host = "slow.mesh"
    short = to_host(host, f"timeout: 0.2s, {NO_RETRIES}", prefix="/short")
    (only,) = await instances_of(mesh, host, 1, virtual_service(host, short, to_host(host)))
    only.behaviour.delay = 0.6
    loop = asyncio.get_running_loop()
    began = loop.time()
    cut = await mesh.ask(DELTA, host, "/short")
    assert (cut.status, cut.body) == (504, b"upstream request timeout")
    assert 0.15 < loop.time() - began < 0.6
    assert (await mesh.ask(DELTA, host, "/long")).status == 200


async def test_a_failed_try_goes_to_another_host_by_default(mesh: Mesh) -> None:
    host = "flaky.mesh"
    rule = to_host(host, NO_RETRIES, prefix="/once")
    policies = virtual_service(host, rule, to_host(host))
    policies += destination_rule(host, policy="{loadBalancer: {simple: ROUND_ROBIN}}")
    well, flaky = await instances_of(mesh, host, 2, policies)
    flaky.behaviour.status = 503
    answers = [await mesh.ask(DELTA, host, "/often") for _ in range(20)]
    assert {answer.instance for answer in answers} == {well.instance.name}
    tries = Counter(answer.seen["headers"]["x-envoy-attempt-count"] for answer in answers)
    assert "2" in tries

    once = [await mesh.ask(DELTA, host, "/once") for _ in range(20)]
    assert statuses(once) == {200: 10, 503: 10}

    flaky.behaviour.status = 500  # not among the defaults: the request may have been carried out
    assert 500 in statuses([await mesh.ask(DELTA, host, "/often") for _ in range(4)])


async def test_a_host_that_refuses_connections_costs_no_request(mesh: Mesh) -> None:
    host = "closed.mesh"
    well, closed = await instances_of(mesh, host, 2)
    await closed.refuse()
    found = await mesh.instances(DELTA, host, 30)
    assert found == {well.instance.name: 30}


async def test_retries_happen_as_often_and_for_what_the_rule_says(mesh: Mesh) -> None:
    host = "retried.mesh"
    for_5xx = to_host(host, "retries: {attempts: 3, retryOn: 5xx, backoff: 1ms}")
    for_418 = to_host(host, 'retries: {attempts: 1, retryOn: "418", backoff: 1ms}', prefix="/418")
    (only,) = await instances_of(mesh, host, 1, virtual_service(host, for_418, for_5xx))
    only.behaviour.status = 500
    assert (await mesh.ask(DELTA, host, "/x")).seen["headers"]["x-envoy-attempt-count"] == "4"
    assert only.instance.requests == 4
    only.behaviour.status = 418
    await mesh.ask(DELTA, host, "/418")
    assert only.instance.requests == 6
    await mesh.ask(DELTA, host, "/x")
    assert only.instance.requests == 7


async def test_a_slow_try_is_given_up_for_another_host(mesh: Mesh) -> None:
    host = "hung.mesh"
    rule = to_host(host, "retries: {attempts: 2, perTryTimeout: 150ms, retryOn: gateway-error}")
    policies = virtual_service(host, rule)
    policies += destination_rule(host, policy="{loadBalancer: {simple: ROUND_ROBIN}}")
    well, hung = await instances_of(mesh, host, 2, policies)
    hung.behaviour.delay = 2.0
    answers = await at_once(mesh, host, 10)
    assert Counter((a.status, a.instance) for a in answers) == {(200, well.instance.name): 10}
    assert hung.instance.requests > 0
