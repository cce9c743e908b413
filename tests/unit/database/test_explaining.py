"""What a result depends on."""

from __future__ import annotations

from tests.support.graphs.number_queries import (
    DIGITS,
    key,
    label,
    number,
    total,
    with_digit,
)
from translators.database import (
    Database,
    IndexKeysRead,
    InputRead,
    KindRead,
    LookupRead,
    Reader,
    query,
)


def test_dependencies_are_the_direct_reads_in_order(db: Database) -> None:
    @query
    def mixed(db: Reader) -> int:
        db.lookup(DIGITS, "1")
        number(db, "b")
        db.input(key("a"))
        db.inputs("Number")
        db.index_keys(DIGITS)
        return number(db, "b")

    assert db.dependencies(mixed.ref()) == (
        LookupRead("digits", "1"),
        number.ref("b"),
        InputRead(key("a")),
        KindRead("Number"),
        IndexKeysRead("digits"),
    )
    assert str(number.ref("b")) == "number('b')"


def test_provenance_names_inputs_read_by_value_with_revisions(db: Database) -> None:
    db.set(key("b"), 1, 7)
    db.set(key("a"), -1, 8)
    assert db.provenance(total.ref()) == ((key("a"), 8), (key("b"), 7))
    assert db.provenance(label.ref("zero")) == ((key("zero"), None),)
    assert db.provenance(with_digit.ref("1")) == ()
