"""What outlives the process: replaced as a whole, for its owner only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from xds_server.errors import StateError
from xds_server.state_directory import StateDirectory


def test_what_was_written_is_read_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "state" / "deep"
    state = StateDirectory(path)
    assert state.read("a.json") == ""
    state.write("a.json", "one")
    state.write("a.json", "two")
    assert StateDirectory(path).read("a.json") == "two"
    assert [each.name for each in path.iterdir()] == ["a.json"]
    assert stat.S_IMODE((path / "a.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_what_cannot_be_replaced_stays(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    (tmp_path / "a.json").mkdir()
    with pytest.raises(StateError, match=r"a\.json cannot be written"):
        state.write("a.json", "one")
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_what_cannot_be_read_is_said(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        (tmp_path / "a.json").mkdir()
    else:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(StateError, match=r"a\.json cannot be read"):
        StateDirectory(tmp_path).read("a.json")


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be made"):
        StateDirectory(tmp_path / "file" / "state").read("a.json")
