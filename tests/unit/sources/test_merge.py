"""Several sources are one.

Objects have one owner, and problems, places and readiness are those of all.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.documents.kind_documents import workload_entry as entry
from translators.model.config_object import ConfigObject
from translators.model.origin import FilePlace, Origin, Problem, Severity
from translators.object_key import ObjectKey
from xds_server.sources.batch import Batch
from xds_server.sources.merge import Merge
from xds_server.sources.texts import Texts


def key(name: str) -> ObjectKey:
    return ObjectKey("WorkloadEntry", "default", name)


class Written:
    """A source of texts that are handed to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts = Texts()
        self.has_synced = False

    async def sync(self) -> None:
        self.has_synced = True

    async def run(self) -> None:
        """Nothing changes by itself."""

    def save(self, **contents: str | None) -> Batch:
        named = {f"{self.name}/{file}.yaml": text for file, text in contents.items()}
        return self.texts.commit(self.texts.draft(named)) or Batch()

    def locate(self, key: ObjectKey, path: str = "") -> Origin | None:
        return self.texts.locate(key, path)

    def find_values(self, key: ObjectKey) -> Iterator[tuple[str, str]]:
        return self.texts.find_values(key)


class World:
    """What several sources have published through a merge, added up."""

    def __init__(self, *names: str) -> None:
        self.sources = [Written(name) for name in names]
        self.merge = Merge()
        self.merge.follow(self.sources)
        self.objects: dict[ObjectKey, ConfigObject[object]] = {}
        self.problems: tuple[Problem, ...] = ()

    def save(self, number: int, **contents: str | None) -> Batch:
        batch = self.merge.take(number, self.sources[number].save(**contents))
        assert not batch.set.keys() & batch.removed
        self.objects.update(batch.set)
        for gone in batch.removed:
            del self.objects[gone]
        self.problems = batch.problems
        return batch

    @property
    def addresses(self) -> Mapping[str, str]:
        return {key.name: found.spec.address for key, found in self.objects.items()}


def test_sources_add_up() -> None:
    world = World("files", "cluster")
    world.save(0, a=entry("a", "10.0.0.1"))
    world.save(1, b=entry("b", "10.0.0.2"))
    assert world.addresses == {"a": "10.0.0.1", "b": "10.0.0.2"}
    world.save(0, a=None)
    assert world.addresses == {"b": "10.0.0.2"}


def test_of_two_that_define_an_object_the_earlier_source_owns_it() -> None:
    world = World("files", "cluster")
    world.save(1, x=entry("a", "10.0.0.2"))
    world.save(0, x=entry("a", "10.0.0.1"))
    assert world.addresses == {"a": "10.0.0.1"}
    [problem] = world.problems
    assert (problem.severity, problem.key) == (Severity.ERROR, key("a"))
    assert problem.origin is not None
    assert problem.origin.source == "cluster/x.yaml"
    assert "files/x.yaml:1" in problem.message
    assert world.save(1, x=entry("a", "10.0.0.3")).set == {}
    assert world.addresses == {"a": "10.0.0.1"}


def test_what_the_owner_gives_up_is_the_next_ones() -> None:
    world = World("files", "cluster")
    world.save(0, x=entry("a", "10.0.0.1"))
    world.save(1, x=entry("a", "10.0.0.2"))
    world.save(0, x=None)
    assert world.addresses == {"a": "10.0.0.2"}
    assert world.problems == ()
    world.save(1, x=None)
    assert world.addresses == {}


def test_a_place_is_told_by_the_owner() -> None:
    world = World("files", "cluster")
    world.save(1, x=entry("a", "10.0.0.2"))
    assert world.merge.locate(key("a"), "spec.address") == FilePlace("cluster/x.yaml", 1, 6)
    assert ("spec.address", "10.0.0.2") in list(world.merge.find_values(key("a")))
    world.save(0, y=entry("a", "10.0.0.1"))
    assert world.merge.locate(key("a"), "spec.address") == FilePlace("files/y.yaml", 1, 6)
    assert ("spec.address", "10.0.0.1") in list(world.merge.find_values(key("a")))
    assert world.merge.locate(key("b")) is None
    assert list(world.merge.find_values(key("b"))) == []


def test_problems_of_all_sources_are_told_with_each_batch() -> None:
    world = World("files", "cluster")
    world.save(1, x="nonsense")
    world.save(0, y=entry("a", "10.0.0.1"))
    assert [problem.origin.source for problem in world.problems if problem.origin] == [
        "cluster/x.yaml"
    ]


async def test_all_have_synced_when_the_last_one_has() -> None:
    world = World("files", "cluster")
    assert not world.merge.has_synced
    await world.sources[1].sync()
    assert not world.merge.has_synced
    await world.sources[0].sync()
    assert world.merge.has_synced


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_any_order_of_edits_ends_in_what_the_first_owners_say(seed: int) -> None:
    draw = random.Random(seed)
    world = World("a", "b", "c")
    for number in range(30):
        source, name = draw.randrange(3), draw.choice("uvx")
        address = f"10.{source}.0.{number + 1}"
        world.save(source, **{name: draw.choice([None, entry(name, address)])})
        wanted: dict[str, str] = {}
        for each in reversed(world.sources):
            wanted |= {
                held.name: found.entry.object.spec.address
                for text in each.texts._texts.values()
                for held, found in text.held.items()
            }
        assert world.addresses == wanted
        contested = sum(
            sum(key(name) in each.texts._objects for each in world.sources) > 1 for name in "uvx"
        )
        assert len({problem.key for problem in world.problems}) == contested
