"""Typed reads of the database.

Configuration objects by the type of their spec, and index keys by their shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from translators.database import Index, Reader
from translators.model.config_object import ConfigObject
from translators.object_key import ObjectKey
from translators.world.visibility import covering_wildcards

S = TypeVar("S")

ROOT_NAMESPACE = "istio-system"
"""Where rules for the whole mesh live."""


def as_config_object(value: object, spec: type[S]) -> ConfigObject[S] | None:
    """The value, if it is a configuration object with this sort of spec."""
    if isinstance(value, ConfigObject) and isinstance(value.spec, spec):
        return value
    return None


def config_object(db: Reader, key: ObjectKey, spec: type[S]) -> ConfigObject[S] | None:
    """The object under this key, or None when there is none."""
    return as_config_object(db.input(key), spec)


def objects(db: Reader, keys: tuple[ObjectKey, ...], spec: type[S]) -> Iterator[ConfigObject[S]]:
    """The objects under these keys, in their order."""
    for key in keys:
        value = as_config_object(db.input(key), spec)
        if value is not None:
            yield value


def keys_by_host(
    db: Reader, index: Index, host: str, wildcards: frozenset[str]
) -> tuple[tuple[ObjectKey, ...], ...]:
    """The keys of the objects that cover a host, grouped by the host they name.

    `index` files objects by the hosts they name, `wildcards` are the wildcard hosts among these.
    First the objects that name just this host, then by wildcard, the most specific first. Empty
    groups are left out, so that for most hosts the result is empty.
    """
    hosts = [host]
    if wildcards:
        hosts += (name for name in covering_wildcards(host) if name in wildcards and name != host)
    return tuple(keys for name in hosts if (keys := db.lookup(index, name)))


def index_texts(db: Reader, index: Index) -> list[str]:
    """The keys of an index that files by one text each, sorted."""
    return [key for key in db.index_keys(index) if isinstance(key, str)]


def index_pairs(db: Reader, index: Index) -> list[tuple[str, str]]:
    """The keys of an index that files by pairs of texts, sorted."""
    return [key for key in db.index_keys(index) if isinstance(key, tuple) and len(key) == 2]
