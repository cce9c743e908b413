"""Who sees an object, and in which order several of them go."""

from __future__ import annotations

import pytest

from translators.world.visibility import Exported, export_targets, exported


@pytest.mark.parametrize(
    ("export_to", "targets"),
    [
        ((), ("*",)),
        (("*", "b"), ("*",)),
        (("*", "~"), ("*",)),
        (("~",), ()),
        (("~", ".", "b"), ()),
        ((".", "b", "a"), ("a", "b")),
    ],
)
def test_everybody_goes_over_nobody_and_nobody_over_names(
    export_to: tuple[str, ...], targets: tuple[str, ...]
) -> None:
    assert export_targets(export_to, "a") == targets


@pytest.mark.parametrize(
    ("export_to", "client", "expected"),
    [
        ((".",), "a", Exported.TO_ITSELF),
        (("a", "b"), "a", Exported.TO_ITSELF),
        (("a", "b"), "b", Exported.BY_NAME),
        ((".",), "b", None),
        (("b",), "a", None),
        ((), "a", Exported.TO_EVERYONE),
        (("*", "b"), "b", Exported.TO_EVERYONE),
        (("~",), "a", None),
    ],
)
def test_an_object_comes_to_a_client_by_its_own_namespace_by_name_or_as_to_everyone(
    export_to: tuple[str, ...], client: str, expected: Exported | None
) -> None:
    assert exported(export_to, "a", client) is expected


def test_what_a_namespace_keeps_goes_before_what_is_exported_to_it_and_that_before_the_rest() -> (
    None
):
    assert Exported.TO_ITSELF < Exported.BY_NAME < Exported.TO_EVERYONE
