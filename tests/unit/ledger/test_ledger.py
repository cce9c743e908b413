"""What is where: `status`, `wait` and the metrics of convergence."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.fakes.fake_envoy import FakeEnvoy, Mesh, containing
from translators.database import Failure, query
from translators.model.resource import resource
from translators.names import CLUSTER_TYPE
from xds_server.ads.diff import Response
from xds_server.log import TextFormatter
from xds_server.quarantine.rejection import Progress
from xds_server.status import TypeState, WaitResult

POISON = containing("poison", saying="Proto constraint validation failed")


def web(prefix: str = "/") -> str:
    return f"""\
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: default}}
spec:
  ports: [{{name: http, port: 80}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web, namespace: default}}
spec:
  hosts: [web]
  http:
  - match:
    - uri:
        prefix: {prefix}
    route:
    - destination: {{host: web}}
"""


def only_for(namespace: str, prefix: str) -> str:
    """A service that one namespace can see, and its policy."""
    return f"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: own, namespace: {namespace}}}
spec:
  hosts: [own.example.com]
  exportTo: ["."]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: own, namespace: {namespace}}}
spec:
  hosts: [own.example.com]
  exportTo: ["."]
  http:
  - match:
    - uri:
        prefix: {prefix}
    route:
    - destination: {{host: own.example.com}}
"""


def started(*ids: str) -> tuple[Mesh, list[FakeEnvoy]]:
    mesh = Mesh(judge=POISON)
    mesh.save(web=web())
    envoys = [mesh.connect(each, POISON) for each in ids]
    mesh.run()
    return mesh, envoys


async def at_once(mesh: Mesh, revision: int | None = None) -> WaitResult:
    return await mesh.core.wait(revision, 0)


async def waiting(mesh: Mesh, revision: int | None = None) -> asyncio.Task[WaitResult]:
    """A question that waits by now."""
    task = asyncio.get_running_loop().create_task(mesh.core.wait(revision, 5))
    await asyncio.sleep(0)
    return task


async def is_still_waiting(task: asyncio.Task[WaitResult]) -> bool:
    for _ in range(3):
        await asyncio.sleep(0)
    return not task.done()


async def test_a_revision_is_everywhere_when_the_last_proxy_has_answered() -> None:
    mesh, _ = started("a.default", "b.default")
    revision = mesh.save(web=web("/new"))
    result = await at_once(mesh)
    assert not result.everywhere
    assert [(lack.proxy, lack.types, lack.reason) for lack in result.lacking] == [
        ("a.default", ("vhds",), "no answer yet"),
        ("b.default", ("vhds",), "no answer yet"),
    ]
    task = await waiting(mesh)
    mesh.run()
    result = await task
    assert (result.revision, result.everywhere, result.lacking) == (revision, True, ())


async def test_without_proxies_every_revision_is_everywhere() -> None:
    mesh, _ = started()
    assert (await at_once(mesh)).everywhere
    assert mesh.metrics.converged_revision == mesh.publisher.revision


async def test_a_revision_that_does_not_exist_yet_is_waited_for() -> None:
    mesh, _ = started("a.default")
    future = mesh.publisher.revision + 2
    result = await at_once(mesh, future)
    assert (result.everywhere, result.lacking) == (False, ())
    task = await waiting(mesh, future)
    mesh.save(web=web("/1"))
    mesh.run()
    assert await is_still_waiting(task)
    mesh.save(web=web("/2"))
    assert await is_still_waiting(task)
    mesh.run()
    assert (await task).everywhere


async def test_a_revision_number_that_the_quarantine_took_does_not_hang() -> None:
    mesh, _ = started("a.default")
    future = mesh.publisher.revision + 2
    task = await waiting(mesh, future)
    mesh.save(web=web("/poison"))
    mesh.run()
    result = await task
    assert (result.everywhere, len(result.rejected)) == (False, 1)


async def test_a_proxy_that_leaves_is_not_waited_for() -> None:
    mesh, (_, frozen) = started("a.default", "b.default")
    frozen.is_frozen = True
    mesh.save(web=web("/new"))
    task = await waiting(mesh)
    mesh.run()
    assert await is_still_waiting(task)
    frozen.leave()
    result = await task
    assert (result.everywhere, result.proxies) == (True, 1)


async def test_a_proxy_that_comes_back_meanwhile_is_waited_for() -> None:
    mesh, (one, other) = started("a.default", "b.default")
    other.is_frozen = True
    mesh.save(web=web("/new"))
    task = await waiting(mesh)
    mesh.run()
    again = mesh.connect("b.default", POISON, has=other)
    other.leave()
    assert await is_still_waiting(task)
    mesh.run()
    assert (await task).everywhere
    assert b"/new" in again.text("vhds")
    assert b"/new" in one.text("vhds")


async def test_an_edit_that_changes_nothing_for_a_proxy_is_with_it_at_once() -> None:
    mesh, (envoy,) = started("a.default")
    before = envoy.responses
    mesh.save(own=only_for("elsewhere", "/"))
    assert (await at_once(mesh)).everywhere
    assert mesh.run() == 0
    assert envoy.responses == before
    [proxy] = mesh.core.status().proxies
    assert proxy.revision == mesh.publisher.revision == mesh.metrics.converged_revision


