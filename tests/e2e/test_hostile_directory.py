"""A server in a process of its own starts on a directory full of mischief, and goes on serving."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

from tests.support.documents.kind_documents import workload_entry as entry
from tests.support.processes.chancery import ControlPlane
from tests.support.processes.waiting import eventually


def mischief(directory: Path) -> None:
    """Everything that once ended or stopped a server."""
    texts = {
        "number.yaml": f"spec: {'9' * 5000}\n",
        "number.json": f'{{"spec": {"9" * 5000}}}',
        "half.json": '{"apiVersion": "v1", "kind": "\\ud800", "metadata": {"name": "x"}}',
        "deep.json": '{"a":' * 5000 + "1" + "}" * 5000,
        "bytes.yaml": entry("x") + "---\nkind: VirtualService\nspec: !!binary \xe9\n",
        "bomb.yaml": "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "many.yaml": "---\n".join(f"kind: Wrong{i}\n" for i in range(5000)),
    }  # fmt: skip
    for name, text in texts.items():
        (directory / name).write_text(text)
    (directory / "loop.yaml").symlink_to("loop.yaml")
    (directory / "circle").symlink_to("circle")
    (directory / "self").symlink_to(".")
    os.mkfifo(directory / "pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(directory / "socket.yaml"))
    os.mkdir(os.fsencode(directory) + b"/\xff")  # noqa: PTH102 - bytes
    Path(os.fsdecode(os.fsencode(directory) + b"/\xff/x.yaml")).write_text(entry("x"))


async def test_a_server_starts_on_mischief_and_takes_more_of_it(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "good.yaml").write_text(entry("good"))
    mischief(config)
    async with ControlPlane(config, tmp_path / "run") as plane:
        status = await plane.status()
        places = {problem.place.partition(":")[0] for problem in status.problems}
        names = {Path(place).name for place in places}
        assert names >= {"number.yaml", "number.json", "half.json", "deep.json", "bomb.yaml"}
        assert names >= {"loop.yaml", "pipe.yaml", "socket.yaml", "x.yaml"}
        assert not any("bug in Chancery" in problem.message for problem in status.problems)
        for i in range(3):
            again = config / f"again{i}"
            again.mkdir()
            mischief(again)
            revision = (await plane.status()).revision
            (config / "good.yaml").write_text(entry("good", f"10.0.1.{i}"))

            async def published(than: int = revision) -> bool:
                return (await plane.status()).revision > than

            await eventually(published, "the edit is published", timeout=20)
            if i:
                shutil.rmtree(again)


async def test_who_saves_a_file_reads_on_the_servers_terminal_what_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    saved = config / "entry.yaml"
    saved.write_text(entry("good"))
    async with ControlPlane(config, tmp_path / "run", args=("--removal-delay", "1m")) as plane:

        async def said(text: str) -> None:
            async def is_said() -> bool:
                return text in plane.process.tail(100)

            await eventually(is_said, f"it says {text}", timeout=20)

        saved.write_text(entry("good") + "  colour: red\n")
        await said(
            f'document refused  place={saved}:7 object="WorkloadEntry default/good" field=spec.colour'
        )
        saved.write_text(entry("good"))
        await said(f"problems mended  file={saved}")
        saved.write_text("")
        await said("it was emptied, which may be half a save")
        (problem,) = (await plane.status()).problems
        assert "unless this lasts for 60 s" in problem.message
