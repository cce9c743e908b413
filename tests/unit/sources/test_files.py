"""The directory is followed however its files are saved."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents.kind_documents import workload_entry as entry
from translators.kinds.workload_entry import WorkloadEntrySpec
from translators.object_key import ObjectKey
from xds_server.sources import files, watch
from xds_server.sources.batch import Batch
from xds_server.sources.directory import ConfigDirectoryError
from xds_server.sources.files import FileSource, read_directory

PATIENCE = 10.0


class Follower:
    """What a file source has published, added up; waits for a state without sleeping."""

    def __init__(
        self,
        directory: Path,
        quiet: float = files.QUIET,
        ceiling: float = files.CEILING,
        **settings: Any,
    ) -> None:
        self.steps: list[tuple[int, int]] = []
        self.source = FileSource(
            directory,
            self._receive,
            quiet=quiet,
            ceiling=ceiling,
            **{"removal_delay": timedelta(0), **settings},
            progress=lambda done, total: self.steps.append((done, total)),
        )
        self.directory = directory
        self.addresses: dict[str, str] = {}
        self.batches: list[Batch] = []
        self.seen: list[dict[str, str]] = []
        self._changed = asyncio.Event()

    def _receive(self, batch: Batch) -> None:
        self.batches.append(batch)
        for gone in batch.removed:
            del self.addresses[gone[2]]
        for found in batch.set.values():
            assert isinstance(found.spec, WorkloadEntrySpec)
            self.addresses[found.name] = found.spec.address
        self.seen.append(dict(self.addresses))
        self._changed.set()

    async def until(self, **addresses: str) -> None:
        """Wait until exactly these objects are there."""
        try:
            async with asyncio.timeout(PATIENCE):
                while self.addresses != addresses:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pytest.fail(f"expected {addresses}, have {self.addresses}")

    async def batch(self) -> Batch:
        """The next batch after those seen."""
        count = len(self.batches)
        async with asyncio.timeout(PATIENCE):
            while len(self.batches) == count:
                self._changed.clear()
                await self._changed.wait()
        return self.batches[-1]


@contextlib.asynccontextmanager
async def following(
    directory: Path,
    quiet: float = files.QUIET,
    ceiling: float = files.CEILING,
    **settings: Any,
) -> AsyncIterator[Follower]:
    """A source that has loaded and follows, and believes losses at once unless told otherwise.

    It has looked through the directory once more when this begins.
    """
    follower = Follower(directory, quiet, ceiling, **settings)
    follower.source.load()
    task = asyncio.get_running_loop().create_task(follower.source.run())
    probe = directory / "probe-of-the-test.yaml"
    probe.write_text(entry("probe"))
    await follower.batch()
    probe.unlink()
    while "probe" in follower.addresses:
        await follower.batch()
    follower.batches.clear()
    follower.seen.clear()
    try:
        yield follower
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text)
    temporary.replace(path)


async def test_files_below_the_directory_are_read(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "a.yaml").write_text(entry("a"))
    (tmp_path / "deep" / "b.yml").write_text(entry("b"))
    (tmp_path / "deep" / "er" / "c.json").write_text(
        '{"apiVersion":"networking.istio.io/v1","kind":"WorkloadEntry",'
        '"metadata":{"name":"c"},"spec":{"address":"10.0.0.3"}}'
    )
    for ignored in (
        ".a.yaml.swp",
        "a.yaml~",
        "#a.yaml#",
        "4913",
        ".x.yaml",
        "x.yaml.tmp",
        "README.md",
        ".#a.yaml",
    ):
        (tmp_path / ignored).write_text(entry("ignored"))
    follower = Follower(tmp_path)
    assert not follower.source.has_synced
    batch = follower.source.load()
    assert {k[2] for k in batch.set} == {"a", "b", "c"}
    assert follower.source.has_synced
    assert follower.steps == [(1, 3), (2, 3), (3, 3)]
    assert read_directory(tmp_path) == batch
    assert batch.origins[ObjectKey("WorkloadEntry", "default", "a")].source == str(
        tmp_path / "a.yaml"
    )
    place = follower.source.locate(ObjectKey("WorkloadEntry", "default", "a"), "spec.address")
    assert str(place) == f"{tmp_path / 'a.yaml'}:6"


async def test_a_missing_directory_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigDirectoryError, match="does not exist; create it"):
        read_directory(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigDirectoryError, match="is a file"):
        read_directory(tmp_path / "file")


async def test_a_change_between_loading_and_following_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry("a"))
    follower = Follower(tmp_path)
    follower.source.load()
    replace(tmp_path / "a.yaml", entry("a", "10.0.0.2"))
    task = asyncio.get_running_loop().create_task(follower.source.run())
    await follower.until(a="10.0.0.2")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_atomic_replacement_is_one_batch(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        replace(tmp_path / "a.yaml", entry("a"))
        await follower.until(a="10.0.0.1")
        replace(tmp_path / "a.yaml", entry("a", "10.0.0.2"))
        await follower.until(a="10.0.0.2")
        (tmp_path / "a.yaml").unlink()
        await follower.until()
        assert len(follower.batches) == 3


async def test_vim_saves_without_a_moment_of_absence(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(entry("a"))
    async with following(tmp_path) as follower:
        for i in range(2, 8):
            (tmp_path / ".a.yaml.swp").write_text("swap")
            (tmp_path / "4913").touch()
            (tmp_path / "4913").unlink()
            path.rename(tmp_path / "a.yaml~")
            await asyncio.sleep(0)
            path.write_text(entry("a", f"10.0.0.{i}"))
            (tmp_path / "a.yaml~").unlink()
            await follower.until(a=f"10.0.0.{i}")
        assert all("a" in seen for seen in follower.seen)


async def test_emacs_saves_without_a_moment_of_absence(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(entry("a"))
    async with following(tmp_path) as follower:
        (tmp_path / ".#a.yaml").symlink_to("me@here.1:2")
        (tmp_path / "#a.yaml#").write_text(entry("a", "10.0.0.8"))
        shutil.copy(path, tmp_path / "a.yaml~")
        path.write_text(entry("a", "10.0.0.2"))
        (tmp_path / "#a.yaml#").unlink()
        (tmp_path / ".#a.yaml").unlink()
        await follower.until(a="10.0.0.2")
        assert all("a" in seen for seen in follower.seen)


async def test_a_file_that_is_emptied_before_it_is_written_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(entry("a"))
    async with following(tmp_path) as follower:
        with path.open("w") as file:
            await asyncio.sleep(
                0.02
            )  # longer than it takes to notice, shorter than it takes to believe
            file.write(entry("a", "10.0.0.2"))
        await follower.until(a="10.0.0.2")
        assert all("a" in seen for seen in follower.seen)


async def test_a_mounted_config_map_is_swapped_as_one(tmp_path: Path) -> None:
    def publish(version: str, address: str) -> None:
        mounted = tmp_path / f"..{version}"
        mounted.mkdir()
        for name in "ab":
            (mounted / f"{name}.yaml").write_text(entry(name, address))
        (tmp_path / "..data_tmp").symlink_to(mounted.name)
        (tmp_path / "..data_tmp").replace(tmp_path / "..data")

    publish("2024_1", "10.0.0.1")
    for name in "ab":
        (tmp_path / f"{name}.yaml").symlink_to(f"..data/{name}.yaml")
    async with following(tmp_path) as follower:
        assert follower.addresses == {"a": "10.0.0.1", "b": "10.0.0.1"}
        publish("2024_2", "10.0.0.2")
        shutil.rmtree(tmp_path / "..2024_1")
        await follower.until(a="10.0.0.2", b="10.0.0.2")
        assert len(follower.batches) == 1


async def test_a_checkout_of_many_files_is_one_batch(tmp_path: Path) -> None:
    for i in range(40):
        (tmp_path / f"{i}.yaml").write_text(entry(f"e{i}"))
    async with following(tmp_path) as follower:
        for i in range(40):
            (tmp_path / f"{i}.yaml").unlink()
            (tmp_path / f"{i}.yaml").write_text(entry(f"e{i}", "10.0.0.2"))
        await follower.until(**{f"e{i}": "10.0.0.2" for i in range(40)})
        assert len(follower.batches) == 1


async def test_a_save_that_takes_its_time_is_one_batch(tmp_path: Path) -> None:
    async with following(tmp_path, quiet=0.3, ceiling=PATIENCE) as follower:
        for i in range(6):
            (tmp_path / f"{i}-a.yaml").write_text(entry(f"a{i}"))
            (tmp_path / f"{i}-b.yaml").write_text(entry(f"b{i}"))
            await asyncio.sleep(3 * watch.STEP_MS / 1000)  # the system reports each pair by itself
        await follower.until(**{f"{c}{i}": "10.0.0.1" for i in range(6) for c in "ab"})
        assert len(follower.batches) == 1


async def test_directories_come_move_and_go(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "a.yaml").write_text(entry("a"))
    inside = tmp_path / "inside"
    inside.mkdir()
    async with following(inside) as follower:
        outside.rename(inside / "new")
        await follower.until(a="10.0.0.1")
        (inside / "new" / "deep" / "b.yaml").write_text(entry("b"))
        await follower.until(a="10.0.0.1", b="10.0.0.1")
        (inside / "new").rename(tmp_path / "gone")
        await follower.until()


async def test_a_broken_save_keeps_what_serves(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(entry("a"))
    async with following(tmp_path) as follower:
        replace(path, "x: [")
        batch = await follower.batch()
        assert follower.addresses == {"a": "10.0.0.1"}
        assert [p.origin.source for p in batch.problems if p.origin] == [str(path)]
        replace(path, entry("a"))
        assert (await follower.batch()).problems == ()


async def test_bytes_that_are_no_text_keep_what_serves(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(entry("a"))
    async with following(tmp_path) as follower:
        path.write_bytes(b"\xff\xfe\x00")
        batch = await follower.batch()
        assert "UTF-8" in batch.problems[0].message
        assert follower.addresses == {"a": "10.0.0.1"}


async def test_a_directory_that_is_gone_keeps_what_serves_until_it_is_back(tmp_path: Path) -> None:
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "a.yaml").write_text(entry("a"))
    async with following(directory) as follower:
        directory.rename(tmp_path / "aside")
        batch = await follower.batch()
        assert "is gone" in batch.problems[0].message
        assert follower.addresses == {"a": "10.0.0.1"}
        directory.mkdir()
        (directory / "b.yaml").write_text(entry("b"))
        await follower.until(b="10.0.0.1")
        assert follower.batches[-1].problems == ()


async def test_a_link_that_is_turned_to_another_directory_is_followed(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "a.yaml").write_text(entry("a", f"10.0.0.{version}"))
    current = tmp_path / "current"
    current.symlink_to("1")
    async with following(current) as follower:
        assert follower.addresses == {"a": "10.0.0.1"}
        (tmp_path / "next").symlink_to("2")
        (tmp_path / "next").replace(current)
        await follower.until(a="10.0.0.2")


async def test_links_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.yaml").write_text(entry("a"))
    (tmp_path / "a" / "up").symlink_to("..")
    os.mkfifo(tmp_path / "pipe.yaml")
    assert {k[2] for k in read_directory(tmp_path).set} == {"a"}


async def test_a_file_that_is_renamed_again_and_again_is_never_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(entry("a"))
    async with following(tmp_path) as follower:
        for number in range(30):
            path = path.rename(tmp_path / f"a-{number}.yaml")
            await asyncio.sleep(0.01)
        (tmp_path / "z.yaml").write_text(entry("last"))
        while "last" not in follower.addresses:
            await follower.batch()
        assert not [batch.removed for batch in follower.batches if batch.removed]
