"""A mistake harms its author only: documents of every kind, added later or there at the start."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from tests.abuse.outcome import Outcome
from tests.abuse.poison import POISONS, Poison
from tests.abuse.runner import Stage, cold, warm

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

_SHORT_WARM = frozenset(
    (
        "VirtualService: regex that only this Envoy refuses",
        "DestinationRule: connectTimeout beyond Envoy's",
        "ServiceEntry: the host of another beside the own",
        "ServiceEntry: the address of another",
        "core: not YAML",
    )
)
_SHORT_COLD = frozenset(
    (
        "VirtualService: regex that only this Envoy refuses",
        "VirtualService: stray % in a response header",
    )
)


def _cases(short: Collection[str] = ()) -> list[object]:
    """All poisons; those that are not of the short form have the marker `abuse`."""
    return [
        pytest.param(
            poison, id=poison.name, marks=[] if poison.name in short else [pytest.mark.abuse]
        )
        for poison in POISONS
    ]


@pytest.mark.parametrize("poison", _cases(_SHORT_WARM))
async def test_added_under_traffic(
    egress: Stage, poison: Poison, promise: Callable[[Outcome], None]
) -> None:
    promise(await warm(egress, poison))


@pytest.mark.parametrize("poison", _cases(_SHORT_COLD))
async def test_there_at_the_start(
    egress: Stage, poison: Poison, promise: Callable[[Outcome], None]
) -> None:
    promise(await cold(egress, poison))


@pytest.mark.root
@pytest.mark.parametrize("poison", _cases())
async def test_added_under_captured_traffic(
    captured: Stage, poison: Poison, promise: Callable[[Outcome], None]
) -> None:
    promise(await warm(captured, poison))


@pytest.mark.root
@pytest.mark.parametrize("poison", _cases())
async def test_there_at_a_captured_start(
    captured: Stage, poison: Poison, promise: Callable[[Outcome], None]
) -> None:
    promise(await cold(captured, poison))


_FOR_ENVOY_ALONE = tuple(poison for poison in POISONS if "only this Envoy" in poison.name)


@pytest.mark.abuse
@pytest.mark.parametrize("poison", _FOR_ENVOY_ALONE, ids=lambda poison: poison.name)
async def test_without_a_judge_it_is_named_too(
    unjudged: Stage, poison: Poison, promise: Callable[[Outcome], None]
) -> None:
    promise(await warm(unjudged, poison))


@pytest.mark.parametrize("poison", _FOR_ENVOY_ALONE, ids=lambda poison: poison.name)
async def test_with_preflight_no_proxy_sees_it(
    preflight: Stage, poison: Poison, promise: Callable[[Outcome], None]
) -> None:
    outcome = await warm(preflight, poison)
    envoys = (await preflight.world()).envoys
    counts = [await envoy.stats("update_rejected") for envoy in envoys]
    refused = sum(sum(count.values()) for count in counts)
    if refused:
        outcome.wrong.append(f"Envoys refused {refused} updates")
    promise(outcome)
