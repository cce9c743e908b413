"""`chancery status`: what a person reads, and what a program gets."""

import json
from dataclasses import replace

import pytest
import yaml

from tests.support.fakes.mesh_status import API, MESH, WEB
from xds_server.admin.documents import document
from xds_server.cli.options import Output
from xds_server.cli.printing import print_document
from xds_server.cli.status import report
from xds_server.status import MeshStatus, ProxyStatus


def lines(mesh: MeshStatus) -> list[str]:
    return [line.plain for line in report(mesh)]


def test_the_first_line_says_how_many_have_the_newest_revision() -> None:
    assert lines(MESH)[0] == "revision 42; 1 of 2 proxies have it"


def test_each_proxy_is_a_line_with_its_state_per_type_in_aligned_columns() -> None:
    table = lines(MESH)[2:5]
    assert table[0].split() == [
        "PROXY",
        "LOCALITY",
        "VERSION",
        "MODE",
        "WIRE",
        "CDS",
        "EDS",
        "VHDS",
        "REVISION",
    ]
    assert table[1].split()[5:] == ["acked", "12", "behind", "11", "rejected", "9", "41"]
    assert table[2].split()[5:] == ["acked", "12", "acked", "11", "acked", "9", "42"]
    for head in ("LOCALITY", "EDS", "VHDS", "REVISION"):
        start = table[0].index(head)
        assert all(line[start - 1] == " " != line[start] for line in table[1:])


def test_a_rejecting_proxy_is_listed_with_envoys_reason() -> None:
    assert "  api-0.default vhds: Only unique values for domains are permitted" in lines(MESH)


def test_a_rejected_object_is_named_with_file_line_field_and_what_serves_instead() -> None:
    text = "\n".join(lines(MESH))
    assert "rejected by Envoy (1)" in text
    assert "mesh/reviews.yaml:12  VirtualService default/reviews  spec.hosts" in text
    assert "proxies have instead: the last good version" in text


def test_a_problem_is_named_with_file_line_and_field() -> None:
    text = "\n".join(lines(MESH))
    assert (
        "error  mesh/ratings.yaml:7  DestinationRule default/ratings  "
        "spec.trafficPolicy.loadBalancer.simpel\n    unknown field; did you mean 'simple'?"
    ) in text


def test_states_are_coloured() -> None:
    styles = {
        str(span.style): line.plain[span.start : span.end]
        for line in report(MESH)[2:5]
        for span in line.spans
    }
    assert styles["yellow"] == "behind 11"
    assert styles["red"] == "rejected 9"


def test_a_proxy_without_a_type_has_a_dash_there() -> None:
    table = lines(MeshStatus(42, (replace(WEB, types=()), WEB)))[2:]
    assert table[1].split()[-4:] == ["-", "-", "-", "42"]


def test_nobody_connected_is_said_in_words() -> None:
    assert lines(MeshStatus(7))[0] == "revision 7; no proxies are connected"


def test_a_message_cannot_steer_the_terminal() -> None:
    forged = replace(API, id="web\x1b[2J")
    text = "\n".join(lines(MeshStatus(1, (forged,))))
    assert "\x1b" not in text


def test_json_and_yaml_hold_the_same_and_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    print_document(document(MESH), Output.JSON)
    as_json = json.loads(capsys.readouterr().out)
    print_document(document(MESH), Output.YAML)
    assert yaml.safe_load(capsys.readouterr().out) == as_json
    assert list(as_json["proxies"][0]) == [*ProxyStatus.__dataclass_fields__]


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        ("1.40.0", "what proxies reject is judged by Envoy 1.40.0"),
        ("", "no Envoy judges what proxies reject: each keeps what it has"),
    ],
)
def test_who_judges_is_said_at_the_end(judge: str, words: str) -> None:
    assert lines(MeshStatus(7, judge=judge))[-1] == words
