"""Random query graphs for the database, and an oracle that evaluates them without memory.

A graph is a list of nodes, a node a list of steps; node `i` reads only nodes below `i`. The same
steps are run by one query of the database and by the oracle. The oracle notes what every node read
and what it got, and from that alone says what an incremental database may run after an edit.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from translators.database import Database, Failure, Index, Query, Reader, query
from translators.object_key import ObjectKey

KINDS = ("A", "B")
NAMES = ("a", "b", "c")
Step = tuple[object, ...]
Steps = tuple[Step, ...]
Program = tuple[Steps, ...]
Value = tuple[int, tuple[int, ...]]
World = dict[ObjectKey, Value]
Reading = tuple[object, ...]
Outcome = tuple[str, object]


def _buckets(value: object) -> tuple[int, ...]:
    assert isinstance(value, tuple)
    return value[1]


def _number(value: object) -> int:
    assert isinstance(value, tuple)
    return int(value[0])


BUCKETS = Index("by-bucket", "A", _buckets)
PARITY = Index("by-parity", "B", lambda value: (f"parity-{_number(value) % 2}",))
GROUPED = Index(
    "by-sum",
    "A",
    lambda value: [(bucket % 2, bucket + _number(value) % 3) for bucket in _buckets(value)],
    is_grouped=True,
)


class BrokenError(Exception):
    """What a step of a random node raises; says who and why."""


class _Asker:
    """Runs the steps of one node, asking `ask` for all that they read."""

    def __init__(self, number: int, ask: Callable[[Reading], object]) -> None:
        self._number = number
        self._ask = ask
        self._sum = 0

    def run(self, steps: Iterable[Step]) -> int:
        for what, *how in steps:
            getattr(self, f"_{what}")(*how)
        return self._sum

    def _add(self, value: object) -> None:
        self._sum += _number(value) if value is not None else 7

    def _input(self, key: ObjectKey) -> None:
        self._add(self._ask(("input", key)))

    def _node(self, number: int) -> None:
        self._sum += 3 * int(str(self._ask(("node", number))))

    def _pick(self, key: ObjectKey, below: int) -> None:
        """Read a node that an input chooses."""
        self._add(value := self._ask(("input", key)))
        if below:
            self._node((_number(value) if value is not None else 0) % below)

    def _when(self, key: ObjectKey, steps: Steps) -> None:
        value = self._ask(("input", key))
        if value is not None and _number(value) % 2:
            self.run(steps)

    def _kind(self, kind: str) -> None:
        self._sum += len(self._listing(("kind", kind)))

    def _each(self, kind: str) -> None:
        for key in self._listing(("kind", kind)):
            self._add(self._ask(("input", key)))

    def _bucket(self, index: Index, key: Hashable, deep: bool) -> None:
        for member in self._listing(("bucket", index, key)):
            self._sum += 1
            if deep:
                self._add(self._ask(("input", member)))

    def _index_keys(self, index: Index) -> None:
        for key in self._listing(("index keys", index)):
            self._sum = self._sum * 5 + (key if isinstance(key, int) else len(str(key)))

    def _group(self, index: Index, group: int) -> None:
        for key in self._listing(("group", index, group)):
            self._sum = self._sum * 5 + int(key[1])

    def _modulo(self, by: int) -> None:
        self._sum %= by

    def _break(self, by: int) -> None:
        if self._sum % by == 0:
            raise BrokenError(self._number, self._sum)

    def _attempt(self, number: int) -> None:
        try:
            self._node(number)
        except BrokenError:
            self._sum += 11

    def _listing(self, reading: Reading) -> tuple[ObjectKey, ...]:
        keys = self._ask(reading)
        assert isinstance(keys, tuple)
        return keys


def make_query(program: Program, log: list[int]) -> Query[int, int]:
    """The query that evaluates the nodes of a program; each run adds its number to the log."""

    @query
    def node(db: Reader, number: int) -> int:
        log.append(number)

        def ask(reading: Reading) -> object:
            match reading:
                case "input", tuple(key):
                    return db.input(key)
                case "kind", str(kind):
                    return db.inputs(kind)
                case "bucket", Index() as index, key:
                    return db.lookup(index, key)
                case "index keys", Index() as index:
                    return db.index_keys(index)
                case "group", Index() as index, group:
                    return db.index_keys(index, group)
                case "node", int(other):
                    return node(db, other)
            raise AssertionError(reading)

        return _Asker(number, ask).run(program[number])

    return node


@dataclass
class Oracle:
    """Evaluates a program over a world, once per node, and keeps what each node read and got."""

    program: Program
    world: World
    traces: dict[int, list[tuple[Reading, Outcome]]] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    def outcome(self, number: int) -> Outcome:
        """The value of a node, or what it raised."""
        if number not in self.outcomes:
            trace: list[tuple[Reading, Outcome]] = []

            def ask(reading: Reading) -> object:
                outcome = self.answer(reading)
                trace.append((reading, outcome))
                if outcome[0] == "broken":
                    assert isinstance(outcome[1], tuple)
                    raise BrokenError(*outcome[1])
                return outcome[1]

            try:
                result = ("value", _Asker(number, ask).run(self.program[number]))
            except BrokenError as broken:
                result = ("broken", broken.args)
            self.outcomes[number] = result
            self.traces[number] = trace
        return self.outcomes[number]

    def answer(self, reading: Reading) -> Outcome:
        """What a read yields in this world."""
        match reading:
            case "input", key:
                return "value", self.world.get(key)
            case "kind", kind:
                return "value", tuple(sorted(key for key in self.world if key.kind == kind))
            case "bucket", Index() as index, wanted:
                members: list[ObjectKey] = []
                for key, value in self.world.items():
                    if key.kind == index.kind and wanted in index.keys(value):
                        insort(members, key)
                return "value", tuple(members)
            case "index keys", Index() as index:
                return "value", tuple(sorted(self._keys(index)))
            case "group", Index() as index, group:
                grouped = {k for k in self._keys(index) if isinstance(k, tuple) and k[0] == group}
                return "value", tuple(sorted(grouped))
            case "node", int(number):
                return self.outcome(number)
        raise AssertionError(reading)

    def _keys(self, index: Index) -> set[Hashable]:
        values = [value for key, value in self.world.items() if key.kind == index.kind]
        return {key for value in values for key in index.keys(value)}

    def reach(self, roots: Iterable[int]) -> set[int]:
        """The nodes that the roots need, themselves included."""
        found: set[int] = set()
        todo = list(roots)
        while todo:
            number = todo.pop()
            if number not in found:
                found.add(number)
                self.outcome(number)
                todo += (reading[1] for reading, _ in self.traces[number] if reading[0] == "node")
        return found

    def inputs_of(self, number: int) -> set[ObjectKey]:
        """The inputs whose value or absence the node depends on."""
        nodes = self.reach([number])
        return {r[1] for node in nodes for r, _ in self.traces[node] if r[0] == "input"}

    def must_run(self, before: Oracle, remembered: set[int], roots: Iterable[int]) -> list[int]:
        """The nodes to run, sorted, when results of `remembered` are known from `before`."""
        return sorted(
            number
            for number in self.reach(roots)
            if number not in remembered
            or any(
                self.answer(reading) != outcome
                for reading, outcome in _first_change(self, before, number)
            )
        )


def _first_change(now: Oracle, before: Oracle, number: int) -> Iterator[tuple[Reading, Outcome]]:
    for reading, outcome in before.traces[number]:
        yield reading, outcome
        if now.answer(reading) != outcome:
            return


def same_outcome(db: Database, node: Query[int, int], number: int, expected: Outcome) -> None:
    """Fail unless the outcome in the database is the oracle's."""
    outcome = db.outcome(node.ref(number))
    if isinstance(outcome, Failure):
        assert ("broken", outcome.exception.args) == expected
        assert isinstance(outcome.exception, BrokenError)
        assert outcome.origin == node.ref(outcome.exception.args[0])
    else:
        assert ("value", outcome) == expected


