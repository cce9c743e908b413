"""A mistake harms its author only: documents of every kind, added later or there at the start."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.abuse.outcome import Outcome
from tests.abuse.poison import POISONS, Poison
from tests.abuse.runner import Stage, cold, warm

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

_SHORT = frozenset(
    (
        "regex that only this Envoy refuses",
        "stray % in a response header",
        "connectTimeout beyond Envoy's",
        "the host of another beside the own",
        "the address of another",
        "not YAML",
    )
)


def _cases(*marks: pytest.MarkDecorator) -> list[object]:
    """All poisons; those that are not of the short form have the marker `abuse`."""
    return [
        pytest.param(
            poison,
            id=poison.name,
            marks=[*marks, *([] if poison.name in _SHORT else [pytest.mark.abuse])],
        )
        for poison in POISONS
    ]


@pytest.mark.parametrize("poison", _cases())
async def test_added_under_traffic(
    egress: Stage, poison: Poison, promise: Callable[[Outcome], None]
) -> None:
    promise(await warm(egress, poison))


@pytest.mark.parametrize("poison", _cases())
async def test_there_at_the_start(
    egress: Stage, poison: Poison, promise: Callable[[Outcome], None]
) -> None:
    promise(await cold(egress, poison))


@pytest.mark.root
@pytest.mark.parametrize("poison", _cases(pytest.mark.abuse))
async def test_added_under_captured_traffic(
    captured: Stage, poison: Poison, promise: Callable[[Outcome], None]
) -> None:
    promise(await warm(captured, poison))


@pytest.mark.root
@pytest.mark.parametrize("poison", _cases(pytest.mark.abuse))
async def test_there_at_a_captured_start(
    captured: Stage, poison: Poison, promise: Callable[[Outcome], None]
) -> None:
    promise(await cold(captured, poison))
