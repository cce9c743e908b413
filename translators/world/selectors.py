"""Selectors of labels: under which keys they, and what they may select, are filed in indexes."""

from __future__ import annotations

from translators.kinds.workload_entry import WorkloadEntrySpec
from translators.model.config_object import ConfigObject
from translators.model.origin import Labels

_NO_LABEL = ("", "")
"""Stands for a selector without labels, and is carried by everything."""

LabelKey = tuple[str, str, str]
"""(namespace, label, its value)."""


def selector_key(namespace: str, selector: Labels) -> LabelKey:
    """The one key under which a selector is filed, and everything that it may select."""
    label, value = min(selector, default=_NO_LABEL)
    return (namespace, label, value)


def label_keys(namespace: str, labels: Labels) -> tuple[LabelKey, ...]:
    """The keys of all selectors that might select these labels."""
    return tuple((namespace, label, value) for label, value in (_NO_LABEL, *labels))


def workload_labels(entry: ConfigObject[WorkloadEntrySpec]) -> Labels:
    """The labels of a WorkloadEntry.

    Those of its spec, and of its metadata where the spec has none of that name.
    """
    if not entry.labels:
        return entry.spec.labels
    return frozenset({**dict(entry.labels), **dict(entry.spec.labels)}.items())