async def test_such_an_edit_is_not_with_a_proxy_that_lacks_an_earlier_one() -> None:
    mesh, (envoy,) = started("a.default")
    envoy.is_frozen = True
    first = mesh.save(web=web("/new"))
    second = mesh.save(own=only_for("elsewhere", "/"))
    assert second > first
    assert not (await at_once(mesh)).everywhere
    [proxy] = mesh.core.status().proxies
    assert proxy.revision == first - 1
    assert mesh.metrics.converged_revision < first
    envoy.is_frozen = False
    mesh.run()
    assert mesh.metrics.converged_revision == second
    assert (await at_once(mesh)).everywhere


async def test_waiting_for_a_poison_fails_at_once_and_names_it() -> None:
    mesh, _ = started("a.default", "b.default")
    revision = mesh.save(web=web("/poison"))
    task = await waiting(mesh, revision)
    mesh.run()
    result = await task
    assert not result.everywhere
    [rejected] = result.rejected
    assert (rejected.object, rejected.place, rejected.path) == (
        "VirtualService default/web",
        "web.yaml:15",
        "spec.http[0].match[0].uri.prefix",
    )
    assert rejected.serving == "the last good version"
    assert set(rejected.proxies) <= {"a.default", "b.default"}
    assert rejected.proxies
    for asked in (None, revision):
        later = await at_once(mesh, asked)
        assert (later.everywhere, later.rejected, later.lacking) == (False, (rejected,), ())
    assert (await at_once(mesh, revision - 1)).everywhere


async def test_nobody_fails_by_the_poison_of_an_earlier_edit_and_everybody_is_told() -> None:
    mesh, _ = started("a.default")
    poisoned = mesh.save(web=web("/poison"))
    mesh.run()
    mesh.save(own=only_for("default", "/"))
    mesh.run()
    result = await at_once(mesh)
    assert result.everywhere
    assert [each.object for each in result.held_back] == ["VirtualService default/web"]
    assert not (await at_once(mesh, poisoned)).everywhere
    mesh.save(web=web("/repaired"))
    mesh.run()
    assert (await at_once(mesh)).held_back == ()
    assert (await at_once(mesh, poisoned)).everywhere


async def test_a_wait_does_not_end_while_something_is_judged() -> None:
    mesh, (envoy,) = started("a.default")
    mesh.save(web=web("/poison"), own=only_for("default", "/new"))
    task = await waiting(mesh)
    for _ in range(10):
        for answer in envoy.read():
            answer()
    assert mesh.quarantine.is_trying
    assert await is_still_waiting(task)
    mesh.run()
    result = await task
    assert [each.object for each in result.rejected] == ["VirtualService default/web"]


async def test_a_proxy_that_rejects_what_others_have_lacks_it() -> None:
    mesh, _ = started("a.default")
    mesh.tick(60)
    mesh.connect("odd.default", containing("web", saying="unknown field", types="vhds"))
    mesh.run()
    result = await at_once(mesh)
    assert [(lack.proxy, lack.types, lack.reason) for lack in result.lacking] == [
        ("odd.default", ("vhds",), "unknown field")
    ]
    assert result.rejected == ()
    odd = mesh.core.status().proxies[1]
    assert {row.type: row.state for row in odd.types}["vhds"] is TypeState.REJECTED


async def test_the_status_tells_acked_from_behind() -> None:
    mesh, (envoy,) = started("a.default")

    def states() -> dict[str, TypeState]:
        [proxy] = mesh.core.status().proxies
        return {row.type: row.state for row in proxy.types}

    assert set(states()) == {"cds", "eds", "lds", "rds", "vhds"}
    assert set(states().values()) == {TypeState.ACKED}
    envoy.is_frozen = True
    mesh.save(web=web("/new"))
    assert states()["vhds"] is TypeState.BEHIND
    envoy.is_frozen = False
    mesh.run()
    assert set(states().values()) == {TypeState.ACKED}


async def test_a_proxy_that_changes_its_group_lacks_everything_until_it_has_answered() -> None:
    mesh, (envoy, other) = started("a.default", "b.elsewhere")
    mesh.save(own=only_for("default", "/"))
    mesh.run()
    assert envoy.member.group is not other.member.group
    envoy.member.group = other.member.group
    mesh.publisher.touch()
    assert [lack.proxy for lack in (await at_once(mesh)).lacking] == ["a.default"]
    envoy.stream.on_snapshot_change()
    mesh.run()
    assert (await at_once(mesh)).everywhere


@pytest.mark.parametrize("inline", [False, True])
async def test_convergence_is_timed_for_each_revision(inline: bool) -> None:
    mesh = Mesh()
    mesh.save(web=web())
    envoy = mesh.connect("a.default", POISON, inline=inline)
    mesh.run()
    seen = sum(mesh.metrics.convergence.counts)
    mesh.save(web=web("/new"))
    mesh.clock.advance(0.2)
    for answer in envoy.read():
        answer()
    mesh.run()
    assert sum(mesh.metrics.convergence.counts) == seen + 1
    assert mesh.metrics.convergence.total_seconds == pytest.approx(0.2)
    assert mesh.metrics.converged_revision == mesh.metrics.revision == mesh.publisher.revision


