"""`exportTo`: to which namespaces an object is shown; one check for every kind that has it."""

from __future__ import annotations

from functools import partial
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context
from translators.kinds.schema.field_types import is_dns_label
from translators.kinds.schema.shape import Shape, checked, list_of, text_where

_ALONE: Final = {"*": "everybody", "~": "nobody"}
"""The words that leave nothing for others to say."""


def _check(nobody: bool, targets: tuple[str, ...], path: Path, context: Context) -> None:
    """Refuse what Istio refuses: a namespace twice, `*` or `~` beside others, `~` of a rule."""
    seen: dict[str, str] = {}
    for i, target in enumerate(targets):
        namespace = context.namespace if target == "." else target
        earlier = seen.get(namespace, "")
        seen[namespace] = target
        if earlier == target:
            context.error((path, i), f"{target!r} is listed already; remove one of the two")
        elif earlier:
            context.error((path, i), f"{target!r} and {earlier!r} are one namespace; keep one")
        elif target == "~" and not nobody:
            context.error((path, i), "'~' (nobody) is for services; '.' is this namespace")
        elif target in _ALONE and len(targets) > 1:
            context.error((path, i), f"{target!r} is {_ALONE[target]}; remove it or the others")


def _shape(*, nobody: bool) -> Shape[tuple[str, ...]]:
    target = text_where(
        lambda text: text in {".", "*", "~"} or is_dns_label(text),
        "a namespace, '.' (this one), '*' (all) or, for a service, '~' (none)",
    )
    return checked(list_of(target), partial(_check, nobody))


EXPORT_TO: Final = _shape(nobody=False)
"""Of a rule."""

SERVICE_EXPORT_TO: Final = _shape(nobody=True)
"""Of a service, which `~` keeps from everybody but its own instances."""
