"""`chancery validate`: problems with file, line and field, and an exit code for scripts."""

import json
from pathlib import Path

import pytest
import typer

from tests.support.documents.objects import service_entry
from xds_server.cli.options import Output
from xds_server.cli.validate import validate

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  ports: [{port: 80, name: http}]
"""
TYPO = SERVICE.replace("ports:", "prots:")


def test_a_good_directory_is_one_line_and_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.yaml").write_text(SERVICE)
    validate(tmp_path)
    assert capsys.readouterr().out == "1 object, no errors, no warnings\n"


def test_a_bad_document_is_named_with_file_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.yaml").write_text(f"{SERVICE}---\n{TYPO.replace('web', 'typo')}")
    with pytest.raises(typer.Exit) as ended:
        validate(tmp_path)
    assert ended.value.exit_code == 1
    printed = capsys.readouterr().out
    assert "web.yaml:11  Service default/typo  spec.prots\n" in printed
    assert "ports" in printed
    assert printed.endswith("1 object, 1 error, no warnings\n")


def test_an_object_whose_host_another_one_has_is_a_warning_that_names_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(service_entry("a", "x.com", namespace="a"))
    (tmp_path / "b.yaml").write_text(f"---\n{service_entry('b', 'y.com, x.com', namespace='a')}")
    validate(tmp_path)
    printed = capsys.readouterr().out
    assert "b.yaml:2  ServiceEntry a/b  spec.hosts[1]\n" in printed
    assert "x.com is that of ServiceEntry a/a at " in printed
    assert printed.endswith("2 objects, no errors, 1 warning\n")


def test_programs_get_the_same_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "web.yaml").write_text(TYPO)
    with pytest.raises(typer.Exit):
        validate(tmp_path, Output.JSON)
    found = json.loads(capsys.readouterr().out)
    assert found["objects"] == 0
    assert [problem["path"] for problem in found["problems"]] == ["spec.prots"]


def test_the_summary_counts_what_is_not_told_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typos = (TYPO.replace("name: web", f"name: web{i}") for i in range(412))
    (tmp_path / "web.yaml").write_text("---\n".join(typos))
    with pytest.raises(typer.Exit):
        validate(tmp_path)
    printed = capsys.readouterr().out
    assert "and 312 more errors\n" in printed
    assert printed.endswith("no objects, 412 errors, no warnings\n")
