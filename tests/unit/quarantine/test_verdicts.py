"""Who is convicted, for which field, for how long, and what waits for the judge."""

from __future__ import annotations

import pytest

from tests.support.fakes.fake_envoy import FakeEnvoy, Mesh, Rejects, containing, takes_all
from tests.unit.quarantine.test_quarantine import (
    POISON,
    holds,
    is_quiet,
    mesh_of,
    policy,
    rule,
    service,
)
from translators.object_key import ObjectKey
from xds_server.quarantine.memory import read, written


def both(*texts: str) -> Rejects:
    """Rejects resources that have all of the texts."""

    def rejects(_short: str, name: str, body: bytes) -> str:
        return f"{name}: clash" if all(text.encode() in body for text in texts) else ""

    return rejects


def aged(text: str, year: int) -> str:
    return text.replace(
        "namespace: default}", f"namespace: default, creationTimestamp: '{year}-01-01T00:00:00Z'}}"
    )


def mesh_with(rejects: Rejects, **files: str) -> tuple[Mesh, FakeEnvoy]:
    mesh = Mesh(judge=rejects)
    mesh.save(**files)
    envoy = mesh.connect("a.default", rejects)
    mesh.run()
    return mesh, envoy


def test_an_edit_that_uncovers_an_old_mistake_is_not_to_blame_but_named() -> None:
    hidden = aged(policy("web", "/poison"), 2025).replace("{name: web,", "{name: young,")
    mesh, envoy = mesh_with(
        POISON, web=service("web"), old=aged(policy("web", "/old"), 2024), young=hidden
    )
    assert holds(envoy, "/old") == 1
    mesh.save(old=None)
    mesh.run()
    assert mesh.rejected == {"VirtualService/young"}
    [rejection] = mesh.core.status().rejections
    assert "brought to light by VirtualService default/web" in rejection.reason
    assert holds(envoy, "/poison") == 0
    mesh.save(old=aged(policy("web", "/older"), 2024))
    mesh.run()
    assert holds(envoy, "/older") == 1


def test_two_bad_objects_of_one_resource_are_both_found() -> None:
    mesh, envoy = mesh_with(
        POISON,
        web=service("web"),
        one=policy("web", "/a")
        .replace("{name: web,", "{name: one,")
        .replace("hosts: [web]", "hosts: [web]"),
        rule=rule("web", "s"),
    )
    mesh.save(
        one=policy("web", "/poison").replace("{name: web,", "{name: one,"),
        rule=rule("web", "poison"),
    )
    mesh.run()
    assert mesh.rejected == {"VirtualService/one", "DestinationRule/web"}
    assert b"poison" not in envoy.text("vhds") + envoy.text("cds")
    is_quiet(mesh)


def test_a_verdict_ends_when_what_it_clashed_with_changes() -> None:
    clash = both("10.9.9.9", "poison")
    mesh, envoy = mesh_with(clash, web=service("web"), policy=policy("web", "/a"))
    mesh.judge = envoy.rejects = containing("/poison")
    mesh.save(policy=policy("web", "/poison"))
    mesh.run()
    assert mesh.rejected == {"VirtualService/web"}
    mesh.judge = envoy.rejects = takes_all
    mesh.save(web=service("web").replace("port: 80}", "port: 80, appProtocol: http}"))
    mesh.run()
    assert mesh.rejected == set()
    assert holds(envoy, "/poison") == 1


def test_a_verdict_is_looked_into_again_after_a_while() -> None:
    mesh, envoy = mesh_with(POISON, web=service("web"), policy=policy("web", "/a"))
    mesh.save(policy=policy("web", "/poison"))
    mesh.run()
    mesh.judge = envoy.rejects = takes_all
    mesh.tick(50)
    assert mesh.rejected
    mesh.tick(20)
    assert not mesh.rejected
    assert holds(envoy, "/poison") == 1
    is_quiet(mesh)


def test_nobody_is_convicted_when_nothing_makes_the_world_good() -> None:
    mesh, envoy = mesh_with(POISON, web=service("web"), policy=policy("web", "/a"))
    everything = containing("web", types="vhds")
    mesh.judge = envoy.rejects = everything
    mesh.quarantine.docket._verdicts.clear()
    mesh.save(policy=policy("web", "/b"))
    mesh.run()
    assert not mesh.rejected
    [held] = mesh.quarantine.unexplained.values()
    assert held.is_serving
    assert holds(envoy, "/a") == 1


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        # What changed is put back, and nothing else is looked at.
        (policy("web", "/a"), policy("web", "/poison"), "spec.http[0].match[0].uri.prefix"),
        # Of several changes the one that helps.
        (
            policy("web", "/a", timeout="1s"),
            policy("web", "/b", timeout="2s", rewrite="{uri: /poison}"),
            "spec.http[0].rewrite.uri",
        ),
        # A new object: pieces are taken out, from the outside inwards.
        (
            None,
            policy("web", "/a", timeout="1s", rewrite="{uri: /poison}"),
            "spec.http[0].rewrite.uri",
        ),
        (
            None,
            policy("web", "/a")
            + "  - match: [{uri: {exact: /poison}}]\n    route: [{destination: {host: web}}]\n",
            "spec.http[1].match[0].uri.exact",
        ),
    ],
)
def test_the_field_is_found_by_trying(before: str | None, after: str, path: str) -> None:
    silent = containing("poison", saying="no")
    files = {"web": service("web")} | ({"policy": before} if before else {})
    mesh, _ = mesh_with(silent, **files)
    mesh.save(policy=after)
    mesh.run()
    [rejection] = mesh.quarantine.rejections.values()
    assert rejection.path == path
    assert rejection.place.startswith("policy.yaml:")


