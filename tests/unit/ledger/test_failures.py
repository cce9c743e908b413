"""Bugs of our own, made on purpose: who is told of them, and that only their host is harmed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice

import pytest

from tests.support.fakes.fake_envoy import FakeEnvoy, Mesh
from translators.clusters import outbound
from translators.database import Database, Reader
from translators.listeners import wildcard
from translators.model.proxy_node import Mode, ProxyNode
from translators.names import CLUSTER_TYPE, ENDPOINT_TYPE, ROUTE_TYPE
from translators.routes import virtual_hosts
from translators.world import clients, virtual_services, visible_services, workloads
from translators.world.buckets import bucket_of
from translators.world.exposure import Exposed
from xds_server.cli.wait import verdict
from xds_server.ledger import failures

WIRES = pytest.mark.parametrize("inline", [False, True], ids=["delta", "sotw"])
CAPTURED = ProxyNode("a.default", "a", "default", Mode.CAPTURED)
PROXYLESS = ProxyNode("a.default", "a", "default", Mode.PROXYLESS)
BUG = "/bug"


def service(name: str, protocol: str = "http") -> str:
    return f"""\
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec:
  ports: [{{name: {protocol}, port: 80}}]
"""


def policy(name: str, prefix: str) -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: default}}
spec:
  hosts: [{name}]
  http:
  - match: [{{uri: {{prefix: {prefix}}}}}]
    route: [{{destination: {{host: {name}}}}}]
"""


def web(name: str, prefix: str = "/") -> str:
    return f"{service(name)}---\n{policy(name, prefix)}"


def failing(
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    text: str,
    error: Exception | None = None,
) -> None:
    """Have a function of ours raise whenever an argument has this text."""
    function: Callable[..., object] = getattr(module, name)

    def broken(*args: object, **kwargs: object) -> object:
        if any(text in repr(each) for each in args):
            raise error or ValueError(f"no way to say '{text}'")
        return function(*args, **kwargs)

    monkeypatch.setattr(module, name, broken)


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of a policy that has this prefix cannot be translated."""
    failing(monkeypatch, virtual_hosts, "rule_routes", BUG)


def full(name: str) -> str:
    return f"{name}.default.svc.cluster.local"


def of_one_bucket(count: int) -> list[str]:
    """Names of services whose hosts are in the same bucket."""
    names = (f"s{number}" for number in range(10_000))
    return list(islice((each for each in names if bucket_of(full(each)) == 7), count))


def twin(name: str) -> str:
    """A ServiceEntry for the host of a Service."""
    return f"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: twin, namespace: default}}
spec:
  hosts: [{full(name)}]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
"""


def endpoint_slice(name: str, address: str) -> str:
    return f"""\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}, namespace: default, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: http, port: 80}}]
endpoints: [{{addresses: [{address}]}}]
"""


def hosts(envoy: FakeEnvoy) -> set[str]:
    """Which of these hosts an Envoy has routes for."""
    text = envoy.text("rds") + envoy.text("vhds")
    known = ("one", "two", "three", "four")
    return {name for name in known if f"{name}.default.svc".encode() in text}


def clusters(envoy: FakeEnvoy) -> set[str]:
    return {name.split("|")[-1].partition(".")[0] for name in envoy.names("cds") if "|" in name}


def problems(mesh: Mesh) -> list[tuple[str, str, str]]:
    return [(each.object, each.place, each.path) for each in mesh.core.status().problems]


@pytest.mark.usefixtures("bug")
def test_a_bug_is_a_problem_at_its_object_and_field_while_it_lasts() -> None:
    mesh = Mesh()
    mesh.save(one=web("one"), two=web("two"))
    mesh.connect("a.default")
    mesh.connect("b.other", inline=True)
    mesh.run()
    assert problems(mesh) == []
    assert mesh.metrics.problems == {}
    mesh.save(one=web("one", BUG))
    told = ("VirtualService default/one", "one.yaml:13", "spec.http[0].match[0].uri.prefix")
    assert problems(mesh) == [told]
    [problem] = mesh.core.status().problems
    assert problem.severity == "error"
    assert problem.message == (
        "cannot be translated, by a bug of chancery's: ValueError: no way to say '/bug' (in "
        "host_routes one.default.svc.cluster.local); what was made of it before stays, and all else "
        "goes on"
    )
    assert mesh.metrics.problems == {"error": 1}
    mesh.save(two=f"# moved\n{web('two')}", three=service("three"))
    assert problems(mesh) == [told]
    mesh.save(one=f"# one line down\n{web('one', BUG)}")
    assert problems(mesh) == [(told[0], "one.yaml:14", told[2])]
    mesh.save(one=web("one", "/fine"))
    assert problems(mesh) == []
    assert mesh.metrics.problems == {}
    mesh.save(one=web("one", BUG))
    mesh.save(one=None)
    assert problems(mesh) == []


