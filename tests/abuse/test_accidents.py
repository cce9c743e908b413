"""Half a save, odd directories and kills cost nobody a request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.abuse.accidents import ACCIDENTS, Accident
from tests.abuse.outcome import Outcome
from tests.abuse.runner import Stage, happened

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

_SHORT = frozenset(("the directory is empty for a moment", "links go in circles"))


@pytest.mark.parametrize(
    "accident",
    [
        pytest.param(
            accident,
            id=accident.name,
            marks=[] if accident.name in _SHORT else [pytest.mark.abuse],
        )
        for accident in ACCIDENTS
    ],
)
async def test_an_accident_costs_no_request(
    egress: Stage, accident: Accident, promise: Callable[[Outcome], None]
) -> None:
    promise(await happened(egress, accident))
