"""A handful of queries over inputs that are numbers; each run adds its name to `runs`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from translators.database import Index, Reader, query
from translators.object_key import ObjectKey

runs: list[str] = []


def key(name: str) -> ObjectKey:
    return ObjectKey("Number", "default", name)


@query
def number(db: Reader, name: str) -> int:
    runs.append(f"number {name}")
    value = db.input(key(name))
    return value if isinstance(value, int) else 0


@query
def sign(db: Reader, name: str) -> str:
    runs.append(f"sign {name}")
    return "-" if number(db, name) < 0 else "+"


@query
def label(db: Reader, name: str) -> tuple[str, str]:
    runs.append(f"label {name}")
    return (name, sign(db, name))


@query
def total(db: Reader) -> int:
    runs.append("total")
    return sum(number(db, key.name) for key in db.inputs("Number"))


@query
def quotient(db: Reader, name: str) -> float:
    runs.append(f"quotient {name}")
    return 1 / number(db, name)


@query
def careful(db: Reader, name: str) -> float:
    try:
        return quotient(db, name)
    except ZeroDivisionError:
        return 0.0


DIGITS = Index("digits", "Number", lambda value: str(abs(value)) if isinstance(value, int) else "")


@query
def with_digit(db: Reader, digit: str) -> tuple[str, ...]:
    runs.append(f"with {digit}")
    return tuple(key.name for key in db.lookup(DIGITS, digit))


@query
def digits(db: Reader) -> tuple[object, ...]:
    runs.append("digits")
    return db.index_keys(DIGITS)


def calls_during(act: Callable[[], object]) -> int:
    """How many functions, Python's and built-in, are called meanwhile."""
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls
