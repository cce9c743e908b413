"""What a DestinationRule takes: nothing that has no effect without a word, nothing too large."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.documents.kind_documents import document, manifest, only_object
from translators.kinds.destination_rule import DestinationRuleSpec
from translators.model.origin import Severity
from translators.model.policy import Keepalive

POLICY = "spec.trafficPolicy"


def rule(policy: str) -> str:
    return document("DestinationRule", f"host: a\ntrafficPolicy: {policy}")


@pytest.mark.parametrize(
    ("keepalive", "at", "message"),
    [
        ("{probes: 128}", "probes", "from 0 to 127"),
        ("{probes: 4294967295}", "probes", "from 0 to 127"),
        ("{time: 32768s}", "time", "from 1s to 32767s"),
        ("{interval: 9h7m}", "interval", "from 1s to 32767s"),
        ("{interval: 999ms}", "interval", "from 1s to 32767s"),
        ("{time: 87660000h}", "time", "from 1s to 32767s"),
    ],
)
def test_keepalive_is_limited_to_what_linux_holds(keepalive: str, at: str, message: str) -> None:
    (problem,) = manifest(
        rule(f"{{connectionPool: {{tcp: {{tcpKeepalive: {keepalive}}}}}}}")
    ).problems
    assert problem.severity is Severity.ERROR
    assert problem.path == f"{POLICY}.connectionPool.tcp.tcpKeepalive.{at}"
    assert message in problem.message


def keepalive_of(text: str) -> Keepalive | None:
    spec = only_object(text)
    assert isinstance(spec, DestinationRuleSpec)
    assert spec.policy is not None
    pool = spec.policy.blocks.connection_pool
    assert pool is not None
    return pool.tcp_keepalive


def test_keepalive_may_be_as_long_as_linux_keeps() -> None:
    text = rule(
        "{connectionPool: {tcp: {tcpKeepalive: {probes: 127, time: 32767s, interval: 1s}}}}"
    )
    assert not manifest(text).problems
    assert keepalive_of(text) == Keepalive(127, timedelta(seconds=32767), timedelta(seconds=1))


def test_a_fraction_of_a_second_is_told_of() -> None:
    text = rule("{connectionPool: {tcp: {tcpKeepalive: {time: 1.9s}}}}")
    (problem,) = manifest(text).problems
    assert problem.severity is Severity.WARNING
    assert "1s is used" in problem.message
    assert keepalive_of(text) == Keepalive(time=timedelta(seconds=1))


LEVELS = ["{BLOCKS}", "{portLevelSettings: [{port: {number: 80}, BLOCKS}]}"]


@pytest.mark.parametrize(
    ("blocks", "at", "message"),
    [
        (
            "outlierDetection: {consecutiveLocalOriginFailures: 1}",
            "outlierDetection.consecutiveLocalOriginFailures",
            "splitExternalLocalOriginErrors: true",
        ),
        (
            "outlierDetection: {consecutiveLocalOriginFailures: 1, splitExternalLocalOriginErrors: false}",
            "outlierDetection.consecutiveLocalOriginFailures",
            "splitExternalLocalOriginErrors: true",
        ),
        (
            "connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}",
            "connectionPool.http.useClientProtocol",
            "h2UpgradePolicy UPGRADE",
        ),
        ("connectionPool: {}", "connectionPool", "at least one of tcp, http"),
        (
            "loadBalancer: {zoneAware: {}}",
            "loadBalancer.zoneAware",
            "did you mean zoneAwareLbSetting?",
        ),
    ],
)
@pytest.mark.parametrize("level", LEVELS)
def test_what_would_have_no_effect_is_refused(
    level: str, blocks: str, at: str, message: str
) -> None:
    prefix = f"{POLICY}.portLevelSettings[0]" if "port" in level else POLICY
    (problem,) = manifest(rule(level.replace("BLOCKS", blocks))).problems
    assert problem.severity is Severity.ERROR
    assert problem.path == f"{prefix}.{at}"
    assert message in problem.message


@pytest.mark.parametrize(
    "policy",
    [
        "{outlierDetection: {consecutiveLocalOriginFailures: 0}}",
        "{outlierDetection: {consecutiveLocalOriginFailures: 1, splitExternalLocalOriginErrors: true}}",
        "{connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE, useClientProtocol: true}}}",
        "{connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: false}}}",
        "{connectionPool: {tcp: {}}}",
        "{outlierDetection: {}}",
    ],
)
def test_what_has_an_effect_is_accepted_without_a_word(policy: str) -> None:
    assert not manifest(rule(policy)).problems


@pytest.mark.parametrize(
    ("policy", "at"),
    [
        ("{}", ""),
        ("{loadBalancer: null}", ""),
        ("{portLevelSettings: [{port: {number: 80}}]}", ".portLevelSettings[0]"),
    ],
)
def test_a_policy_that_says_nothing_is_refused(policy: str, at: str) -> None:
    (problem,) = manifest(rule(policy)).problems
    assert problem.path == POLICY + at
    assert "give at least one of loadBalancer, connectionPool" in problem.message


@pytest.mark.parametrize(
    ("policy", "at"),
    [
        (
            "{loadBalancer: {zoneAwareLbSetting: {enabled: true}}}",
            "loadBalancer.zoneAwareLbSetting",
        ),
        (
            "{connectionPool: {http: {http2KeepAlive: {interval: 15s, timeout: 5s}}}}",
            "connectionPool.http.http2KeepAlive",
        ),
    ],
)
def test_fields_of_the_api_that_are_still_to_come_are_told_of(policy: str, at: str) -> None:
    (problem,) = manifest(rule(policy)).problems
    assert problem.severity is Severity.UNSUPPORTED
    assert problem.path == f"{POLICY}.{at}"


@pytest.mark.parametrize(
    ("names", "at"),
    [(['""'], 0), (["v1", "v1"], 1), (["v_1"], 0), (["-v"], 0), (["v" * 64], 0), (["V1"], None)],
)
def test_a_subset_has_a_name_of_its_own(names: list[str], at: int | None) -> None:
    subsets = ", ".join(f"{{name: {name}, labels: {{v: a}}}}" for name in names)
    paths = [
        p.path
        for p in manifest(document("DestinationRule", f"host: a\nsubsets: [{subsets}]")).problems
    ]
    assert paths == ([] if at is None else [f"spec.subsets[{at}].name"])