@pytest.mark.usefixtures("bug")
def test_what_a_newcomer_makes_known_is_a_problem_too() -> None:
    mesh = Mesh()
    mesh.save(one=web("one", BUG))
    assert problems(mesh) == []
    envoy = mesh.connect("a.default")
    assert [each[0] for each in problems(mesh)] == ["VirtualService default/one"]
    assert mesh.metrics.translation_failures == 1
    mesh.connect("b.default")
    assert mesh.metrics.translation_failures == 1
    envoy.leave()
    mesh.envoys[0].leave()


@pytest.mark.usefixtures("bug")
@WIRES
def test_a_host_that_fails_keeps_what_it_was_and_the_others_go_on(inline: bool) -> None:
    mesh = Mesh()
    mesh.save(one=web("one", "/old"), two=web("two"))
    envoy = mesh.connect("a.default", inline=inline)
    mesh.run()
    mesh.save(one=web("one", BUG), two=web("two", "/new"), three=web("three", BUG))
    mesh.save(four=service("four"))
    mesh.run()
    assert hosts(envoy) == {"one", "two", "four"}
    text = envoy.text("rds") + envoy.text("vhds")
    assert b"/old" in text
    assert b"/new" in text
    mesh.save(one=web("one", "/mended"), three=web("three"))
    mesh.run()
    assert hosts(envoy) == {"one", "two", "three", "four"}
    assert b"/mended" in envoy.text("rds") + envoy.text("vhds")


@pytest.mark.usefixtures("bug")
@pytest.mark.parametrize("node", [None, CAPTURED], ids=["egress", "captured"])
@WIRES
def test_at_a_cold_start_only_the_host_that_fails_is_missing(
    inline: bool, node: ProxyNode | None
) -> None:
    mesh = Mesh()
    mesh.save(one=web("one", BUG), two=web("two"), three=service("three"))
    envoy = mesh.connect("a.default", inline=inline, node=node)
    mesh.run()
    assert hosts(envoy) == {"two", "three"}
    assert clusters(envoy) >= {"one", "two", "three"}
    mesh.save(one=web("one"))
    mesh.run()
    assert hosts(envoy) == {"one", "two", "three"}


@pytest.mark.usefixtures("bug")
def test_a_client_without_a_proxy_misses_the_host_that_fails_alone() -> None:
    mesh = Mesh()
    mesh.save(one=web("one", BUG), two=web("two"))
    mesh.connect("a.default", inline=True, node=PROXYLESS)
    made = {
        host: each.body
        for host in ("one", "two")
        for each in mesh.publisher.makings.current(ROUTE_TYPE, f"{full(host)}:80")
    }
    assert full("two").encode() in made["two"].replace(f"{full('two')}:80".encode(), b"", 1)
    assert made["one"].count(full("one").encode()) == 1


@pytest.mark.parametrize("is_cold", [True, False], ids=["cold", "warm"])
@pytest.mark.parametrize("node", [None, CAPTURED, PROXYLESS], ids=["egress", "captured", "grpc"])
@pytest.mark.parametrize("name", ["subsets_of", "policy_of"])
def test_a_host_that_cannot_be_listed_takes_nothing_else_of_its_bucket(
    monkeypatch: pytest.MonkeyPatch, name: str, node: ProxyNode | None, is_cold: bool
) -> None:
    bad, *others = of_one_bucket(3)
    mesh = Mesh()
    texts = {f"{each}.yaml": service(each) for each in (bad, *others)}
    mesh.save(texts)
    if is_cold:
        failing(monkeypatch, outbound, name, f"'{bad}.default")
    mesh.connect("a.default", inline=node is PROXYLESS, node=node)
    mesh.run()
    port = 80
    if not is_cold:
        failing(monkeypatch, outbound, name, f"'{bad}.default")
        port = 81
        mesh.save({each: text.replace("80", "81") for each, text in texts.items()})
        mesh.run()
    for other in others:
        cluster = f"outbound|{port}||{full(other)}"
        assert mesh.publisher.makings.current(CLUSTER_TYPE, cluster)
        assert mesh.publisher.makings.current(ENDPOINT_TYPE, cluster)
    assert [each[0] for each in problems(mesh)] == [f"Service default/{bad}"]


