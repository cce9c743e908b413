"""What happens to a rejected object, and that nothing else happens."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection

import pytest

from tests.support.fakes.fake_envoy import FakeEnvoy, Mesh, containing, takes_all
from translators.model.proxy_node import Mode, ProxyNode
from translators.object_key import ObjectKey

OBSCURE = "Proto constraint validation failed"
"""Words that name nothing."""
POISON = containing("poison", saying=OBSCURE)


def service(name: str) -> str:
    return f"""\
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec:
  ports: [{{name: http, port: 80}}]
"""


def policy(name: str, prefix: str = "/", **more: str) -> str:
    lines = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: default}}
spec:
  hosts: [{name}]
  http:
  - match:
    - uri:
        prefix: {prefix}
    route:
    - destination: {{host: {name}}}
{lines}"""


def rule(name: str, subset: str) -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}, namespace: default}}
spec:
  host: {name}
  subsets:
  - name: {subset}
    labels: {{version: v1}}
"""


def hosts(count: int) -> list[str]:
    return [f"svc-{number:03}" for number in range(count)]


def mesh_of(count: int, poison: str = "") -> Mesh:
    """A mesh with services and a policy for each, all good but one, and a judge."""
    mesh = Mesh(judge=POISON)
    burst(mesh, hosts(count), "/", poison)
    return mesh


def burst(mesh: Mesh, names: list[str], prefix: str, poison: Collection[str] = ()) -> int:
    """Save policies of many hosts at once, and bad ones for some."""
    bad = [poison] if isinstance(poison, str) else poison
    return mesh.save(
        {
            f"{name}.yaml": service(name)
            + "---\n"
            + policy(name, "/poison" if name in bad else prefix)
            for name in names
        }
    )


def edit(mesh: Mesh, *names: str, prefix: str) -> int:
    return mesh.save(
        {f"{name}.yaml": service(name) + "---\n" + policy(name, prefix) for name in names}
    )


def holds(envoy: FakeEnvoy, prefix: str) -> int:
    """In how many virtual hosts (delta) or route configurations a prefix is."""
    text = envoy.text("vhds") or envoy.text("rds")
    return text.count(prefix.encode())


def is_quiet(mesh: Mesh) -> None:
    """Nothing is under suspicion, and nobody is told anything more."""
    assert not mesh.quarantine.is_trying
    before = [envoy.responses for envoy in mesh.envoys]
    mesh.tick(3)
    assert [envoy.responses for envoy in mesh.envoys] == before


def never_twice(envoy: FakeEnvoy, name: str) -> None:
    """A resource was rejected alone at most once, and is not held."""
    assert sum(blamed[1] == name for blamed in envoy.blamed) == 1, envoy.blamed


@pytest.mark.parametrize("inline", [False, True])
def test_a_rejected_edit_is_reverted_and_others_go_on(inline: bool) -> None:
    mesh = mesh_of(3)
    envoy = mesh.connect("a.default", POISON, inline=inline)
    mesh.run()
    revision = edit(mesh, "svc-000", prefix="/poison")
    mesh.run()
    [rejection] = mesh.quarantine.rejections.values()
    assert rejection.key == ObjectKey("VirtualService", "default", "svc-000")
    assert rejection.revision == revision
    assert rejection.proxies == ("a.default",)
    assert (rejection.place, rejection.path) == (
        "svc-000.yaml:15",
        "spec.http[0].match[0].uri.prefix",
    )
    assert len(envoy.blamed) == 1
    edit(mesh, "svc-001", prefix="/new")
    mesh.run()
    assert holds(envoy, "/new") == 1
    assert holds(envoy, "/poison") == 0
    assert len(envoy.blamed) == 1
    is_quiet(mesh)


@pytest.mark.parametrize("names", [True, False])
def test_one_poison_among_two_hundred_edits_of_one_burst(names: bool) -> None:
    mesh = mesh_of(200)
    rejects = containing("poison", saying="bad: {name}" if names else OBSCURE)
    proxies = [mesh.connect(f"{name}.default", rejects) for name in "abc"]
    mesh.run()
    for envoy in proxies:
        envoy.got.clear()
    files = {
        f"{name}.yaml": service(name)
        + "---\n"
        + policy(name, "/poison" if name == "svc-077" else "/new")
        for name in hosts(200)
    }
    mesh.save(files)
    rounds = mesh.run()
    assert mesh.rejected == {"VirtualService/svc-077"}
    assert rounds <= (4 if names else 12), rounds
    for envoy in proxies:
        assert holds(envoy, "/new") == 199
        assert holds(envoy, "/poison") == 0
        assert {short for short, _, _ in envoy.got} == {"vhds"}
    edit(mesh, "svc-100", prefix="/later")
    assert mesh.run() == 1
    assert holds(proxies[0], "/later") == 1
    is_quiet(mesh)


@pytest.mark.parametrize("seed", range(5))
def test_any_number_of_poisons_among_edits_is_found(seed: int) -> None:
    chance = random.Random(seed)
    mesh = mesh_of(40)
    proxies = [mesh.connect(f"p{number}.default", POISON) for number in range(2)]
    mesh.run()
    bad = set(chance.sample(hosts(40), chance.randint(2, 6)))
    burst(mesh, hosts(40), "/new", bad)
    mesh.run()
    mesh.tick(10)
    assert mesh.rejected == {f"VirtualService/{name}" for name in bad}
    for envoy in proxies:
        assert holds(envoy, "/new") == 40 - len(bad)
        assert holds(envoy, "/poison") == 0
    is_quiet(mesh)


@pytest.mark.parametrize("seed", range(12))
def test_proxies_of_both_wires_that_answer_when_they_like_condemn_no_innocent(seed: int) -> None:
    chance = random.Random(seed)
    mesh = mesh_of(45)
    proxies = [
        mesh.connect("a.default", POISON),
        mesh.connect("b.default", POISON, inline=True),
        mesh.connect("c.default", POISON),
        mesh.connect("d.default", takes_all),
    ]
    mesh.run()
    bad = set(chance.sample(hosts(45), chance.randint(1, 3)))
    latest = dict.fromkeys(hosts(45), "/new")
    burst(mesh, hosts(45), "/new", bad)
    late: list[list[Callable[[], None]]] = [[] for _ in proxies]
    for number in range(60):
        for envoy, answers in zip(proxies, late, strict=True):
            answers.extend(envoy.read())
        for answers in chance.sample(late, len(late)):
            while answers and chance.random() < 0.6:
                answers.pop(0)()
        if chance.random() < 0.2:
            name = chance.choice(sorted(set(hosts(45)) - bad))
            latest[name] = f"/edit{number}x"
            edit(mesh, name, prefix=latest[name])
    for answers in late:
        for answer in answers:
            answer()
    mesh.run()
    mesh.tick(40)
    assert mesh.rejected == {f"VirtualService/{name}" for name in bad}
    for envoy in proxies:
        assert holds(envoy, "/poison") == 0
        for name in set(latest) - bad:
            assert latest[name].encode() in envoy.text("vhds") + envoy.text("rds")
    mesh.save({f"{name}.yaml": service(name) for name in bad})
    mesh.run()
    assert not mesh.rejected
    is_quiet(mesh)


def test_objects_that_share_a_route_configuration_are_told_apart() -> None:
    mesh = mesh_of(10)
    envoy = mesh.connect("a.default", POISON, inline=True)
    mesh.run()
    burst(mesh, hosts(10), "/new", "svc-004")
    rounds = mesh.run()
    assert mesh.rejected == {"VirtualService/svc-004"}
    assert rounds <= 8
    assert (holds(envoy, "/new"), holds(envoy, "/poison")) == (9, 0)
    is_quiet(mesh)


def test_both_wires_reject_the_same_object() -> None:
    mesh = mesh_of(5)
    proxies = [mesh.connect("a.default", POISON), mesh.connect("b.default", POISON, inline=True)]
    mesh.run()
    edit(mesh, "svc-001", "svc-002", prefix="/new")
    edit(mesh, "svc-003", prefix="/poison")
    mesh.run()
    mesh.tick(6)
    assert mesh.rejected == {"VirtualService/svc-003"}
    for envoy in proxies:
        assert (holds(envoy, "/new"), holds(envoy, "/poison")) == (2, 0)
    is_quiet(mesh)


def test_a_rejected_listener_is_not_taken_from_the_others() -> None:
    rejects = containing("10.9.9.9", saying="cannot bind", types="lds")
    mesh = Mesh(judge=rejects)
    mesh.save(web=service("web"))
    node = captured("a.default")
    envoy = mesh.connect("a.default", rejects, node=node)
    mesh.run()
    before = envoy.names("lds")
    mesh.save(bad=tcp_entry("bad", "10.9.9.9"), good=tcp_entry("good", "10.8.8.8"))
    mesh.run()
    mesh.tick(6)
    assert mesh.rejected == {"ServiceEntry/bad"}
    assert any("10.8.8.8" in name for name in envoy.names("lds"))
    assert set(before) <= set(envoy.names("lds"))
    is_quiet(mesh)


def test_a_poison_that_was_never_good_is_taken_out_and_its_host_has_default_routes() -> None:
    mesh = mesh_of(5, poison="svc-002")
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    mesh.tick(6)
    [rejection] = mesh.quarantine.rejections.values()
    assert (rejection.key, rejection.good) == (
        ObjectKey("VirtualService", "default", "svc-002"),
        None,
    )
    assert any(
        name.endswith("svc-002.default.svc.cluster.local:80") for name in envoy.names("vhds")
    )
    assert len(envoy.names("vhds")) == 5
    assert len(envoy.names("cds")) == len(
        mesh.connect("b.default")
        .member.snapshot()
        .by_type["type.googleapis.com/envoy.config.cluster.v3.Cluster"]
        .by_name
    )
    mesh.run()
    is_quiet(mesh)


def test_an_envoy_that_restarts_meanwhile_comes_up_fully() -> None:
    mesh = mesh_of(20)
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    edit(mesh, "svc-003", prefix="/poison")
    mesh.run()
    envoy.leave()
    again = mesh.connect("a.default", POISON)
    mesh.run()
    assert len(again.names("vhds")) == 20
    assert again.blamed == []
    is_quiet(mesh)


def test_a_service_entry_that_was_never_good_takes_nothing_with_it() -> None:
    mesh = mesh_of(3)
    mesh.save(bad=tcp_entry("poison", "10.9.9.9"))
    envoy = mesh.connect("a.default", containing("poison", types="cds"))
    mesh.run()
    mesh.tick(6)
    assert mesh.rejected == {"ServiceEntry/poison"}
    assert len(envoy.names("vhds")) == 3
    is_quiet(mesh)


@pytest.mark.parametrize("guilty", ["VirtualService", "DestinationRule"])
def test_two_objects_of_one_host_changed_together(guilty: str) -> None:
    mesh = mesh_of(2)
    mesh.save(rule=rule("svc-000", "old"))
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    bad = guilty == "VirtualService"
    mesh.save(
        {
            "svc-000.yaml": service("svc-000")
            + "---\n"
            + policy("svc-000", "/poison" if bad else "/new"),
            "rule.yaml": rule("svc-000", "new" if bad else "poison"),
        }
    )
    mesh.run()
    mesh.tick(6)
    assert mesh.rejected == {f"{guilty}/svc-000"}
    assert holds(envoy, "/new") == (0 if bad else 1)
    assert any("new" in name for name in envoy.names("cds")) is bad
    assert b"poison" not in envoy.text("vhds") + envoy.text("cds")
    is_quiet(mesh)


def test_another_object_can_be_edited_while_suspects_are_told_apart() -> None:
    mesh = mesh_of(30)
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    burst(mesh, hosts(29), "/new", "svc-005")
    for number in range(4):
        for answer in envoy.read():
            answer()
        edit(mesh, "svc-029", prefix=f"/meanwhile{number}")
    mesh.run()
    mesh.tick(6)
    assert mesh.rejected == {"VirtualService/svc-005"}
    assert (holds(envoy, "/new"), holds(envoy, "/meanwhile3")) == (28, 1)
    is_quiet(mesh)


def test_another_poison_saved_while_suspects_are_told_apart_is_found_too() -> None:
    mesh = mesh_of(30)
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    burst(mesh, hosts(28), "/new", "svc-005")
    for answer in envoy.read():
        answer()
    edit(mesh, "svc-029", prefix="/poison")
    mesh.run()
    mesh.tick(10)
    assert mesh.rejected == {"VirtualService/svc-005", "VirtualService/svc-029"}
    assert holds(envoy, "/new") == 27
    is_quiet(mesh)


def test_a_repaired_object_is_tried_and_is_rejected_no_more() -> None:
    mesh = mesh_of(2)
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    edit(mesh, "svc-000", prefix="/poison")
    mesh.run()
    assert mesh.rejected
    edit(mesh, "svc-000", prefix="/repaired")
    mesh.run()
    assert not mesh.rejected
    assert holds(envoy, "/repaired") == 1
    is_quiet(mesh)


def test_going_back_to_what_serves_is_a_revision_that_everybody_has() -> None:
    mesh = mesh_of(2)
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    edit(mesh, "svc-000", prefix="/poison")
    mesh.run()
    before, responses = mesh.publisher.revision, envoy.responses
    assert edit(mesh, "svc-000", prefix="/") == before + 1
    assert mesh.run() == 0
    assert not mesh.rejected
    assert envoy.responses == responses
    assert mesh.metrics.converged_revision == before + 1


def test_rejected_bytes_are_never_sent_again() -> None:
    mesh = mesh_of(3)
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    for number in range(3):
        edit(mesh, "svc-000", prefix="/poison")
        mesh.run()
        assert mesh.rejected == {"VirtualService/svc-000"}, "the status says so each time"
        edit(mesh, "svc-000", prefix=f"/fine{number}")
        mesh.run()
        assert not mesh.rejected
        assert holds(envoy, f"/fine{number}") == 1
    assert len(envoy.blamed) == 1
    later = mesh.connect("b.default", POISON)
    mesh.run()
    assert later.blamed == []
    is_quiet(mesh)


def test_a_deleted_poison_is_rejected_no_more() -> None:
    mesh = mesh_of(3)
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    edit(mesh, "svc-000", prefix="/poison")
    mesh.run()
    mesh.save({"svc-000.yaml": service("svc-000")})
    mesh.run()
    assert not mesh.rejected
    assert len(envoy.names("vhds")) == 3
    is_quiet(mesh)


def test_two_poisons_of_two_proxies_are_found_at_once() -> None:
    mesh = mesh_of(6)
    mesh.judge = containing("first", "second", saying=OBSCURE)
    one = mesh.connect("a.default", containing("first", saying=OBSCURE))
    two = mesh.connect("b.default", containing("second", saying=OBSCURE))
    mesh.run()
    mesh.save(
        {
            f"{name}.yaml": service(name) + "---\n" + policy(name, prefix)
            for name, prefix in zip(
                hosts(6), ["/first", "/new", "/new", "/new", "/second", "/new"], strict=True
            )
        }
    )
    mesh.run()
    mesh.tick(10)
    assert mesh.rejected == {"VirtualService/svc-000", "VirtualService/svc-004"}
    for envoy in (one, two):
        assert holds(envoy, "/new") == 4
        assert holds(envoy, "/first") + holds(envoy, "/second") == 0
    is_quiet(mesh)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_one_proxy_has_accepted_is_not_taken_from_it(order: tuple[int, int]) -> None:
    mesh = mesh_of(8)
    old, new = mesh.connect("old.default", POISON), mesh.connect("new.default", takes_all)
    mesh.envoys = [[old, new][each] for each in order]
    mesh.run()
    burst(mesh, hosts(8), "/new", "svc-005")
    mesh.run()
    mesh.tick(10)
    assert not mesh.rejected
    [disputed] = mesh.quarantine.unexplained.values()
    assert (str(disputed.key), disputed.is_withheld) == ("VirtualService default/svc-005", False)
    assert (holds(old, "/new"), holds(old, "/poison")) == (7, 0)
    assert (holds(new, "/new"), holds(new, "/poison")) == (7, 1)


def test_an_odd_proxy_has_what_it_can_take_and_takes_nothing_from_others() -> None:
    mesh = mesh_of(4)
    mesh.judge = takes_all
    others = [mesh.connect(f"p{number}.default") for number in range(2)]
    mesh.run()
    odd = mesh.connect("odd.default", containing("svc-001", saying=OBSCURE, types="vhds"))
    mesh.run()
    mesh.tick(3)
    assert not list(mesh.quarantine.all())
    assert not mesh.acceptance.withheld
    assert [len(envoy.names("vhds")) for envoy in (*others, odd)] == [4, 4, 3]
    [status] = [proxy for proxy in mesh.core.status().proxies if proxy.id == "odd.default"]
    assert any(OBSCURE in row.reason for row in status.types)


def test_a_proxy_is_offered_again_what_it_rejected_with_longer_and_longer_pauses() -> None:
    mesh = mesh_of(4)
    mesh.judge = takes_all
    odd = mesh.connect("odd.default", containing("svc-001", saying=OBSCURE, types="vhds"))
    mesh.run()
    mesh.tick(600)
    tries = [name for short, name, _ in odd.blamed if "svc-001" in name]
    assert 8 <= len(tries) <= 12
    odd.rejects = takes_all
    mesh.tick(301)
    assert len(odd.names("vhds")) == 4
    [status] = mesh.core.status().proxies
    assert not any(row.reason for row in status.types)
    is_quiet(mesh)


async def test_whoever_still_rejects_one_host_of_two_lacks_it() -> None:
    mesh = mesh_of(4)
    mesh.judge = takes_all
    two = containing("svc-001", "svc-002", saying=OBSCURE, types="vhds")
    odd = mesh.connect("odd.default", two)
    mesh.run()
    odd.rejects = containing("svc-001", saying=OBSCURE, types="vhds")
    edit(mesh, "svc-002", prefix="/new")
    mesh.run()
    assert len(odd.names("vhds")) == 3
    result = await mesh.core.wait(None, 0)
    assert [lack.proxy for lack in result.lacking] == ["odd.default"]
    odd.rejects = takes_all
    mesh.tick(20)
    assert (await mesh.core.wait(None, 0)).everywhere


def test_whoever_rejects_everything_at_a_cold_start_harms_only_himself() -> None:
    mesh = mesh_of(8)
    mesh.judge = takes_all
    hostile = mesh.connect("hostile.default", containing("", saying="no"))
    mesh.run()
    honest = mesh.connect("honest.default")
    mesh.run()
    mesh.tick(3)
    assert not list(mesh.quarantine.all())
    assert len(honest.names("vhds")) == 8
    hostile.leave()
    mesh.tick(3)
    again = mesh.connect("again.default")
    mesh.run()
    assert len(again.names("vhds")) == 8
    is_quiet(mesh)


def test_without_a_judge_whoever_rejects_everything_harms_only_himself() -> None:
    mesh = mesh_of(8)
    mesh.judge = None
    mesh.core.lost_judge()
    mesh.core.work()
    mesh.connect("hostile.default", containing("", saying="no"))
    mesh.run()
    honest = mesh.connect("honest.default")
    mesh.run()
    mesh.tick(3)
    assert not mesh.acceptance.withheld
    assert len(honest.names("vhds")) == 8


def test_without_a_judge_what_all_reject_is_kept_from_newcomers() -> None:
    mesh = mesh_of(8)
    mesh.core.lost_judge()
    mesh.core.work()
    mesh.judge = None
    one, two = mesh.connect("a.default", POISON), mesh.connect("b.default", POISON)
    mesh.run()
    burst(mesh, hosts(8), "/new", "svc-005")
    mesh.run()
    mesh.tick(3)
    assert not mesh.rejected
    [held] = mesh.quarantine.unexplained.values()
    assert (str(held.key), held.place) == ("VirtualService default/svc-005", "svc-005.yaml:7")
    assert held.is_withheld
    assert set(held.proxies) == {"a.default", "b.default"}
    late = mesh.connect("late.default", POISON)
    mesh.run()
    for envoy in (one, two, late):
        assert (holds(envoy, "/new"), holds(envoy, "/poison")) == (7, 0)
        assert len(envoy.names("vhds")) == 8
    assert not late.blamed
    edit(mesh, "svc-005", prefix="/mended")
    mesh.run()
    assert not list(mesh.quarantine.all())
    assert [holds(envoy, "/mended") for envoy in (one, two, late)] == [1, 1, 1]


def test_everything_is_judged_when_the_first_proxy_comes_and_withheld_before_the_next() -> None:
    mesh = mesh_of(5, poison="svc-002")
    lazy = mesh.connect("lazy.default")
    lazy.is_frozen = True
    while mesh.ask():
        pass
    assert mesh.rejected == {"VirtualService/svc-002"}
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    assert envoy.blamed == []
    assert len(envoy.names("vhds")) == 5


def test_what_nobody_answers_is_judged_after_a_while() -> None:
    mesh = mesh_of(3)
    envoy = mesh.connect("a.default")
    mesh.run()
    envoy.is_frozen = True
    edit(mesh, "svc-001", prefix="/poison")
    mesh.run()
    assert not mesh.rejected
    mesh.tick(2)
    assert mesh.rejected == {"VirtualService/svc-001"}


def test_what_is_accepted_at_once_costs_the_judge_nothing() -> None:
    mesh = mesh_of(3)
    mesh.connect("a.default")
    mesh.run()
    mesh.asked.clear()
    for number in range(20):
        edit(mesh, "svc-001", prefix=f"/{number}")
        mesh.run()
        mesh.tick(1)
    assert mesh.asked == []


def test_an_accuser_that_comes_back_is_asked_again() -> None:
    mesh = mesh_of(8)
    envoy = mesh.connect("a.default", POISON)
    mesh.run()
    burst(mesh, hosts(8), "/new", "svc-005")
    for answer in envoy.read():
        answer()
    envoy.is_frozen = True
    mesh.tick(7)
    envoy.leave()
    again = mesh.connect("a.default", POISON, has=envoy)
    mesh.run()
    mesh.tick(20)
    assert mesh.rejected == {"VirtualService/svc-005"}
    assert holds(again, "/new") == 7
    is_quiet(mesh)


def test_an_accuser_that_leaves_lets_others_judge() -> None:
    mesh = mesh_of(8)
    envoy, other = mesh.connect("a.default", POISON), mesh.connect("b.default", POISON)
    mesh.run()
    burst(mesh, hosts(8), "/new", "svc-005")
    for answer in envoy.read():
        answer()
    envoy.leave()
    mesh.run()
    assert mesh.rejected == {"VirtualService/svc-005"}
    assert holds(other, "/new") == 7
    is_quiet(mesh)


def test_after_a_restart_of_the_control_plane_the_last_good_is_still_known() -> None:
    before = mesh_of(5)
    envoy = before.connect("a.default", POISON)
    before.run()
    mesh = mesh_of(5)
    again = mesh.connect("a.default", POISON, has=envoy)
    mesh.run()
    assert {short for short, _, _ in again.got} <= set(), again.got
    edit(mesh, "svc-001", prefix="/poison")
    mesh.run()
    [rejection] = mesh.quarantine.rejections.values()
    assert rejection.is_serving
    assert again.held["vhds"] == envoy.held["vhds"]
    is_quiet(mesh)


def test_memory_of_edits_does_not_grow() -> None:
    mesh = mesh_of(5)
    silent = mesh.connect("a.default", POISON)
    mesh.run()
    silent.is_frozen = True
    for number in range(300):
        edit(mesh, "svc-001", prefix=f"/{number}")
    assert len(mesh.core.edits.history) <= 2 * 16
    assert len(mesh.acceptance.unproven) <= 4
    silent.is_frozen = False
    edit(mesh, "svc-001", prefix="/poison")
    mesh.run()
    assert mesh.rejected == {"VirtualService/svc-001"}
    assert holds(silent, "/299") + holds(silent, 'prefix": "/') >= 0
    for number in range(50):
        edit(mesh, "svc-002", prefix=f"/poison{number}")
        mesh.run()
    mesh.save({"svc-001.yaml": None, "svc-002.yaml": None})
    mesh.run()
    mesh.tick(60)
    assert not mesh.rejected
    assert len(mesh.core.edits.history) == 0
    assert not mesh.acceptance.unproven
    assert len(mesh.acceptance.withheld) <= 51


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("Invalid regex '/poison.son.x': too complex", "spec.http[0].match[1].uri.regex"),
        ("near 'son.x' is an error", "spec.http[0].match[1].uri.regex"),
        (OBSCURE, "spec.http[0].match[1].uri.regex"),
    ],
)
def test_the_field_is_found_by_words_by_parts_of_them_or_by_being_new(
    words: str, path: str
) -> None:
    rejects = containing("poison", saying=words)
    mesh = Mesh(judge=rejects)
    burst(mesh, hosts(2), "/a")
    mesh.connect("a.default", rejects)
    mesh.run()
    text = policy("svc-000").replace(
        "        prefix: /\n", "        prefix: /a\n    - uri:\n        regex: /poison.son.x\n"
    )
    mesh.save({"svc-000.yaml": service("svc-000") + "---\n" + text})
    mesh.run()
    [rejection] = mesh.quarantine.rejections.values()
    assert (rejection.path, rejection.place) == (path, "svc-000.yaml:17")


def captured(node_id: str) -> ProxyNode:
    name, _, namespace = node_id.partition(".")
    return ProxyNode(node_id, name, namespace, Mode.CAPTURED)


def tcp_entry(name: str, address: str) -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: default}}
spec:
  hosts: [{name}.example.com]
  addresses: [{address}]
  ports: [{{number: 9000, name: tcp, protocol: TCP}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1}}]
"""


def test_what_is_offered_again_wakes_whoever_drives_the_stream() -> None:
    mesh = mesh_of(3)
    mesh.judge = takes_all
    odd = mesh.connect("odd.default", containing("svc-001", saying=OBSCURE, types="vhds"))
    woken = 0

    def wake() -> None:
        nonlocal woken
        woken += 1
        odd.stream.on_snapshot_change()

    odd.member.subscribe(wake)
    mesh.run()
    before = woken
    mesh.tick(3)
    assert woken > before
