"""Whatever lies in the directory, reading it ends, and what is not read is told."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from tests.support.documents.kind_documents import workload_entry as entry
from tests.unit.sources.test_files import following, replace
from xds_server.sources.batch import Batch
from xds_server.sources.directory import MAX_DEPTH, Directory, Limits
from xds_server.sources.files import read_directory
from xds_server.sources.texts import Unreadable


def names(batch: Batch) -> list[str]:
    return sorted(key.name for key in batch.set)


def told(batch: Batch) -> dict[str, str]:
    """Path → message of each problem."""
    return {problem.origin.source: problem.message for problem in batch.problems if problem.origin}


def nasty(directory: Path) -> dict[str, str]:
    """Fill a directory with what is hard to read; file → what has to be said of it."""
    (directory / "loop.yaml").symlink_to("loop.yaml")
    (directory / "circle").symlink_to("circle")
    (directory / "up").symlink_to(".")
    os.mkfifo(directory / "pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "socket.yaml"))
    (directory / "zero.yaml").symlink_to("/dev/zero")
    Path(os.fsdecode(os.fsencode(directory) + b"/\xff\xfe.yaml")).write_text(entry("b"))
    below = Path(os.fsdecode(os.fsencode(directory) + b"/\xff"))
    below.mkdir()
    (below / "c.yaml").write_text(entry("c"))
    (directory / "line\nbreak.yaml").write_text(entry("d"))
    (directory / "dangling.yaml").symlink_to("nowhere")
    (directory / "directory.yaml").mkdir()
    (directory / "binary.yaml").write_bytes(bytes(range(256)))
    return {
        "loop.yaml": "symbolic links",
        "pipe.yaml": "is a pipe, a socket or a device",
        "socket.yaml": "is a pipe, a socket or a device",
        "zero.yaml": "is a pipe, a socket or a device",
        "\\xff\\xfe.yaml": "name is not UTF-8",
        "\\xff/c.yaml": "name is not UTF-8",
        "line\nbreak.yaml": "control characters",
        "binary.yaml": "is not UTF-8",
    }


def test_what_is_hard_to_read_keeps_nothing_from_being_read(tmp_path: Path) -> None:
    expected = nasty(tmp_path)
    (tmp_path / "a.yaml").write_text(entry("a"))
    batch = read_directory(tmp_path)
    assert names(batch) == ["a"]
    found = told(batch)
    assert found.keys() == {f"{tmp_path}/{name}" for name in expected}
    for name, message in expected.items():
        assert message in found[f"{tmp_path}/{name}"]
    str(found).encode()


async def test_what_is_hard_to_read_ends_no_server(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry("a"))
    async with following(tmp_path) as follower:
        nasty(tmp_path)
        while len(told(follower.batches[-1] if follower.batches else Batch())) < 8:
            await follower.batch()
        replace(tmp_path / "a.yaml", entry("a", "10.0.0.2"))
        await follower.until(a="10.0.0.2")


async def test_names_that_cannot_be_told_do_not_blind_the_server(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry("a"))
    async with following(tmp_path) as follower:
        for i in range(10):
            os.mkdir(os.fsencode(tmp_path) + b"/\xff%d" % i)  # noqa: PTH102 - bytes
            replace(tmp_path / "a.yaml", entry("a", f"10.0.1.{i}"))
            async with asyncio.timeout(0.9):
                await follower.until(a=f"10.0.1.{i}")


def test_a_file_that_became_a_pipe_keeps_its_objects(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    (tmp_path / "a.yaml").write_text(entry("a"))
    assert isinstance(directory.read(f"{tmp_path}/a.yaml"), str)
    (tmp_path / "a.yaml").unlink()
    os.mkfifo(tmp_path / "a.yaml")
    assert isinstance(directory.read(f"{tmp_path}/a.yaml"), Unreadable)


def test_a_pipe_that_takes_a_files_place_while_it_is_opened_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    monkeypatch.setattr(stat, "S_ISREG", lambda _mode: True)
    assert Directory(tmp_path).read(f"{tmp_path}/a.yaml") == ""


def test_a_directory_with_several_names_is_read_once_by_its_own(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.yaml").write_text(entry("x"))
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "c").symlink_to("b")
    assert list(Directory(tmp_path).files()) == [f"{tmp_path}/b/x.yaml"]
    assert read_directory(tmp_path).problems == ()


def test_directories_full_of_links_to_each_other_are_read_once(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.yaml").write_text(entry(name))
        for i in range(30):
            (tmp_path / name / f"link{i}").symlink_to(f"../{'b' if name == 'a' else 'a'}")
    assert len(Directory(tmp_path).files()) == 2


async def test_an_event_below_a_link_is_one_of_the_directory_itself(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "x.yaml").write_text(entry("x"))
    (tmp_path / "link").symlink_to("own")
    async with following(tmp_path) as follower:
        replace(tmp_path / "link" / "x.yaml", entry("x", "10.0.0.2"))
        await follower.until(x="10.0.0.2")
        assert all(not batch.problems for batch in follower.batches)


def test_a_large_file_is_refused_and_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry("a") + "#" * 2000)
    (tmp_path / "b.yaml").write_text(entry("b"))
    batch = read_directory(tmp_path, Limits(file_bytes=2000))
    assert names(batch) == ["b"]
    (message,) = told(batch).values()
    assert "more than 2000 bytes; split it, or raise --max-file-bytes" in message


def test_a_file_that_says_nothing_of_its_size_is_read_to_the_limit() -> None:
    endless = Directory(Path("/proc"), Limits(file_bytes=100)).read("/proc/kallsyms")
    assert isinstance(endless, Unreadable)


def test_of_too_many_files_those_that_were_read_before_go_first(tmp_path: Path) -> None:
    directory = Directory(tmp_path, Limits(files=2))
    for name in "mn":
        (tmp_path / f"{name}.yaml").write_text(entry(name))
        directory.read(f"{tmp_path}/{name}.yaml")
    (tmp_path / "a.yaml").write_text(entry("a"))
    changes = directory.read_changes([f"{tmp_path}/a.yaml"], look_through=False)
    assert not isinstance(changes.get(f"{tmp_path}/a.yaml"), str)
    assert [Path(path).name for path in directory.files()] == ["m.yaml", "n.yaml"]
    (trouble,) = directory.troubles.values()
    assert "holds 3 configuration files, and 2 are read" in trouble
    assert "--max-files" in trouble


def test_directories_nested_without_end_are_read_to_some_depth(tmp_path: Path) -> None:
    path = tmp_path
    for _ in range(MAX_DEPTH + 5):
        path /= "d"
        path.mkdir()
        (path / "x.yaml").write_text("")
    directory = Directory(tmp_path)
    assert len(directory.files()) == MAX_DEPTH
    (trouble,) = directory.troubles.values()
    assert "nested deeper than" in trouble


def test_what_was_read_below_a_directory_that_cannot_be_listed_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "a.yaml").write_text(entry("a"))
    directory = Directory(tmp_path)
    for path in directory.files():
        directory.read(path)
    scandir = os.scandir

    def closed(path: str) -> object:
        if str(path).endswith("team"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert directory.read_changes([], look_through=True) == {}
    assert directory.troubles == {
        f"{tmp_path}/team": "cannot be listed: Permission denied; what was read below it is kept"
    }
