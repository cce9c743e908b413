"""The judge: says which of some resources an Envoy of our own rejects."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from translators.model.resource import Resource
from xds_server.errors import JudgeError
from xds_server.judge.bootstrap import bootstrap
from xds_server.judge.envoy import Refusal, envoy_version, find_envoy, read_bootstrap
from xds_server.judge.sorting import rejected

RUNS_AT_A_TIME: Final = 2


@dataclass(frozen=True, slots=True)
class Judge:
    """An Envoy that reads resources without using them.

    Attributes:
        path: The executable.
        version: Which Envoy it is, such as `1.40.0`.
    """

    path: Path
    version: str
    _turns: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, RUNS_AT_A_TIME))

    async def rejected(self, resources: Sequence[Resource]) -> dict[Resource, str]:
        """Those of some resources that it rejects, with the reason in its own words.

        Raises:
            JudgeError: It does not run any more.
        """
        refused = await rejected(resources, self._read)
        if refused:
            await self.check()
        return refused

    async def check(self) -> None:
        """Make sure that it accepts what is surely right.

        Raises:
            JudgeError: It does not.
        """
        refusal = await self._read(bootstrap(()))
        if refusal is not None:
            raise JudgeError(f"{self.path} rejects even an empty bootstrap: {refusal.reason}")

    async def _read(self, config: bytes) -> Refusal | None:
        async with self._turns:
            return await read_bootstrap(self.path, config)


async def find_judge(setting: str) -> Judge | None:
    """The judge that a setting asks for, see `find_envoy`; None when there is none.

    Raises:
        JudgeError: There is one, and it does not work.
    """
    path = find_envoy(setting)
    if path is None:
        return None
    judge = Judge(path, await envoy_version(path))
    await judge.check()
    return judge
