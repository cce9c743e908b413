"""What a user of the database writes and sees: queries, indexes, outcomes, and what was read.

A query is a plain function `f(db, *key)` under the decorator `@query`. Its rules: it reads
inputs and other queries only through `db`, changes nothing, and returns values that compare by
`==` and are never mutated. Key arguments are hashable, positional, and compare by `==`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeAlias, TypeVar, TypeVarTuple

from translators.object_key import ObjectKey

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Ts = TypeVarTuple("Ts")

Key: TypeAlias = tuple[object, ...]
"""The key arguments of one call of a query."""


class Reader(Protocol):
    """What a query sees of the database; each call is recorded as a read of the running query."""

    def input(self, key: ObjectKey) -> object | None:
        """The value of an input, or None when there is none; absence is recorded too."""

    def inputs(self, kind: str) -> tuple[ObjectKey, ...]:
        """The sorted keys of the inputs of a kind; depends on them, not on the values."""

    def lookup(self, index: Index, key: Hashable) -> tuple[ObjectKey, ...]:
        """The sorted keys of the inputs that an index files under `key`; depends on no others."""

    def index_keys(self, index: Index, group: Hashable = None) -> tuple[Hashable, ...]:
        """The sorted distinct keys of an index; depends on them, not on what they hold.

        With a group, only the keys of that group: depends on no others. None stands for all keys.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """A lookup table over the inputs of one kind, kept up to date by the database.

    Indexes are constants, told apart by identity, and given to the `Database` when it is made.

    Attributes:
        name: What explanations call it.
        kind: The kind of input that it files.
        keys: Pure function from the value of one input to the index keys it is filed under. Keys
            are hashable and comparable with each other; duplicates count once; none at all is fine.
        is_grouped: Whether keys are tuples whose first item is the group that they belong to.
    """

    name: str
    kind: str
    keys: Callable[[object], Iterable[Hashable]]
    is_grouped: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AnyQuery:
    """A query whose types nobody needs to know: told apart by identity, named for messages.

    Attributes:
        name: The name of the function.
        function: The function that was decorated.
    """

    name: str
    function: Callable[..., object] = field(repr=False)


class QueryKey(NamedTuple, Generic[R_co]):
    """The name of one result: a query and its key arguments, equal if both are."""

    query: AnyQuery
    key: Key

    def __repr__(self) -> str:
        """The call as one would write it, without the database."""
        return f"{self.query.name}({', '.join(map(repr, self.key))})"


@dataclass(frozen=True, slots=True, eq=False)
class Query(AnyQuery, Generic[*Ts, R]):
    """A memoised pure function of the database, made by the decorator `query`.

    Called inside another query, it also records that the other one read it.
    """

    def ref(self, *key: *Ts) -> QueryKey[R]:
        """The name of the result for these key arguments."""
        return QueryKey(self, key)

    if TYPE_CHECKING:

        def __call__(self, db: Reader, *key: *Ts) -> R:
            """The result for these key arguments, from memory if it is still right."""

        def last_good(self, db: Reader, *key: *Ts) -> R | None:
            """The result or, while the query raises, what it last was; None: it never was.

            For a list of many, which one that fails is not to spoil. Only here an outcome depends
            on earlier ones: a failure is a bug, and what was served before it stays.
            """

    else:
        # The hot path of all translation. It reaches into the graph, because one more method call
        # would cost a fifth of a hit; everything that is not a plain hit is left to `recall`.
        def __call__(self, db: object, *key: object) -> object:
            """The result for these key arguments, from memory if it is still right."""
            try:
                node = db.memo[self][key]
            except KeyError:
                return db.recall(self, key)
            if node.current:
                reads = db.reads
                if reads is not None:
                    reads.append(node)
                return node.value
            return db.recall(self, key)

        def last_good(self, db: object, *key: object) -> object | None:
            """The result or, while the query raises, what it last was; None: it never was."""
            return db.recall_good(self, key)


def query(function: Callable[[Reader, *Ts], R]) -> Query[*Ts, R]:
    """Make a plain function `f(db, *key)` a query."""
    return Query(function.__name__, function)


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """The outcome of a query that raised.

    Equal to another failure when the exceptions have the same type, arguments and attributes: the
    same mistake, even if a re-run made a new exception object of it.

    Attributes:
        exception: What was raised; every reader of the result gets it raised again.
        origin: The query that raised it first.
        traceback: The traceback as text, because a live one would keep every frame's variables
            alive.
    """

    exception: Exception
    origin: QueryKey[object]
    traceback: str = field(repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Failure):
            return NotImplemented
        mine, theirs = self.exception, other.exception
        return mine is theirs or (
            type(mine) is type(theirs)
            and mine.args == theirs.args
            and vars(mine) == vars(theirs)
            and self.origin == other.origin
        )

    def __hash__(self) -> int:
        return hash((type(self.exception), self.origin))


class CycleError(Exception):
    """Queries that need each other's results; every one of them fails with this error.

    Attributes:
        members: The queries in the order in which they read each other, the last reads the first.
            Starts with the one whose text sorts first, so that the message does not depend on where
            the cycle was entered.
    """

    members: tuple[QueryKey[object], ...]

    def __init__(self, members: Iterable[QueryKey[object]]) -> None:
        path = tuple(members)
        first = min(range(len(path)), key=lambda i: str(path[i]))
        self.members = path[first:] + path[:first]
        names = " -> ".join(str(member) for member in (*self.members, self.members[0]))
        super().__init__(f"queries read each other in a circle: {names}; break it at one of them")


@dataclass(frozen=True, slots=True)
class InputRead:
    """A query read the value of an input, or its absence."""

    key: ObjectKey


@dataclass(frozen=True, slots=True)
class KindRead:
    """A query listed the inputs of a kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class LookupRead:
    """A query looked up one key of an index."""

    index: str
    key: Hashable


@dataclass(frozen=True, slots=True)
class IndexKeysRead:
    """A query listed the keys of an index, or (group not None) those of one group."""

    index: str
    group: Hashable = None


ListingRead: TypeAlias = KindRead | LookupRead | IndexKeysRead
"""A list of keys that a query read."""

Dependency: TypeAlias = QueryKey[object] | InputRead | ListingRead
"""One thing that a query read while it ran."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts since the database was made, and its present size.

    Attributes:
        runs: How many times the function of a query was run to its end.
        hits: How many reads of running queries found the result, input or listing ready; a thing
            read twice by one run counts once.
        verified: How many results were found still valid after a change without being run.
        results: How many results are in memory.
        inputs: How many inputs there are, with the absent ones that some result has asked for.
        listings: How many kinds and index keys are in memory.
    """

    runs: int
    hits: int
    verified: int
    results: int
    inputs: int
    listings: int
