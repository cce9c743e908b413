"""Places are told to people: of a file with the line, of an API server with the object."""

from __future__ import annotations

from translators.model.origin import FilePlace, ObjectReference, Origin, Problem, Severity
from translators.object_key import ObjectKey

KEY = ObjectKey("VirtualService", "default", "web")


def problem(origin: Origin | None, line: int = 0) -> Problem:
    return Problem(Severity.ERROR, "is wrong", "spec.hosts", KEY, origin, line)


def test_a_place_in_a_file_has_the_fields_own_line_if_it_is_known() -> None:
    place = FilePlace("web.yaml", 2, 11)
    assert problem(place).place == "web.yaml:11"
    assert problem(place, 14).place == "web.yaml:14"


def test_an_object_of_a_server_has_no_lines() -> None:
    place = ObjectReference("kubernetes", KEY, "42")
    assert problem(place, 14).place == "kubernetes: VirtualService default/web"


def test_without_an_origin_there_is_no_place() -> None:
    assert problem(None).place == ""
