"""Messages made without pydantic.

betterproto2's classes check each argument when a message is made, and build the checker of a class,
and of all classes that it can contain, when the first one is made: half a second for what a first
listener needs. The encoder checks every value again, and the type checker has seen the arguments,
so translators leave that out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar

import betterproto2

P = ParamSpec("P")
M = TypeVar("M", bound=betterproto2.Message)


def new(cls: Callable[P, M]) -> Callable[P, M]:
    """What makes messages of a class, with the arguments of the class.

    `new(Route)(name="default")`.

    A mistaken value is noticed when the message is encoded; a mistaken name raises TypeError here.
    """
    return _maker(cls)  # type: ignore[return-value]  # a class of messages makes such messages


@cache
def _maker(cls: type[betterproto2.Message]) -> Callable[..., betterproto2.Message]:
    fresh: dict[str, Callable[[], object]] = {}
    constant: dict[str, object] = {"_unknown_fields": b""}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # all messages are dataclasses
        if field.default_factory is dataclasses.MISSING:
            constant[field.name] = field.default
            continue
        value = field.default_factory()
        if isinstance(value, list | dict):
            fresh[field.name] = field.default_factory
        else:
            constant[field.name] = value
    names = frozenset(fresh).union(constant)

    def make(**values: object) -> betterproto2.Message:
        if not names.issuperset(values):
            unknown = ", ".join(sorted(values.keys() - names))
            raise TypeError(f"{cls.__name__} has no field {unknown}")
        message = object.__new__(cls)
        fields = {**constant, **values}
        for name, factory in fresh.items():
            if name not in values:
                fields[name] = factory()
        message.__dict__.update(fields)
        return message

    return make
