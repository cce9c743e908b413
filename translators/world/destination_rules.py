"""Which destination rule a client follows for a host, and what it says of a port and subset.

Source: Istio's lookup: the client's namespace, then the service's, then the root namespace; the
first that has any rule for the host wins, and nothing is inherited from the others. In each only
what is exported to the client counts. Within it the most specific host wins, and rules for the
same host are merged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from translators.database import Index, Reader, query
from translators.kinds.destination_rule import DESTINATION_RULE, DestinationRuleSpec
from translators.model.config_object import ConfigObject
from translators.model.policy import StatedPolicy, Subset, TrafficPolicy
from translators.model.service import ClientScope
from translators.object_key import ObjectKey
from translators.world.inputs import (
    ROOT_NAMESPACE,
    as_config_object,
    index_texts,
    keys_by_host,
    objects,
)
from translators.world.services import service_of
from translators.world.visibility import (
    export_targets,
    is_exported,
    is_wildcard,
)

Rule = ConfigObject[DestinationRuleSpec]

DEFAULTS = TrafficPolicy()
"""The policy of a host for which there is no rule."""


def _rule_hosts(value: object) -> Iterable[str]:
    rule = as_config_object(value, DestinationRuleSpec)
    return () if rule is None else (rule.spec.host,)


def _rule_wildcards(value: object) -> Iterable[str]:
    return filter(is_wildcard, _rule_hosts(value))


RULE_HOSTS = Index("destination rules by host", DESTINATION_RULE.name, _rule_hosts)
RULE_WILDCARDS = Index(
    "destination rules for wildcard hosts", DESTINATION_RULE.name, _rule_wildcards
)


@dataclass(frozen=True, slots=True)
class DestinationPolicy:
    """The rules of one host merged.

    One top-level policy (None: not given), and subsets of distinct names.
    """

    policy: StatedPolicy | None = None
    subsets: tuple[Subset, ...] = ()


def destination_rule_of(db: Reader, host: str, client: ClientScope) -> DestinationPolicy | None:
    """What the rules say to this client about a host, or None when no rule is for it."""
    return _destination_rule(db, host, client) if rules_of_host(db, host) else None


def policy_of(
    db: Reader, host: str, client: ClientScope, port: int, subset: str = ""
) -> TrafficPolicy:
    """The policy for a port of a host, or of one of its subsets.

    The subset's blocks replace the rule's one by one; the settings of a port, in either, replace
    them all, so that blocks that the port does not give are at their defaults.
    """
    rule = destination_rule_of(db, host, client)
    if rule is None:
        return DEFAULTS
    blocks = _over(DEFAULTS, rule.policy, port)
    named = next((item for item in rule.subsets if item.name == subset), None) if subset else None
    return blocks if named is None else _over(blocks, named.policy, port)


def subsets_of(db: Reader, host: str, client: ClientScope) -> tuple[Subset, ...]:
    """The subsets of a host, in the order of the rules and as written in them; may be empty."""
    rule = destination_rule_of(db, host, client)
    return () if rule is None else rule.subsets


@query
def rules_of_host(db: Reader, host: str) -> tuple[tuple[ObjectKey, ...], ...]:
    """The keys of all rules that cover a host, whoever sees them, grouped by the host they name.

    Ordered as `keys_by_host` has it.
    """
    return keys_by_host(db, RULE_HOSTS, host, _wildcards(db))


@query
def _wildcards(db: Reader) -> frozenset[str]:
    return frozenset(index_texts(db, RULE_WILDCARDS))


@query
def _destination_rule(db: Reader, host: str, client: ClientScope) -> DestinationPolicy | None:
    service = service_of(db, host, client.viewer)
    for place in _places(client, "" if service is None else service.namespace):
        for keys in rules_of_host(db, host):
            inside = tuple(key for key in keys if key.namespace == place.namespace)
            rules = [
                rule
                for rule in objects(db, inside, DestinationRuleSpec)
                if _applies(rule, client) and (_is_private(rule) or not place.is_private)
            ]
            if rules:
                return _merged(sorted(rules, key=_precedence))
    return None


class _Place(NamedTuple):
    """Where rules are looked for; `is_private`: only those that the namespace keeps to itself."""

    namespace: str
    is_private: bool = False


def _places(client: ClientScope, service_namespace: str) -> tuple[_Place, ...]:
    """Where a client's rules are looked for, in order, each place once.

    What the root namespace says to the whole mesh does not go before what a service's own
    namespace says, not even for clients in the root namespace.
    """
    own = client.viewer.namespace
    first = _Place(own, is_private=own == ROOT_NAMESPACE)
    return tuple(dict.fromkeys((first, _Place(service_namespace), _Place(ROOT_NAMESPACE))))


def _applies(rule: Rule, client: ClientScope) -> bool:
    selector = rule.spec.workload_selector
    if selector is not None:
        return rule.namespace == client.viewer.namespace and selector <= client.labels
    return is_exported(rule.spec.export_to, rule.namespace, client.viewer.namespace)


def _is_private(rule: Rule) -> bool:
    """Whether a rule is for clients of its own namespace alone."""
    if rule.spec.workload_selector is not None:
        return True
    return export_targets(rule.spec.export_to, rule.namespace) == (rule.namespace,)


def _precedence(rule: Rule) -> tuple[bool, tuple[str, str, str]]:
    return (rule.spec.workload_selector is None, rule.age)


def _merged(rules: list[Rule]) -> DestinationPolicy:
    """One policy of the rules in a namespace for one host, sorted by precedence.

    Rules for everybody are merged only with those that are exported to the same namespaces as the
    first of them.
    """
    general = [rule for rule in rules if rule.spec.workload_selector is None]
    exports = {export_targets(rule.spec.export_to, rule.namespace) for rule in general[:1]}
    chosen = [
        rule.spec
        for rule in rules
        if rule.spec.workload_selector is not None
        or export_targets(rule.spec.export_to, rule.namespace) in exports
    ]
    named: dict[str, Subset] = {}
    for spec in chosen:
        for subset in spec.subsets:
            named.setdefault(subset.name, subset)
    top = next((spec.policy for spec in chosen if spec.policy is not None), None)
    return DestinationPolicy(top, tuple(named.values()))


def _over(below: TrafficPolicy, above: StatedPolicy | None, port: int) -> TrafficPolicy:
    if above is None:
        return below
    for number, blocks in above.ports:
        if number == port:
            return blocks
    return above.blocks.over(below)
