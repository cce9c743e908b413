"""Every metric moves in a story of what can happen to a mesh.

A name that nobody moves has no place.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.fakes.fake_envoy import Mesh, containing
from translators.kinds import manifest
from translators.kinds.registry import Parsed
from xds_server import metrics
from xds_server.sources.batch import Batch
from xds_server.sources.files import FileSource

NAMES = sorted(
    value
    for name, value in vars(metrics).items()
    if name.isupper() and isinstance(value, str) and value.startswith("chancery_")
)
POISON = containing("poison")
WEB = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  ports: [{name: http, port: 80}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec:
  hosts: [web]
  http:
  - match:
    - uri:
        prefix: %s
    route:
    - destination: {host: web}
"""


def values(mesh: Mesh) -> dict[str, float]:
    """Metric → the sum of its samples over all labels; of a histogram the count."""
    found: dict[str, float] = {}
    text = mesh.metrics.exposition().decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removesuffix("_count")
            found[name] = found.get(name, 0) + sample.value
    return found


def bug() -> Batch:
    """An edit whose translation raises: a value that no parser lets through."""
    mesh = Mesh()
    mesh.save(web=WEB % "/bug")
    batch = mesh.texts.commit(mesh.texts.draft({"web.yaml": WEB % "/another"})) or Batch()
    [policy] = [each for each in batch.set.values() if each.kind == "VirtualService"]
    object.__setattr__(policy.spec.http[0], "timeout", "long")
    return batch


def unreadable(mesh: Mesh, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file on which a bug of ours in the reader shows."""

    def buggy(_document: object) -> Parsed:
        raise KeyError("surprise")

    (directory / "web.yaml").write_text(WEB % "/")
    with monkeypatch.context() as patch:
        patch.setattr(manifest, "parse", buggy)
        FileSource(directory, lambda _batch: None, metrics=mesh.metrics).load()


def test_every_name_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = Mesh(judge=POISON)
    seen = {name: {values(mesh).get(name, 0.0)} for name in NAMES}

    def look() -> None:
        mesh.tick()
        now = values(mesh)
        for name in NAMES:
            seen[name].add(now.get(name, 0.0))

    mesh.save(web=WEB % "/")
    envoy, slow = mesh.connect("a.default", POISON), mesh.connect("b.default", POISON)
    mesh.run()
    look()
    mesh.save(web=WEB % "/poison")
    mesh.run()
    look()
    mesh.save(web=WEB % "/repaired")
    mesh.run()
    mesh.save(more=WEB.replace("web", "more") % "/")
    assert slow.read(), "and it never answers"
    mesh.save(again=WEB.replace("web", "again") % "/")
    mesh.tick(30)
    look()
    envoy.leave()
    mesh.core.observer.turned_away("somebody", "resource_exhausted", "one too many")
    mesh.core.take(bug())
    unreadable(mesh, tmp_path, monkeypatch)
    mesh.core.take(Batch(problems=mesh.texts.commit(mesh.texts.draft({"x.yaml": "?"})).problems))
    look()
    still = {name for name, found in seen.items() if len(found) < 2}
    assert still == set(), "these never moved"
