"""What of a client matters to outbound translation.

Clients that are alike in it share all of that.
"""

from __future__ import annotations

from collections.abc import Iterable

from translators.database import Index, Reader, query
from translators.kinds.destination_rule import DESTINATION_RULE, DestinationRuleSpec
from translators.kinds.virtual_service import VIRTUAL_SERVICE
from translators.model.origin import Labels
from translators.model.service import ClientScope
from translators.model.viewer import Viewer
from translators.world.inputs import as_config_object, index_pairs
from translators.world.selectors import LabelKey
from translators.world.virtual_services import meshed


def _rule_selectors(value: object) -> Iterable[LabelKey]:
    rule = as_config_object(value, DestinationRuleSpec)
    if rule is None:
        return ()
    selector = rule.spec.workload_selector or frozenset()
    return ((rule.namespace, label, value) for label, value in selector)


def _source_labels(value: object) -> Iterable[tuple[str, str]]:
    virtual_service = meshed(value)
    if virtual_service is None:
        return
    for http in virtual_service.spec.http:
        for match in http.match:
            yield from match.source_labels
    for route in (*virtual_service.spec.tls, *virtual_service.spec.tcp):
        for l4_match in route.match:
            yield from l4_match.source_labels


RULE_SELECTORS = Index(
    "destination rules by selected label", DESTINATION_RULE.name, _rule_selectors
)
SOURCE_LABELS = Index("virtual services by source label", VIRTUAL_SERVICE.name, _source_labels)


@query
def client_scope(db: Reader, namespace: str, labels: Labels) -> ClientScope:
    """What a client in `namespace` sees, with those of its labels that any rule selects clients by.

    Mostly none.
    """
    if not labels:
        return ClientScope(Viewer(namespace))
    selected = _selected_labels.last_good(db, namespace) or frozenset()
    return ClientScope(Viewer(namespace), labels & selected)


@query
def _selected_labels(db: Reader, namespace: str) -> Labels:
    """The label pairs that rules in effect for clients of a namespace select by."""
    by_rules = {
        key[1:]
        for key in db.index_keys(RULE_SELECTORS)
        if isinstance(key, tuple) and len(key) == 3 and key[0] == namespace
    }
    return frozenset({*by_rules, *index_pairs(db, SOURCE_LABELS)})
