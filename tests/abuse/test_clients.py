"""Hostile and broken clients harm nobody else, cost no honest edit its time, and leave nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.abuse.clients import HOSTILE, Hostile
from tests.abuse.outcome import Outcome
from tests.abuse.runner import Stage, attacked

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

_SHORT = frozenset(
    (
        "refuses everything, delta",
        "is there first and refuses, SotW",
        "a sidecar whose egress port is taken",
    )
)


_UNJUDGED = tuple(
    hostile
    for hostile in HOSTILE
    if not hostile.is_first
    and hostile.name.startswith(("refuses", "twenty", "a sidecar", "an Envoy"))
)


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(
            hostile,
            id=hostile.name,
            marks=[] if hostile.name in _SHORT else [pytest.mark.abuse],
        )
        for hostile in HOSTILE
    ],
)
async def test_a_client_harms_nobody_else(
    egress: Stage, hostile: Hostile, promise: Callable[[Outcome], None]
) -> None:
    promise(await attacked(egress, hostile))


@pytest.mark.abuse
@pytest.mark.parametrize("hostile", _UNJUDGED, ids=lambda hostile: hostile.name)
async def test_without_a_judge_no_proxy_takes_from_another_what_that_one_has(
    unjudged: Stage, hostile: Hostile, promise: Callable[[Outcome], None]
) -> None:
    promise(await attacked(unjudged, hostile))
