"""The database against an oracle that remembers nothing, over random graphs and edits."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.graphs.query_graphs import (
    BUCKETS,
    GROUPED,
    PARITY,
    Oracle,
    Program,
    Value,
    World,
    apply_edit,
    edits,
    make_query,
    programs,
    same_outcome,
    worlds,
)
from translators.database import Database
from translators.object_key import ObjectKey

Edit = tuple[ObjectKey, Value | None]
Batch = tuple[list[Edit], list[tuple[bool, int]]]

numbers = st.integers(0, 9)
batches = st.lists(
    st.tuples(
        st.lists(edits, min_size=1, max_size=4),
        st.lists(st.tuples(st.booleans(), numbers), max_size=2),
    ),
    min_size=1,
    max_size=6,
)


def fill(db: Database, world: World, revision: int = 1) -> None:
    for key, value in world.items():
        db.set(key, value, revision)


def edit(db: Database, key: ObjectKey, value: Value | None, revision: int) -> bool:
    return db.remove(key, revision) if value is None else db.set(key, value, revision)


@settings(max_examples=200, deadline=None)
@given(programs, worlds, st.sets(numbers, min_size=1, max_size=3), batches)
def test_after_any_edits_results_runs_changes_and_memory_are_what_the_oracle_says(
    program: Program, world: World, first: set[int], batches: list[Batch]
) -> None:
    size = len(program)
    log: list[int] = []
    node = make_query(program, log)
    db = Database([BUCKETS, PARITY, GROUPED])
    fill(db, world)
    held = dict.fromkeys(sorted({number % size for number in first}))
    for number in held:
        db.pin(node.ref(number))
    before, remembered = Oracle(program, dict(world)), set[int]()
    reported: dict[int, object] = {}
    revisions = dict.fromkeys(world, 1)

    for revision, (changes, holds) in enumerate([([], []), *batches], start=2):
        for key, value in changes:
            was = world.get(key)
            apply_edit(world, key, value)
            assert edit(db, key, value, revision) is (was != value)
            if was != value:
                revisions[key] = revision
        for hold, choice in holds:
            number = choice % size
            if hold and number not in held:
                held[number] = None
                db.pin(node.ref(number))
            elif not hold and number in held:
                del held[number]
                reported.pop(number, None)
                db.unpin(node.ref(number))
        now = Oracle(program, dict(world))
        log.clear()
        changed = db.settle()

        assert sorted(log) == now.must_run(before, remembered, held)
        expected = {number: now.outcome(number) for number in held}
        assert changed == tuple(
            node.ref(number)
            for number in held
            if number not in reported or reported[number] != expected[number]
        )
        reported = dict(expected)
        remembered = now.reach(held)
        assert db.statistics.results == len(remembered)
        for number in held:
            same_outcome(db, node, number, expected[number])
            assert db.provenance(node.ref(number)) == tuple(
                (key, revisions[key] if key in world else None)
                for key in sorted(now.inputs_of(number))
            )
        assert not db.settle()
        before = now


@settings(max_examples=100, deadline=None)
@given(programs, worlds, st.lists(st.one_of(edits, numbers), min_size=3, max_size=15))
def test_reads_between_edits_see_what_a_fresh_database_would(
    program: Program, world: World, events: list[Edit | int]
) -> None:
    node = make_query(program, [])
    db = Database([BUCKETS, PARITY, GROUPED])
    fill(db, world)
    db.pin(node.ref(len(program) - 1))
    for event in events:
        if isinstance(event, int):
            number = event % len(program)
            same_outcome(db, node, number, Oracle(program, world).outcome(number))
            if event > 5:
                db.settle()
        else:
            apply_edit(world, *event)
            edit(db, *event, 2)
    for number in range(len(program)):
        same_outcome(db, node, number, Oracle(program, world).outcome(number))
    for index in (BUCKETS, PARITY, GROUPED):
        answer = Oracle(program, world).answer(("index keys", index))
        assert ("value", db.index_keys(index)) == answer


@settings(max_examples=200, deadline=None)
@given(
    programs,
    worlds,
    st.lists(edits, min_size=1, max_size=3),
    st.sets(numbers, min_size=1, max_size=3),
)
def test_a_fork_runs_what_its_edits_change_and_nothing_else(
    program: Program, world: World, changes: list[Edit], first: set[int]
) -> None:
    roots = sorted({number % len(program) for number in first})
    log: list[int] = []
    node = make_query(program, log)
    db = Database([BUCKETS, PARITY, GROUPED])
    fill(db, world)
    for number in roots:
        db.pin(node.ref(number))
    db.settle()
    before = Oracle(program, dict(world))
    remembered = before.reach(roots)
    parent = db.statistics

    fork = db.fork()
    over = dict(world)
    for key, value in changes:
        was = over.get(key)
        apply_edit(over, key, value)
        assert edit(fork, key, value, 9) is (was != value)
    now = Oracle(program, over)
    log.clear()
    for number in roots:
        same_outcome(fork, node, number, now.outcome(number))
    assert sorted(log) == now.must_run(before, remembered, roots)
    for number in roots:
        assert {key for key, _ in fork.provenance(node.ref(number))} == now.inputs_of(number)

    assert db.statistics == parent
    assert not db.settle()
    for number in roots:
        same_outcome(db, node, number, before.outcome(number))


fork_events = st.lists(
    st.one_of(
        st.tuples(st.just("edit parent"), edits),
        st.tuples(st.just("edit fork"), edits),
        st.tuples(st.just("read parent"), numbers),
        st.tuples(st.just("read fork"), numbers),
        st.tuples(st.just("explain fork"), numbers),
        st.tuples(st.just("settle parent"), st.none()),
        st.tuples(st.just("settle fork"), st.none()),
        st.tuples(st.just("fork parent"), st.none()),
        st.tuples(st.just("fork fork"), st.none()),
    ),
    min_size=4,
    max_size=20,
)


@settings(max_examples=250, deadline=None)
@given(programs, worlds, fork_events)
def test_a_fork_and_its_parent_never_see_each_others_edits(
    program: Program, world: World, events: list[tuple[str, object]]
) -> None:
    node = make_query(program, [])
    db = Database([BUCKETS, PARITY, GROUPED])
    fill(db, world)
    top = node.ref(len(program) - 1)
    db.pin(top)
    db.settle()
    fork, over = db.fork(), dict(world)
    fork.pin(top)
    for event, detail in events:
        what, who = event.split()
        target, inputs = (fork, over) if who == "fork" else (db, world)
        if what == "fork":
            fork, over = target.fork(), dict(inputs)
            fork.pin(top)
        elif what == "settle":
            target.settle()
        elif isinstance(detail, int):
            number = detail % len(program)
            oracle = Oracle(program, dict(inputs))
            same_outcome(target, node, number, oracle.outcome(number))
            if what == "explain":
                expected = oracle.inputs_of(number)
                assert {key for key, _ in target.provenance(node.ref(number))} == expected
        elif isinstance(detail, tuple):
            apply_edit(inputs, *detail)
            edit(target, *detail, 3)
    for number in range(len(program)):
        same_outcome(db, node, number, Oracle(program, world).outcome(number))
        same_outcome(fork, node, number, Oracle(program, over).outcome(number))
