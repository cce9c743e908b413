"""The table of resource types is in order and has no holes."""

from __future__ import annotations

from translators.resource_types import TYPES, Stage, resource_type, short_name


def test_types_are_in_the_order_in_which_they_are_sent() -> None:
    assert [known.short for known in TYPES] == ["cds", "eds", "lds", "rds", "vhds"]
    assert [known.rank for known in TYPES] == list(range(len(TYPES)))


def test_parents_come_before_what_they_refer_to() -> None:
    for known in TYPES:
        assert all(parent.rank < known.rank for parent in known.parents), known.short


def test_a_url_finds_its_type() -> None:
    for known in TYPES:
        assert resource_type(known.url) is known
        assert short_name(known.url) == known.short


def test_what_is_asked_for_by_name_is_never_called_removed() -> None:
    for known in TYPES:
        assert known.is_wildcard_when_empty is not known.is_never_removed, known.short


def test_a_type_without_a_row_comes_last_and_free() -> None:
    url = "type.googleapis.com/example.Unknown"
    unknown = resource_type(url)
    assert unknown.rank > TYPES[-1].rank
    assert unknown.stage is Stage.FREE
    assert unknown.is_wildcard_when_empty
    assert short_name(url) == unknown.short == url
