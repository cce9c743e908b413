"""The README says what is true: its policy is the example's, its targets and commands exist."""

import re
from pathlib import Path

import yaml

from xds_server.cli.main import app
from xds_server.sources.files import read_directory

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "first-policy"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_first_policy_is_the_one_of_the_example() -> None:
    documents = list(yaml.safe_load_all((EXAMPLE / "reviews.yaml").read_text(encoding="utf-8")))
    assert [yaml.safe_load(block) for block in blocks("yaml")] == [documents[-1]]


def test_the_example_has_no_problem() -> None:
    assert read_directory(EXAMPLE).problems == ()


def test_every_command_in_it_exists() -> None:
    known = {command.callback.__name__ for command in app.registered_commands if command.callback}
    told = set(re.findall(r"^chancery (\w+)", "\n".join(blocks("sh")), re.MULTILINE))
    assert told
    assert told <= known


def test_every_target_in_it_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"\bmake (\w+)", "\n".join(blocks("sh"))))
    assert {"demo", "test"} <= told <= targets


def test_every_link_to_a_file_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
