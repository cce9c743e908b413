"""What of a client matters to outbound translation, so that clients that are alike share all of it."""

from __future__ import annotations

from translators.database import Reader, query
from translators.model.origin import Labels
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.world.indexes import RULE_SELECTORS, SOURCE_LABELS
from translators.world.inputs import index_pairs


@query
def client_scope(db: Reader, namespace: str, labels: Labels) -> ClientScope:
    """What a client in `namespace` sees, with those of its labels that any rule selects clients by; mostly none."""
    if not labels:
        return ClientScope(Viewer(namespace))
    return ClientScope(Viewer(namespace), labels & _selected_labels(db, namespace))


@query
def _selected_labels(db: Reader, namespace: str) -> Labels:
    """The label pairs that rules in effect for clients of a namespace select by."""
    by_rules = {
        key[1:]
        for key in db.index_keys(RULE_SELECTORS)
        if isinstance(key, tuple) and len(key) == 3 and key[0] == namespace
    }
    return frozenset({*by_rules, *index_pairs(db, SOURCE_LABELS)})
