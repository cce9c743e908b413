"""A database with an index, and a clean record of runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.graphs.number_queries import (
    DIGITS,
    runs,
)
from translators.database import (
    Database,
)


@pytest.fixture(autouse=True)
def _no_runs() -> Iterator[None]:
    runs.clear()
    yield
    runs.clear()


@pytest.fixture
def db() -> Database:
    return Database([DIGITS])