@pytest.mark.parametrize("node", [None, CAPTURED, PROXYLESS], ids=["egress", "captured", "grpc"])
@pytest.mark.parametrize("is_cold", [True, False], ids=["cold", "warm"])
def test_a_bucket_that_cannot_be_listed_takes_no_other_one(
    monkeypatch: pytest.MonkeyPatch, node: ProxyNode | None, is_cold: bool
) -> None:
    bad, other = of_one_bucket(1)[0], "one"
    assert bucket_of(full(other)) != bucket_of(full(bad))
    exposed_to = visible_services.exposed_to

    def broken(db: Reader, target: str, bucket: int) -> tuple[Exposed, ...]:
        if bucket == bucket_of(full(bad)):
            raise ValueError("no way to list these")
        return exposed_to(db, target, bucket)

    mesh = Mesh()
    mesh.save(bad=service(bad), other=service(other, "tls"), more=web("two"))
    if is_cold:
        monkeypatch.setattr(visible_services, "exposed_to", broken)
    envoy = mesh.connect("a.default", inline=True, node=node)
    mesh.run()
    if not is_cold:
        monkeypatch.setattr(visible_services, "exposed_to", broken)
        mesh.save(bad=service(bad).replace("80", "81"))
    mesh.save(more=web("two", "/new"))
    mesh.run()
    if node is PROXYLESS:
        assert mesh.publisher.makings.current(ROUTE_TYPE, f"{full('two')}:80")
    else:
        assert b"/new" in envoy.text("rds")
        assert (full(bad).encode() in envoy.text("rds")) is not is_cold
        assert full(other).encode() in envoy.text("lds" if node is CAPTURED else "rds")
    assert [each.object for each in mesh.core.status().problems] == [""]


def test_a_host_described_twice_takes_nothing_else_of_its_bucket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, other = of_one_bucket(2)
    failing(monkeypatch, visible_services, "service_of", f"{bad}.default")
    mesh = Mesh()
    mesh.save(a=service(bad), b=twin(bad), c=service(other))
    envoy = mesh.connect("a.default")
    mesh.run()
    assert f"{full(other)}:80".encode() in envoy.text("vhds")
    assert {each[0] for each in problems(mesh)} == {
        f"Service default/{bad}",
        "ServiceEntry default/twin",
    }


def test_a_service_without_an_address_takes_no_other_one_from_its_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, wildcard, "branches", "one.default")
    mesh = Mesh()
    mesh.save(one=service("one", "tls"), two=service("two", "tls"))
    envoy = mesh.connect("a.default", node=CAPTURED)
    mesh.run()
    assert b"two.default" in envoy.text("lds")
    assert b"one.default" not in envoy.text("lds")
    assert [each[0] for each in problems(mesh)] == ["Service default/one"]


async def at_once(mesh: Mesh, revision: int | None = None) -> list[str]:
    return verdict(await mesh.core.wait(revision, 0))


@pytest.mark.usefixtures("bug")
@WIRES
async def test_a_revision_that_could_not_be_translated_is_not_everywhere(inline: bool) -> None:
    mesh = Mesh()
    mesh.save(one=web("one"), two=web("two"))
    mesh.connect("a.default", inline=inline)
    mesh.run()
    broken = mesh.save(one=web("one", BUG))
    mesh.run()
    first, where, why = await at_once(mesh)
    assert first == (
        f"revision {broken} is not everywhere: chancery failed to translate a part of it, the rest "
        "is served"
    )
    assert where == "  one.yaml:13  VirtualService default/one  spec.http[0].match[0].uri.prefix"
    assert "no way to say '/bug'" in why
    result = await mesh.core.wait(broken, 0)
    assert (result.everywhere, result.exists, len(result.failed)) == (False, True, 1)
    later = mesh.save(two=web("two", "/new"))
    mesh.run()
    assert (await mesh.core.wait(later, 0)).everywhere
    assert not (await mesh.core.wait(broken, 0)).everywhere
    again = mesh.save(one=f"{web('one', BUG)}    timeout: 3s\n")
    mesh.run()
    assert not (await mesh.core.wait(again, 0)).everywhere
    mended = mesh.save(one=web("one"))
    mesh.run()
    for revision in (broken, later, again, mended):
        assert (await mesh.core.wait(revision, 0)).everywhere


@pytest.mark.usefixtures("bug")
async def test_who_waits_already_is_told_at_once_that_it_is_in_vain() -> None:
    mesh = Mesh()
    mesh.save(one=web("one"))
    mesh.connect("a.default")
    mesh.run()
    task = asyncio.get_running_loop().create_task(mesh.core.wait(mesh.publisher.revision + 1, 60))
    await asyncio.sleep(0)
    mesh.save(one=web("one", BUG))
    result = await asyncio.wait_for(task, 5)
    assert (result.everywhere, len(result.failed)) == (False, 1)