def test_with_preflight_no_proxy_sees_what_the_judge_rejects() -> None:
    mesh = mesh_of(3)
    envoy, other = mesh.connect("a.default", POISON), mesh.connect("b.default", POISON, inline=True)
    mesh.run()
    mesh.core.found_judge("1.40.0", is_asked_first=True)
    mesh.save({"svc-000.yaml": service("svc-000") + "---\n" + policy("svc-000", "/poison")})
    assert not envoy.read()
    assert not other.read()
    mesh.run()
    assert mesh.rejected == {"VirtualService/svc-000"}
    assert (envoy.blamed, other.blamed) == ([], [])
    mesh.save({"svc-000.yaml": service("svc-000") + "---\n" + policy("svc-000", "/good")})
    assert holds(envoy, "/good") == 0
    mesh.run()
    assert [holds(each, "/good") for each in (envoy, other)] == [1, 1]
    is_quiet(mesh)


def test_with_preflight_endpoints_never_wait() -> None:
    mesh = mesh_of(2)
    slices = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: svc-000-1, namespace: default, labels: {kubernetes.io/service-name: svc-000}}
addressType: IPv4
ports: [{name: http, port: 80}]
endpoints: [{addresses: [10.0.0.1]}]
"""
    mesh.save(slices=slices)
    envoy = mesh.connect("a.default")
    mesh.run()
    mesh.core.found_judge("1.40.0", is_asked_first=True)
    mesh.judge, asked = None, len(mesh.asked)
    mesh.save(slices=slices.replace("10.0.0.1", "10.0.0.2"))
    mesh.run()
    assert b"10.0.0.2" in envoy.text("eds")
    assert len(mesh.asked) == asked


async def test_with_preflight_a_wait_ends_when_proxies_have_what_was_judged() -> None:
    mesh = mesh_of(2)
    envoy = mesh.connect("a.default")
    mesh.run()
    mesh.core.found_judge("1.40.0", is_asked_first=True)
    judge, mesh.judge = mesh.judge, None
    revision = mesh.save({"svc-000.yaml": service("svc-000") + "---\n" + policy("svc-000", "/new")})
    mesh.run()
    assert not (await mesh.core.wait(revision, 0)).everywhere
    mesh.judge = judge
    envoy.is_frozen = True
    while mesh.ask():
        pass
    assert not (await mesh.core.wait(revision, 0)).everywhere
    envoy.is_frozen = False
    mesh.run()
    assert (await mesh.core.wait(revision, 0)).everywhere
    assert holds(envoy, "/new") == 1


def test_what_is_held_back_outlives_a_restart() -> None:
    files = {"web": service("web"), "policy": policy("web", "/a")}
    mesh, _ = mesh_with(POISON, **files)
    mesh.save(policy=policy("web", "/poison"))
    mesh.run()
    remembered = written(mesh.quarantine.rejections.values())

    again = Mesh(judge=POISON)
    again.save(web=files["web"], policy=policy("web", "/poison"))
    again.core.restore(read(remembered))
    envoy = again.connect("a.default", POISON)
    again.run()
    assert again.rejected == {"VirtualService/web"}
    assert (holds(envoy, "/a"), envoy.blamed) == (1, [])
    [rejection] = again.quarantine.rejections.values()
    assert (rejection.path, rejection.place) == (
        "spec.http[0].match[0].uri.prefix",
        "policy.yaml:9",
    )
    again.save(policy=policy("web", "/mended"))
    again.run()
    assert not again.rejected
    assert holds(envoy, "/mended") == 1


def test_what_was_mended_meanwhile_is_not_held_back_after_a_restart() -> None:
    mesh, _ = mesh_with(POISON, web=service("web"), policy=policy("web", "/a"))
    mesh.save(policy=policy("web", "/poison"))
    mesh.run()
    again = Mesh(judge=POISON)
    again.save(web=service("web"), policy=policy("web", "/mended"))
    again.core.restore(read(written(mesh.quarantine.rejections.values())))
    assert not again.rejected
    assert again.database.input(ObjectKey("VirtualService", "default", "web")) is not None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 7}', '{"version": 1, "held back": [7, {}]}']
)
def test_memory_that_cannot_be_read_is_no_memory(text: str) -> None:
    try:
        assert read(text) == []
    except ValueError:
        assert "held back" not in text


def test_what_is_remembered_of_resources_are_no_bytes() -> None:
    mesh, envoy = mesh_with(POISON, web=service("web"), policy=policy("web", "/a"))
    for number in range(5):
        mesh.save(policy=policy("web", f"/poison{number}"))
        mesh.run()
        mesh.save(policy=policy("web", f"/good{number}"))
        mesh.run()
    quarantine = mesh.quarantine
    remembered = [
        *quarantine.docket._verdicts,
        *quarantine._rejected,
        *quarantine._rejecters._members,
        *mesh.acceptance.withheld,
    ]
    assert len(remembered) > 10
    assert not [each for each in remembered if each.part]
    assert envoy.names("vhds")


def test_what_is_held_without_an_author_is_judged_again_with_its_bytes() -> None:
    mesh, envoy = mesh_with(POISON, web=service("web"), policy=policy("web", "/a"))
    everything = containing("web", types="vhds")
    mesh.judge = envoy.rejects = everything
    mesh.quarantine.docket._verdicts.clear()
    mesh.save(policy=policy("web", "/b"))
    mesh.run()
    assert mesh.quarantine.unexplained
    mesh.tick(61)
    assert mesh.quarantine.unexplained
    mesh.judge = envoy.rejects = takes_all
    mesh.tick(61)
    assert not mesh.quarantine.unexplained
    assert holds(envoy, "/b") == 1
