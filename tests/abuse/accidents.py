"""What happens to files and processes: half a save, odd entries of directories, kills."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.abuse.documents import policy, service
from tests.abuse.poison import POISONS
from tests.abuse.world import World

_BRIEF = 0.7
"""Seconds that half a save lasts: less than any that is meant."""


@dataclass(frozen=True)
class Accident:
    """Something that happens.

    `named` is the file that the status has to name; `is_authors`: the author may lose requests.
    """

    name: str
    act: Callable[[World], Coroutine[None, None, None]]
    named: str = ""
    is_authors: bool = True


async def _emptied_file(world: World) -> None:
    path = world.config / "honest.yaml"
    text = path.read_text()
    path.write_text("")
    await asyncio.sleep(_BRIEF)
    path.write_text(text)


async def _emptied_directory(world: World) -> None:
    """As `git checkout` and `rsync --delete` may do for a moment."""
    texts = {path: path.read_text() for path in world.config.iterdir()}
    for path in texts:
        path.unlink()
    await asyncio.sleep(_BRIEF)
    for path, text in texts.items():
        path.write_text(text)


async def _emptied_files(world: World) -> None:
    texts = {path: path.read_text() for path in world.config.iterdir()}
    for path in texts:
        path.write_text("")
    await asyncio.sleep(_BRIEF)
    for path, text in texts.items():
        path.write_text(text)


async def _directory_away(world: World) -> None:
    away = world.config.with_name("away")
    world.config.rename(away)
    await asyncio.sleep(_BRIEF)
    away.rename(world.config)


async def _directory_replaced(world: World) -> None:
    """Another directory of the same name, with the same files."""
    away = world.config.with_name("old")
    fresh = world.config.with_name("fresh")
    fresh.mkdir()
    for path in world.config.iterdir():
        (fresh / path.name).write_text(path.read_text())
    world.config.rename(away)
    fresh.rename(world.config)
    await asyncio.sleep(_BRIEF)


async def _half_written(world: World) -> None:
    path = world.config / "honest.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("endpoints:") + 18])
    await asyncio.sleep(1.0)
    path.write_text(text)


async def _written_slowly(world: World) -> None:
    """In place, some bytes at a time: some beginnings are documents, most are not."""
    for name in ("author-entry.yaml", "author-policy.yaml"):
        path = world.config / name
        text = path.read_text()
        with path.open("w") as file:
            for at in range(0, len(text), 40):
                file.write(text[at : at + 40])
                file.flush()
                await asyncio.sleep(0.02)


async def _renamed_often(world: World) -> None:
    path = world.config / "honest.yaml"
    for number in range(60):
        moved = world.config / f"honest-{number}.yaml"
        path.rename(moved)
        path = moved
        await asyncio.sleep(0.01)
    path.rename(world.config / "honest.yaml")


async def _swapped(world: World) -> None:
    """Two files exchange their names."""
    one, two, third = (world.config / f"{n}.yaml" for n in ("honest", "shop", "third"))
    for _ in range(20):
        one.rename(third)
        two.rename(one)
        third.rename(two)
        await asyncio.sleep(0.02)


async def _moved_below(world: World) -> None:
    below = world.config / "below" / "it"
    below.mkdir(parents=True)
    (world.config / "honest.yaml").rename(below / "honest.yaml")
    await asyncio.sleep(_BRIEF)
    (below / "honest.yaml").rename(world.config / "honest.yaml")


async def _written_twice(world: World) -> None:
    """The same objects in two files, then in the one."""
    text = (world.config / "honest.yaml").read_text()
    (world.config / "a-copy.yaml").write_text(text)
    await asyncio.sleep(_BRIEF)
    (world.config / "a-copy.yaml").unlink()


async def _mounted_anew(world: World) -> None:
    """As Kubernetes replaces a mounted ConfigMap: behind a link that is renamed."""
    texts = [(path, path.read_text()) for path in world.config.glob("*.yaml")]
    for turn in range(6):
        data = world.config / f"..turn-{turn}"
        data.mkdir()
        for path, text in texts:
            (data / path.name).write_text(text)
        link = world.config / "..data_tmp"
        link.symlink_to(data.name)
        link.rename(world.config / "..data")
        for path, _ in texts:
            if not path.is_symlink():
                fresh = world.config / f".{path.name}"
                fresh.symlink_to(f"..data/{path.name}")
                fresh.rename(path)
        await asyncio.sleep(0.1)
    for path, text in texts:
        whole = world.config / f".{path.name}"
        whole.write_text(text)
        whole.rename(path)


def _entry(make: Callable[[Path], None]) -> Callable[[World], Coroutine[None, None, None]]:
    """Something odd appears in the directory, for a while."""

    async def act(world: World) -> None:
        make(world.config)
        await asyncio.sleep(_BRIEF)

    return act


def _loops(config: Path) -> None:
    (config / "self").symlink_to("self")
    (config / "self.yaml").symlink_to("self.yaml")
    (config / "up").symlink_to("..")
    (config / "here").symlink_to(".")
    (config / "a").mkdir()
    (config / "b").mkdir()
    (config / "a" / "b").symlink_to("../b")
    (config / "b" / "a").symlink_to("../a")


def _odd_names(config: Path) -> None:
    for name in (
        b"\xff\xfe.yaml",
        b"a\nb.yaml",
        b"a\x1b[31m.yaml",
        b"n" * 250 + b".yaml",
        b"\xc3.yml",
    ):
        Path(os.fsdecode(os.fsencode(config) + b"/" + name)).write_text("kind: [")


def _odd_kinds(config: Path) -> None:
    os.mkfifo(config / "pipe.yaml")
    (config / "zero.yaml").symlink_to("/dev/zero")
    (config / "memory.yaml").symlink_to("/proc/self/mem")
    (config / "nobody.yaml").symlink_to("/nonexistent/file")
    (config / "directory.yaml").mkdir()
    (config / ".#honest.yaml").symlink_to("me@host.1234:5678")


def _odd_bytes(config: Path) -> None:
    (config / "latin.yaml").write_bytes("name: Grüße".encode("latin-1"))
    (config / "wide.yaml").write_bytes("kind: Service".encode("utf-16"))
    (config / "zero.yaml").write_bytes(b"\0" * 1000)
    (config / "bell.json").write_bytes(b'{"a": "\x07"}')
    (config / "half.json").write_bytes(rb'{"apiVersion": "v1", "kind": "\ud800"}')
    (config / "digits.json").write_bytes(b'{"apiVersion": ' + b"9" * 5000 + b"}")


def _huge_file(config: Path) -> None:
    with (config / "huge.yaml").open("wb") as file:
        file.truncate(300 << 20)


def _huge_text(config: Path) -> None:
    (config / "huge.yaml").write_text("# nothing\n" * 4_000_000)


def _huge_list(config: Path) -> None:
    (config / "huge.yaml").write_text("a:\n" + "- {b: c, d: [1, 2, 3]}\n" * 200_000)


def _many_files(config: Path) -> None:
    for number in range(3000):
        (config / f"junk-{number}.yaml").write_text("kind: [Nothing")


def _many_services(config: Path) -> None:
    for number in range(300):
        text = service(
            f"many-{number}", f"10.98.{number // 250}.{number % 250}", [("10.7.0.1", 80)]
        )
        (config / f"many-{number}.yaml").write_text(text + "---\n" + policy(f"many-{number}", "1"))


def _deep(config: Path) -> None:
    path = config
    for _ in range(150):
        path /= "deep"
        path.mkdir()
    (path / "end.yaml").write_text("kind: [")


async def _killed(world: World) -> None:
    await world.plane.kill()
    await asyncio.sleep(0.5)
    await world.start_plane()


async def _stopped(world: World) -> None:
    await world.plane.stop()
    await asyncio.sleep(0.5)
    await world.start_plane()


async def _frozen(world: World) -> None:
    world.plane.process.freeze()
    await asyncio.sleep(6.0)
    world.plane.process.thaw()


async def _restarts(world: World) -> None:
    """Twenty in ten seconds; most end before the server is ready."""
    for _ in range(20):
        await world.plane.process.kill()
        await world.plane.start()
        await asyncio.sleep(0.45)
    await world.plane.process.kill()
    await world.start_plane()


async def _killed_amid_edits(world: World) -> None:
    async def edit() -> None:
        for number in range(100):
            (world.config / "author-policy.yaml").write_text(policy("author", str(number)))
            await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        group.create_task(edit())
        await asyncio.sleep(0.5)
        await world.plane.kill()
        await world.start_plane()


async def _renamed_subsets_meanwhile(world: World) -> None:
    """The subsets of a service have other names when the server comes back."""
    await world.plane.kill()
    path = world.config / "honest.yaml"
    path.write_text(
        path.read_text().replace("name: all", "name: every").replace("subset: all", "subset: every")
    )
    await world.start_plane()
    await asyncio.sleep(1.0)


_ONLY_ENVOY = next(each for each in POISONS if "only this Envoy" in each.name)


async def _restarted_with_a_poison(world: World) -> None:
    """What is held back has its last good value after a restart, too."""
    path = world.config / _ONLY_ENVOY.file
    world.write({_ONLY_ENVOY.file: _ONLY_ENVOY.text})
    await world.named(path)
    await world.plane.kill()
    await world.start_plane()
    await world.plane.connected(*world.node_ids)
    await asyncio.sleep(1.0)


def _others(timeout: int) -> dict[str, str]:
    """Six services of others, whose rules have this timeout of connections."""
    return {
        f"other-{number}.yaml": service(
            f"other-{number}", f"10.98.0.{number + 1}", [("10.7.0.1", 80)]
        ).replace("Timeout: 5s", f"Timeout: {timeout}s")
        for number in range(6)
    }


async def _rules_beside_a_poison(world: World) -> None:
    """Six rules change, a service goes and one comes, and a rule makes Envoy refuse the lot."""
    world.write({**_others(1), "goes.yaml": service("goes", "10.98.1.1", [("10.7.0.1", 80)])})
    await world.until_whole()
    poison = next(each for each in POISONS if "connectTimeout beyond" in each.name)
    comes = service("comes", "10.98.1.2", [("10.7.0.1", 80)])
    world.write({**_others(2), "goes.yaml": None, "comes.yaml": comes, poison.file: poison.text})
    await world.named(world.config / poison.file)
    await asyncio.sleep(2.0)


async def _signals(world: World) -> None:
    """Signals that a terminal or a supervisor sends and that mean nothing here."""
    for number in (signal.SIGPIPE, signal.SIGWINCH, signal.SIGCHLD, signal.SIGCONT):
        world.plane.process.signal(number)
        await asyncio.sleep(0.1)


async def _touched(world: World) -> None:
    for _ in range(300):
        for path in world.config.glob("*.yaml"):
            with suppress(FileNotFoundError):
                os.utime(path)
        await asyncio.sleep(0.005)


ACCIDENTS = (
    Accident("a file is empty for a moment", _emptied_file),
    Accident("all files are empty for a moment", _emptied_files),
    Accident("the directory is empty for a moment", _emptied_directory),
    Accident("the directory is away for a moment", _directory_away),
    Accident("the directory is another one", _directory_replaced),
    Accident("half a file is written", _half_written),
    Accident("the author writes slowly", _written_slowly),
    Accident("a file is renamed sixty times", _renamed_often),
    Accident("two files exchange their names", _swapped),
    Accident("a file moves to a directory below", _moved_below),
    Accident("objects stand in two files", _written_twice),
    Accident("a ConfigMap is mounted anew", _mounted_anew),
    Accident("files are touched 300 times", _touched),
    Accident("links go in circles", _entry(_loops)),
    Accident("file names of odd bytes", _entry(_odd_names)),
    Accident("pipes, devices and broken links", _entry(_odd_kinds)),
    Accident("files of odd bytes", _entry(_odd_bytes), "latin.yaml"),
    Accident("a file of 300 MiB of zeros", _entry(_huge_file), "huge.yaml"),
    Accident("a file of 40 MB of comments", _entry(_huge_text)),
    Accident("a file of 200,000 values", _entry(_huge_list), "huge.yaml"),
    Accident("3,000 broken files at once", _entry(_many_files), "junk-7.yaml"),
    Accident("300 services come and go at once", _entry(_many_services)),
    Accident("directories 150 deep", _entry(_deep), "/".join(["deep"] * 33)),
    Accident("the server is killed", _killed, is_authors=False),
    Accident("the server is told to stop", _stopped, is_authors=False),
    Accident("the server is frozen", _frozen, is_authors=False),
    Accident("the server restarts twenty times", _restarts, is_authors=False),
    Accident("the server is killed amid edits", _killed_amid_edits, is_authors=False),
    Accident("subsets are renamed while it is away", _renamed_subsets_meanwhile),
    Accident("it restarts with a poison", _restarted_with_a_poison, is_authors=False),
    Accident("six rules change beside one that Envoy refuses", _rules_beside_a_poison),
    Accident("signals without a meaning", _signals, is_authors=False),
)
