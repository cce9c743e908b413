"""A table of fields that does not fit its builder fails when it is made, before any document."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from translators.kinds.field_path import Path
from translators.kinds.schema.context import INVALID, Context, Findings
from translators.kinds.schema.record import (
    Check,
    Part,
    optional,
    record,
    record_with_part,
    required,
    spread,
)
from translators.kinds.schema.shape import TEXT, Field, list_of, map_of


@dataclass(frozen=True, slots=True)
class Point:
    name: str
    note: str = ""


@pytest.mark.parametrize(
    ("fields", "attribute"),
    [
        ({"name": required("name", TEXT), "note": optional("nots", TEXT)}, "nots"),
        ({"name": required("name", TEXT), "in": spread({"note": optional("nots", TEXT)})}, "nots"),
        ({"name": optional("name", TEXT)}, "name"),
        ({"in": spread({"name": required("name", TEXT)})}, "name"),
        ({"name": required("name", TEXT), "title": optional("name", TEXT)}, "name"),
    ],
)
def test_fields_that_do_not_fit_fail_at_once(fields: dict[str, Field], attribute: str) -> None:
    with pytest.raises(TypeError, match=attribute):
        record(Point, fields)


def test_spread_fields_are_arguments_of_the_record_around_them() -> None:
    shape = record(
        Point, {"name": required("name", TEXT), "in": spread({"note": optional("note", TEXT)})}
    )
    context = Context(Findings())
    assert shape.parse({"name": "a", "in": {"note": "b"}}, None, context) == Point("a", "b")
    assert shape.parse({"name": "a", "in": {"note": 1}}, None, context) is INVALID
    assert [problem.path for problem in context.findings.problems] == ["in.note"]


def test_nothing_is_built_of_a_list_or_a_map_with_a_mistake() -> None:
    context = Context(Findings())
    assert list_of(TEXT).parse(["a", 1, "b"], None, context) is INVALID
    assert map_of(TEXT).parse({"a": "b", "c": 1}, None, context) is INVALID
    assert [problem.path for problem in context.findings.problems] == ["[1]", "c"]


@dataclass(frozen=True, slots=True)
class Marker:
    at: Point
    colour: str = ""


def test_fields_of_a_part_make_one_argument() -> None:
    part = Part("at", Point, {"name": required("name", TEXT), "note": optional("note", TEXT)})
    shape = record_with_part(Marker, part, {"colour": optional("colour", TEXT)})
    context = Context(Findings())
    given = {"name": "a", "colour": "red", "note": "b"}
    assert shape.parse(given, None, context) == Marker(Point("a", "b"), "red")
    assert shape.parse({"colour": "red"}, None, context) is INVALID
    assert [problem.path for problem in context.findings.problems] == ["name"]


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        (Part("at", Point, {"name": required("nam", TEXT)}), {}),
        (Part("in", Point, {"name": required("name", TEXT)}), {}),
        (Part("at", Point, {"name": required("name", TEXT)}), {"x": optional("name", TEXT)}),
    ],
)
def test_a_part_that_does_not_fit_fails_at_once(part: Part, fields: dict[str, Field]) -> None:
    with pytest.raises(TypeError, match="do not fit"):
        record_with_part(Marker, part, fields)


def _same(point: Point, path: Path, context: Context) -> None:
    if point.name == point.note:
        context.error((path, "note"), "is the name")


def test_a_check_across_fields_runs_though_another_field_has_an_error() -> None:
    @dataclass(frozen=True, slots=True)
    class Place:
        left: str = "a"
        right: str = "b"
        other: str = ""

    def differ(place: Place, path: Path, context: Context) -> None:
        if place.left == place.right:
            context.error((path, "right"), "is the left one")

    fields = {name: optional(name, TEXT) for name in ("left", "right", "other")}
    shape = record(Place, fields, checks=(Check(differ, reads=("left", "right")),))

    def told(value: object) -> list[str]:
        context = Context(Findings())
        shape.parse(value, None, context)
        return [problem.path for problem in context.findings.problems]

    assert told({"left": "c", "right": "c", "other": 1}) == ["other", "right"]
    assert told({"left": "c", "right": "c", "unknown": 1}) == ["unknown", "right"]
    assert told({"left": "b", "right": 1}) == ["right"]
    assert told({"left": "b", "other": 1}) == ["other", "right"]
    assert told({"left": "c", "right": "c"}) == ["right"]


def test_an_error_of_a_check_spoils_what_the_record_is_part_of() -> None:
    fields = {"name": required("name", TEXT), "note": optional("note", TEXT)}
    shape = list_of(record(Point, fields, checks=(Check(_same, reads=("name", "note")),)))
    context = Context(Findings())
    assert shape.parse([{"name": "a", "note": "a"}], None, context) is INVALID
    assert shape.parse([{"note": "a"}], None, context) is INVALID
    paths = [problem.path for problem in context.findings.problems]
    assert paths == ["[0].note", "[0].name"]


def test_a_check_reads_fields_that_there_are() -> None:
    with pytest.raises(TypeError, match="nmae"):
        record(Point, {"name": required("name", TEXT)}, checks=(Check(_same, reads=("nmae",)),))