@pytest.mark.usefixtures("bug")
async def test_a_proxy_that_comes_later_blames_the_edit_and_not_the_newest_one() -> None:
    mesh = Mesh()
    broken = mesh.save(one=web("one", BUG))
    newest = mesh.save(two=web("two"))
    mesh.connect("a.default")
    mesh.run()
    assert not (await mesh.core.wait(broken, 0)).everywhere
    assert (await mesh.core.wait(newest, 0)).everywhere


def test_an_object_is_blamed_only_if_without_it_nothing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, virtual_hosts, "default_route", "one.default", KeyError("what"))
    mesh = Mesh()
    mesh.save(one=service("one"), two=web("two"), all=policy("three", "/"))
    mesh.connect("a.default")
    [problem] = mesh.core.status().problems
    assert (problem.object, problem.place, problem.path) == (
        "Service default/one", "one.yaml:1", "",
    )  # fmt: skip
    assert "KeyError: 'what'" in problem.message


def test_what_nothing_is_to_blame_for_is_told_without_an_object(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, virtual_hosts, "_placeholder", "placeholder")
    mesh = Mesh()
    mesh.connect("a.default")
    [problem] = mesh.core.status().problems
    assert (problem.object, problem.place, problem.path) == ("", "", "")
    assert "no way to say 'placeholder'" in problem.message


def test_of_very_many_failures_some_are_told_and_the_others_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failures, "FAILURES_TOLD", 3)
    failing(monkeypatch, virtual_hosts, "default_route", "default.svc")
    mesh = Mesh()
    mesh.save({f"s{number}.yaml": service(f"s{number}") for number in range(8)})
    mesh.connect("a.default")
    *told, last = mesh.core.status().problems
    assert len(told) == 3
    assert last.message == "5 more queries fail by bugs of chancery's"


def test_only_so_many_objects_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "OBJECTS_TRIED", 2)
    forks: list[Database] = []
    fork = Database.fork
    monkeypatch.setattr(Database, "fork", lambda db: forks.append(db) or fork(db))
    failing(monkeypatch, virtual_hosts, "default_route", "default.svc")
    mesh = Mesh()
    mesh.save({f"s{number}.yaml": service(f"s{number}") for number in range(4)})
    mesh.connect("a.default")
    assert len(forks) == 2
    assert {each[0] for each in problems(mesh)} == {f"Service default/s{n}" for n in range(4)}


@pytest.mark.parametrize("is_cold", [True, False], ids=["cold", "warm"])
async def test_an_object_that_cannot_be_filed_stays_what_it_was_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch, is_cold: bool
) -> None:
    mesh = Mesh()
    if not is_cold:
        mesh.save(one=web("one", "/old"), two=web("two"))
    envoy = mesh.connect("a.default")
    mesh.run()
    with monkeypatch.context() as patched:
        failing(patched, virtual_services, "meshed", "/bad")
        revision = mesh.save(one=web("one", "/bad"), two=web("two", "/new"))
        mesh.run()
        assert hosts(envoy) == {"one", "two"}
        assert b"/new" in envoy.text("vhds")
        assert b"/bad" not in envoy.text("vhds")
        assert (b"/old" in envoy.text("vhds")) is not is_cold
        assert [each[:2] for each in problems(mesh)] == [
            ("VirtualService default/one", "one.yaml:13")
        ]
        result = await mesh.core.wait(revision, 0)
        assert (result.everywhere, len(result.failed)) == (False, 1)
        mesh.save(one=service("one"))
        assert problems(mesh) == []
        mesh.save(one=web("one", "/bad"))
        assert problems(mesh) != []
    mesh.save(one=web("one", "/mended"))
    mesh.run()
    assert problems(mesh) == []
    assert b"/mended" in envoy.text("vhds")


def test_a_bug_in_what_rules_select_does_not_keep_proxies_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, clients, "index_pairs", "by source label")
    mesh = Mesh()
    mesh.save(one=web("one"))
    labels = frozenset({("app", "web")})
    node = ProxyNode("a.default", "a", "default", Mode.EGRESS, labels=labels)
    envoy = mesh.connect("a.default", node=node)
    mesh.run()
    assert hosts(envoy) == {"one"}


def test_a_bug_in_what_a_workload_serves_does_not_keep_its_proxy_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, workloads, "_order", "one.default")
    mesh = Mesh()
    mesh.save(one=web("one"), slice=endpoint_slice("one", "10.0.0.9"))
    node = ProxyNode("a.default", "a", "default", Mode.EGRESS, addresses=("10.0.0.9",))
    envoy = mesh.connect("a.default", node=node)
    mesh.run()
    assert hosts(envoy) == {"one"}
    assert {each[0] for each in problems(mesh)} == {
        "EndpointSlice default/one",
        "Service default/one",
    }