keys = st.builds(
    ObjectKey, st.sampled_from(KINDS), st.just("n"), st.sampled_from(NAMES), st.just("")
)
values = st.tuples(st.integers(0, 4), st.lists(st.integers(0, 2), max_size=2).map(tuple))
edits = st.tuples(keys, st.one_of(st.none(), values, values))
worlds = st.dictionaries(keys, values, min_size=2, max_size=6)


def random_program(seed: int, size: int) -> Program:
    """A dense program: most nodes read nodes, and values are small, so that many come out equal."""
    draw = Random(seed)
    return tuple(tuple(_steps(draw, number)) for number in range(size))


def _steps(draw: Random, below: int) -> Iterator[Step]:
    for _ in range(draw.randint(1, 4)):
        yield _step(draw, below, deep=False)
    if draw.random() < 0.2:
        yield "break", draw.randint(2, 5)
    if draw.random() < 0.8:
        yield "modulo", draw.randint(1, 4)


def _step(draw: Random, below: int, *, deep: bool) -> Step:
    key = ObjectKey(draw.choice(KINDS), "n", draw.choice(NAMES))
    steps: list[Step] = [
        ("input", key),
        ("input", key),
        ("kind", key.kind),
        ("each", key.kind),
        ("bucket", BUCKETS, draw.randint(0, 2), draw.random() < 0.5),
        ("bucket", PARITY, draw.choice(["parity-0", "parity-1"]), draw.random() < 0.5),
        ("index_keys", draw.choice([BUCKETS, PARITY, GROUPED])),
        ("group", GROUPED, draw.randint(0, 1)),
    ]
    if below:
        steps += [("node", draw.randrange(below)) for _ in range(6)]
        steps += [("pick", key, below)] * 2
        steps.append(("attempt", draw.randrange(below)))
    if not deep:
        inner = tuple(_step(draw, below, deep=True) for _ in range(draw.randint(1, 3)))
        steps += [("when", key, inner)] * 3
    return draw.choice(steps)


programs = st.builds(random_program, st.integers(0, 2**32), st.integers(2, 10))


def apply_edit(world: World, key: ObjectKey, value: Value | None) -> None:
    """Do to the world what an edit does to the database."""
    if value is None:
        world.pop(key, None)
    else:
        world[key] = value