async def test_a_thousand_edits_leave_nothing_behind() -> None:
    mesh, (envoy,) = started("a.default")
    envoy.is_frozen = True
    for number in range(1100):
        mesh.save(web=web(f"/{number % 7}"))
    envoy.is_frozen = False
    mesh.run()
    mesh.tick(60)
    assert not mesh.ledger._convergence._under_way
    assert len(mesh.ledger._edits) <= 1024
    assert len(mesh.core.edits.history) == 0
    assert not mesh.acceptance.unproven


async def test_what_is_held_back_is_counted() -> None:
    mesh, _ = started("a.default")
    assert mesh.metrics.quarantined == 0
    mesh.save(web=web("/poison"))
    mesh.run()
    assert mesh.metrics.quarantined == 1
    mesh.save(web=web("/repaired"))
    assert mesh.metrics.quarantined == 0


def test_a_bug_in_a_query_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    @query
    def broken(_db: object) -> int:
        raise ValueError("deep inside")

    mesh, _ = started()
    failure = mesh.database.outcome(broken.ref())
    assert isinstance(failure, Failure)
    mesh.ledger.translation_failed(failure)
    [record] = [each for each in caplog.records if each.getMessage() == "translation failed"]
    trace = record.traceback.splitlines()
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[-1] == "ValueError: deep inside"
    assert any(", in broken" in line for line in trace)
    assert mesh.metrics.translation_failures == 1


async def test_a_revision_that_came_of_an_edit_by_itself_exists_for_who_waits() -> None:
    mesh, _ = started("a.default")
    mesh.save(web=web("/poison"))
    mesh.run()
    mesh.save(web=web("/fine"))
    mesh.run()
    before = mesh.publisher.revision
    tasks = [await waiting(mesh, before + ahead) for ahead in range(1, 4)]
    # What was rejected is made again, and is withheld in the same breath.
    mesh.save(web=web("/poison"))
    mesh.run()
    reached = mesh.publisher.revision - before
    assert reached > 1
    for ahead, task in enumerate(tasks, 1):
        if ahead <= reached:
            result = await task
            assert (result.exists, len(result.rejected)) == (True, 1)
        else:
            assert await is_still_waiting(task)
            task.cancel()


async def test_a_revision_exists_for_who_waits_whoever_made_it() -> None:
    mesh, _ = started("a.default")
    task = await waiting(mesh, mesh.publisher.revision + 1)
    mesh.publisher.touch()
    assert await is_still_waiting(task)
    mesh.ledger.progressed(Progress())
    assert (await task).everywhere


async def test_of_two_revisions_only_one_exists() -> None:
    mesh, _ = started("a.default")
    newest = mesh.publisher.revision
    assert (await at_once(mesh, newest)).exists
    assert (await at_once(mesh)).exists
    assert not (await at_once(mesh, newest + 1)).exists


async def test_what_envoy_says_is_told_without_its_dump(caplog: pytest.LogCaptureFixture) -> None:
    dump = (
        'goo.gle/debugstr  \nname: "80/web"\nroutes {\n  direct_response {\n    status: 99\n  }\n}\n'
        ": Proto constraint validation failed (VirtualHostValidationError.Routes[0]: embedded "
        "message failed validation | caused by RouteValidationError.DirectResponse: embedded "
        "message failed validation | caused by DirectResponseActionValidationError.Status: value "
        "must be inside range [200, 600))"
    )
    short = (
        "80/web: field routes[0].direct_response.status is 99: value must be inside range "
        "[200, 600)"
    )
    mesh = Mesh()
    mesh.save(web=web())
    mesh.connect("a.default", lambda _type, _name, body: dump if b"/bad" in body else "")
    mesh.run()
    revision = mesh.save(web=web("/bad"))
    mesh.run()
    [record] = [each for each in caplog.records if each.getMessage() == "response rejected"]
    assert f'reason="{short}"' in TextFormatter().format(record)
    told = [each.reason for each in mesh.core.status().rejections]
    told += [each.reason for each in (await at_once(mesh, revision)).rejected]
    assert told == [short, short]


def test_the_same_rejection_again_and_again_is_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mesh = Mesh()
    mesh.save(web=web())
    envoy = mesh.connect("web.default")
    mesh.run()
    url = CLUSTER_TYPE
    for _ in range(50):
        bad = Response((resource(url, "a", b"1"),), (), b"")
        assert mesh.ledger.nacked(envoy.stream, url, bad, 13, "no such field")
    other = Response((resource(url, "a", b"2"),), (), b"")
    assert mesh.ledger.nacked(envoy.stream, url, other, 13, "no such field")
    lines = [each for each in caplog.records if each.getMessage() == "response rejected"]
    assert len(lines) == 2
