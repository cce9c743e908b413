"""Which objects, and which of their fields, made a rejected resource what it is.

In: the database with its provenance, the history of edits, and Envoy's words. Out: suspects, the
likeliest first. Nothing is changed here: what would be without an edit is tried on a fork.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from translators.database import Database, Failure, QueryKey
from translators.kinds import registry
from translators.model.origin import Origin
from translators.model.resource import Resource
from translators.object_key import ObjectKey
from translators.resource_types import resource_type
from xds_server.serving.history import History
from xds_server.serving.publisher import Making

TRIED_ALONE = 32
"""Up to so many objects are tried one by one on a fork; more than that are all suspects."""

_ONLY_WORDS = 3
"""Shorter scalars are found in too many messages to mean anything."""


class Locator(Protocol):
    """Where an object was written; the source of the object knows."""

    def locate(self, key: ObjectKey, path: str = "") -> Origin | None:
        """The place of a field of an object; None when it is not known."""

    def find_values(self, key: ObjectKey) -> Iterator[tuple[str, str]]:
        """Every scalar of the object as it is written now, as (field path, text)."""


def suspects(
    database: Database, history: History, making: Making, rejected: Collection[Resource]
) -> dict[ObjectKey, object | None]:
    """The objects that may have made a resource bad → what they are to be instead (None: absent).

    The likeliest come first.

    `rejected` are all resources that are known to be bad, with this one. Empty when no object is to
    blame.
    """
    if making.good is not None:
        return _changed(database, history, making, rejected)
    for keys in (_read(database, making.ref), _read(database, making.listing)):
        present = [key for key, revision in keys.items() if revision is not None]
        policies = [key for key in present if registry.is_policy(key.kind)]
        others = [key for key in present if not registry.is_policy(key.kind)]
        for group in (policies, others):
            makers = _makers(database, history, making, rejected, group)
            if makers:
                return makers
    return {}


def _changed(
    database: Database, history: History, making: Making, rejected: Collection[Resource]
) -> dict[ObjectKey, object | None]:
    """Objects edited since the resource was last good → what they were then.

    Only those without whose edit it would be different.
    """
    since = making.since
    edits = {
        key: revision or history.last_edit(key)
        for key, revision in _read(database, making.ref).items()
    }
    # An object that is gone is no longer read; its absence may be what is wrong.
    edits |= {
        key: history.last_edit(key)
        for key in history.edited_since(since)
        if database.input(key) is None
    }
    edits = {key: edited for key, edited in edits.items() if edited > since}
    earlier: dict[ObjectKey, object | None] = {}
    for key in sorted(edits, key=lambda key: (registry.suspicion(key.kind), -edits[key], key)):
        now = database.input(key)
        before = history.value_at(key, since, now)
        if now != before and (
            len(edits) > TRIED_ALONE or not _is_rejected(database, key, before, making, rejected)
        ):
            earlier[key] = before
    return earlier


def _makers(
    database: Database,
    history: History,
    making: Making,
    rejected: Collection[Resource],
    keys: list[ObjectKey],
) -> dict[ObjectKey, object | None]:
    """Objects of a resource that was never good → what they are to be instead.

    It is their newest earlier value with which the resource would be different, or not be.
    """
    keys = sorted(
        keys, key=lambda key: (registry.suspicion(key.kind), -history.last_edit(key), key)
    )
    if len(keys) > TRIED_ALONE:
        return {key: next(history.values(key), None) for key in keys}
    earlier: dict[ObjectKey, object | None] = {}
    for key in keys:
        for value in (*history.values(key), None):
            if not _is_rejected(database, key, value, making, rejected):
                earlier[key] = value
                break
    return earlier


def _read(database: Database, ref: QueryKey[object]) -> dict[ObjectKey, int | None]:
    """What a result depends on → the revision of its present value."""
    return dict(database.provenance(ref))


def _is_rejected(
    database: Database,
    key: ObjectKey,
    value: object | None,
    making: Making,
    rejected: Collection[Resource],
) -> bool:
    """Whether something known to be bad would be made with another value (None: no object)."""
    fork = database.fork()
    if value is None:
        fork.remove(key, fork.revision + 1)
    else:
        fork.set(key, value, fork.revision + 1)
    outcome = fork.outcome(making.ref)
    if not isinstance(outcome, Resource) or outcome not in rejected:
        return False
    listed = fork.outcome(making.listing)
    return isinstance(listed, Failure) or any(name == outcome.name for name, _ in listed)


def named_resources(resources: Sequence[Resource], reason: str) -> list[Resource]:
    """The resources whose names are in Envoy's words."""
    return [resource for resource in resources if has_word(reason, resource.name.split("/", 1)[-1])]


def is_sure(resources: Sequence[Resource]) -> bool:
    """Whether Envoy's words about these can be relied on.

    It takes clusters and listeners one by one, and lists the bad ones.
    """
    return bool(resources) and all(
        resource_type(resource.type_url).is_rejected_one_by_one for resource in resources
    )


def named_field(locator: Locator, key: ObjectKey, reason: str) -> str:
    """The path of the scalar of an object that Envoy's words repeat the most of.

    Empty when there is none.
    """
    odd = [
        word
        for word in reason.split()
        if len(word) >= _ONLY_WORDS and not word.strip(".,:;'\"").isalpha()
    ]
    best, score = "", 0
    for path, text in _values(locator, key):
        if len(text) >= _ONLY_WORDS and has_word(reason, text):
            matched = 1000 + len(text)
        else:
            matched = max((len(word) for word in odd if word in text), default=0)
        if matched > score:
            best, score = path, matched
    return best


def new_field(locator: Locator, key: ObjectKey, good: object | None) -> str:
    """The path of the first scalar of an object that its good value does not have.

    Empty when there is none.
    """
    known = repr(good)
    values = _values(locator, key)
    return next((path for path, text in values if repr(text)[1:-1] not in known), "")


def has_word(text: str, word: str) -> bool:
    """Whether a text has a word that is not part of a longer name."""
    return re.search(rf"(?<![\w.|-]){re.escape(word)}(?![\w.|-])", text) is not None


def _values(locator: Locator, key: ObjectKey) -> Iterator[tuple[str, str]]:
    for path, text in locator.find_values(key):
        if not path.startswith(("metadata", "apiVersion", "kind")):
            yield path, text
