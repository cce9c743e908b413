"""The printed reference is what the commands say of themselves."""

from pathlib import Path

from xds_server.cli.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_reference_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "docs/cli.md is old: run 'make docs'"
