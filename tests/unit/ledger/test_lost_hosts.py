"""Whose host another object has is told so, in the status and where it stands."""

from __future__ import annotations

from tests.support.documents.objects import service, service_entry, virtual_service
from tests.support.fakes.fake_envoy import Mesh, containing
from xds_server.ledger.lost_hosts import MOST_TOLD
from xds_server.status import ProblemStatus

HOST = "web.default.svc.cluster.local"


def routing(name: str, prefix: str = "/", created: int = 2000, more: str = "") -> str:
    rule = f"{{match: [{{uri: {{prefix: {prefix}}}}}], route: [{{destination: {{host: web}}}}]}}"
    return virtual_service(name, HOST, rule, more=more, created=f"{created}-01-01T00:00:00Z")


def told(mesh: Mesh) -> list[ProblemStatus]:
    return list(mesh.core.status().problems)


def test_the_loser_is_told_who_has_its_host_as_long_as_that_is_so() -> None:
    mesh = Mesh()
    mesh.save(web=service("web"), old=routing("old", created=2001))
    mesh.save(young=f"# a line\n{routing('young', created=2002)}")
    (problem,) = told(mesh)
    assert problem.severity == "warning"
    assert problem.object == "VirtualService default/young"
    assert (problem.place, problem.path) == ("young.yaml:2", "spec.hosts[0]")
    assert "VirtualService default/old at old.yaml:1" in problem.message
    assert mesh.metrics.problems == {"warning": 1}

    mesh.save(old=f"\n\n{routing('old', created=2001)}")
    assert "at old.yaml:3" in told(mesh)[0].message, "the winner has moved"
    mesh.save(old=None)
    assert told(mesh) == []
    assert mesh.metrics.problems == {}


def test_what_another_loses_changes_nothing_of_what_is_served() -> None:
    mesh = Mesh()
    mesh.save(web=service("web"), old=routing("old", created=2001))
    envoy = mesh.connect("one.default")
    mesh.run()
    before = {short: dict(held) for short, held in envoy.held.items()}
    assert any(HOST in name for held in before.values() for name in held)
    mesh.save(young=routing("young", created=2002))
    mesh.run()
    assert envoy.held == before


def test_who_has_what_an_envoy_rejected_no_more_takes_nothing_from_others() -> None:
    rejects = containing("poison", saying="bad {text}")
    mesh = Mesh(judge=rejects)
    mesh.save(web=service("web"), young=routing("young", created=2002))
    mesh.connect("one.default", rejects)
    mesh.run()
    mesh.save(old=routing("old", "/poison", 2001))
    assert [each.object for each in told(mesh)] == ["VirtualService default/young"]
    mesh.run()
    mesh.tick(5)
    assert mesh.rejected == {"VirtualService/old"}
    assert told(mesh) == []


def test_more_than_anybody_reads_is_not_told() -> None:
    mesh = Mesh()
    hosts = ", ".join(f"x{i}.com" for i in range(MOST_TOLD + 50))
    mesh.save(
        a=service_entry("a", hosts, namespace="one"), b=service_entry("b", hosts, namespace="one")
    )
    assert len(told(mesh)) == MOST_TOLD
