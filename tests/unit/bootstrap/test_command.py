"""`chancery bootstrap` prints what was asked for and says what is wrong with what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import typer
import yaml
from typer.testing import CliRunner

from xds_server.cli.bootstrap import bootstrap

RUNNER = CliRunner()
APP = typer.Typer()
APP.command()(bootstrap)


def test_prints_yaml_for_envoy() -> None:
    arguments = [
        "web-0.shop",
        "--locality",
        "eu-1/eu-1a",
        "-l",
        "app=web",
        "--inbound",
        "9080=19080",
    ]
    result = RUNNER.invoke(
        APP, [*arguments, "--ip", "10.0.0.7", "--control-plane", "unix:/run/xds.sock"]
    )
    assert result.exit_code == 0, result.output
    node = yaml.safe_load(result.output)["node"]
    assert node["id"] == "web-0.shop"
    assert node["locality"] == {"region": "eu-1", "zone": "eu-1a"}
    assert node["metadata"]["CHANCERY_INBOUND"] == {"9080": "127.0.0.1:19080"}


def test_namespace_flag_leaves_the_name_whole() -> None:
    result = RUNNER.invoke(APP, ["web.0", "-n", "shop", "--mode", "grpc"])
    assert json.loads(result.output)["node"]["id"] == "web.0.shop"


def test_namespace_is_default_when_not_given() -> None:
    result = RUNNER.invoke(APP, ["web"])
    assert yaml.safe_load(result.output)["node"]["id"] == "web.default"


def test_writes_a_file_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "envoy.yaml"
    result = RUNNER.invoke(APP, ["web", "-o", str(path)])
    assert result.output == ""
    assert "DELTA_GRPC" in path.read_text()


def test_mistake_is_a_usage_error_that_says_what_to_do() -> None:
    result = RUNNER.invoke(APP, ["web", "--mode", "captured"])
    assert result.exit_code == 2
    assert "--ip" in result.output


def test_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    result = RUNNER.invoke(APP, ["web", "-o", str(tmp_path / "no" / "envoy.yaml")])
    assert result.exit_code == 2
    assert "cannot write" in result.output
