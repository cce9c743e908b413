"""The incremental query database: inputs, queries with recorded reads, provenance and forks."""

from translators.database.database import Database, Fork
from translators.database.query import (
    AnyQuery,
    CycleError,
    Dependency,
    Failure,
    Index,
    IndexKeysRead,
    InputRead,
    KindRead,
    LookupRead,
    Query,
    QueryKey,
    Reader,
    Statistics,
    query,
)

__all__ = [
    "AnyQuery",
    "CycleError",
    "Database",
    "Dependency",
    "Failure",
    "Fork",
    "Index",
    "IndexKeysRead",
    "InputRead",
    "KindRead",
    "LookupRead",
    "Query",
    "QueryKey",
    "Reader",
    "Statistics",
    "query",
]
