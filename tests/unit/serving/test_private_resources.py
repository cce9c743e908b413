"""Resources that one proxy has for itself stand beside those of its group, and nowhere else."""

from __future__ import annotations

import gc
from collections import deque

import pytest

from tests.support.fake_envoy import FakeEnvoy, Mesh
from translators.codec.discovery import DeltaRequest
from translators.model.resource import Resource, resource
from translators.names import CLUSTER_TYPE
from xds_server.ads.delta import DeltaStream

SECRET_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
WEB = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  ports: [{name: http, port: %d}]
"""


def secret(body: bytes) -> dict[str, Resource]:
    return {"default": resource(SECRET_TYPE, "default", body)}


def started() -> tuple[Mesh, FakeEnvoy, FakeEnvoy]:
    mesh = Mesh()
    mesh.save(web=WEB % 80)
    first, second = mesh.connect("a.default"), mesh.connect("b.default")
    mesh.run()
    assert first.member.group is second.member.group
    return mesh, first, second


def asks(envoy: FakeEnvoy) -> None:
    assert isinstance(envoy.stream, DeltaStream)
    envoy.stream.on_request(DeltaRequest(SECRET_TYPE, "", ("default",), (), {}, None, None))


def hears(envoy: FakeEnvoy) -> bytes:
    """Everything that is sent to it now; accepted unless it is a secret."""
    sent = []
    while (data := envoy.stream.take()) is not None:
        sent.append(data)
    return b"".join(sent)


def test_each_proxy_of_a_group_gets_its_own_and_never_the_others() -> None:
    _, first, second = started()
    for envoy, body in ((first, b"key of a"), (second, b"key of b")):
        envoy.member.give(SECRET_TYPE, secret(body))
        asks(envoy)
    told = hears(first), hears(second)
    assert [b"key of a" in each for each in told] == [True, False]
    assert [b"key of b" in each for each in told] == [False, True]


def test_what_the_group_has_is_the_same_object_for_all() -> None:
    _, first, second = started()
    first.member.give(SECRET_TYPE, secret(b"key of a"))
    mine, other = first.member.snapshot(), second.member.snapshot()
    assert mine is first.member.snapshot()
    assert mine is not other
    assert other is second.member.group.snapshot
    assert mine.resources(CLUSTER_TYPE) is other.resources(CLUSTER_TYPE)
    assert mine.revision == other.revision


def test_a_change_of_the_group_leaves_them_in_place() -> None:
    mesh, first, _ = started()
    first.member.give(SECRET_TYPE, secret(b"key of a"))
    own = first.member.snapshot().resources(SECRET_TYPE)
    mesh.save(web=WEB % 81)
    snapshot = first.member.snapshot()
    assert snapshot.resources(SECRET_TYPE) is own
    assert snapshot.resources(CLUSTER_TYPE) is first.member.group.snapshot.resources(CLUSTER_TYPE)


def test_a_renewal_is_one_push_of_one_secret_to_one_proxy() -> None:
    _, first, second = started()
    first.member.give(SECRET_TYPE, secret(b"key of a"))
    asks(first)
    hears(first)
    first.stream.on_request(
        DeltaRequest(SECRET_TYPE, first.stream.watched[SECRET_TYPE].nonce, (), (), {}, None, None)
    )
    first.member.give(SECRET_TYPE, secret(b"new key of a"))
    assert b"new key of a" in hears(first)
    assert hears(second) == b""


def test_they_are_in_no_database_history_or_list_of_the_unproven() -> None:
    mesh, first, _ = started()
    first.member.give(SECRET_TYPE, secret(b"key of a"))
    asks(first)
    assert b"key of a" in hears(first)
    found = first.member.own[SECRET_TYPE].by_name["default"]
    assert found not in mesh.acceptance.unproven
    for part in (mesh.database, mesh.core.edits, mesh.quarantine, mesh.acceptance):
        assert not _reaches(part, found)
    assert "key of a" not in repr(mesh.core.status())
    mesh.acceptance.unproven[found] = 1
    assert _reaches(mesh.acceptance, found), "it would be seen"


def test_a_type_that_groups_have_cannot_be_private() -> None:
    _, first, _ = started()
    with pytest.raises(ValueError, match="shared by all proxies"):
        first.member.give(CLUSTER_TYPE, {})


def _reaches(start: object, target: object) -> bool:
    """Whether an object can be reached from another one through values, without passing a proxy."""
    todo, seen = [start], {id(start)}
    while todo:
        for each in gc.get_referents(todo.pop()):
            if each is target:
                return True
            if id(each) not in seen and _is_value(each):
                seen.add(id(each))
                todo.append(each)
    return False


def _is_value(each: object) -> bool:
    kind = type(each)
    if kind in {dict, list, tuple, set, frozenset, deque}:
        return True
    return kind.__module__.startswith(
        (
            "translators.database",
            "translators.model",
            "xds_server.quarantine",
            "xds_server.serving.edits",
            "xds_server.serving.history",
            "xds_server.serving.acceptance",
        )
    )
