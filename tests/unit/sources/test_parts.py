"""Whoever saves little does not wait for what somebody else saves."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.documents.kind_documents import workload_entry as entry
from tests.unit.sources.test_files import following, replace
from xds_server.sources.files import BATCH
from xds_server.sources.parts import (
    AHEAD_BYTES,
    AHEAD_FILES,
    TOGETHER_BYTES,
    TOGETHER_FILES,
    beside_a_flood,
    parts_of,
)


def test_what_a_person_saves_at_once_is_one_edit() -> None:
    contents = {f"d/{i}.yaml": "x" * 1000 for i in range(TOGETHER_FILES)}
    assert parts_of(contents) == [contents]


def test_little_goes_before_much_and_small_before_large() -> None:
    contents = {f"a/{i:05}.yaml": "x" for i in range(2 * TOGETHER_FILES)}
    contents |= {"a/large.yaml": "x" * TOGETHER_BYTES, "z/honest.yaml": "x"}
    parts = parts_of(contents)
    assert next(iter(parts[0])) == "z/honest.yaml"
    assert list(parts[-1]) == ["a/large.yaml"]
    assert {path for part in parts for path in part} == contents.keys()
    for part in parts[:-1]:
        assert sum(map(len, part.values())) <= AHEAD_BYTES


def test_beside_a_flood_are_files_of_quiet_directories() -> None:
    flood = {f"a/{i}.yaml" for i in range(500)}
    quiet = {f"b/{i}.yaml" for i in range(AHEAD_FILES)}
    assert beside_a_flood(flood | quiet) == quiet
    assert beside_a_flood(flood) == set()
    assert beside_a_flood({f"d{i}/x.yaml" for i in range(500)}) == set(), "nothing stands out"
    assert beside_a_flood(quiet) == set()


async def test_an_edit_does_not_wait_for_a_large_file(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    own = tmp_path / "own" / "a.yaml"
    own.write_text(entry("a"))
    async with following(tmp_path) as follower:
        large = [entry(f"e{i}") for i in range(10_000)]
        (tmp_path / "large.yaml").write_text("---\n".join(large) + '---\n"no": thing\n')
        edits = 0
        while "e9999" not in follower.addresses and edits < 200:
            edits += 1
            address = f"10.1.0.{edits}"
            replace(own, entry("a", address))
            while follower.addresses["a"] != address:
                await follower.batch()
        assert edits > 2, "edits were published while the large file was read"
        assert all(len(batch.set) <= BATCH for batch in follower.batches)


async def test_an_edit_does_not_wait_for_ten_thousand_files(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    own = tmp_path / "own" / "a.yaml"
    own.write_text(entry("a"))

    def flood() -> None:
        (tmp_path / "many").mkdir()
        for i in range(2000):
            (tmp_path / "many" / f"{i}.yaml").write_text(entry(f"e{i}"))

    async with following(tmp_path) as follower:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(flood))
            edits = 0
            while len(follower.addresses) < 2001 and edits < 200:
                edits += 1
                address = f"10.1.0.{edits}"
                replace(own, entry("a", address))
                while follower.addresses["a"] != address:
                    await follower.batch()
        assert edits > 2, "edits were published while the others were read"


async def test_the_newest_of_two_saves_is_what_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(entry("a"))
    async with following(tmp_path) as follower:
        (tmp_path / "large.yaml").write_text("---\n".join(entry(f"e{i}") for i in range(5000)))
        for i in range(100):
            replace(path, entry("a", f"10.1.0.{i}"))
            await asyncio.sleep(0)
        while "e4999" not in follower.addresses or follower.addresses["a"] != "10.1.0.99":
            await follower.batch()
