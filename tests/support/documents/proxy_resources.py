"""All resources of one proxy, as its stream would get them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from translators import proxy
from translators.database import Database
from translators.database.query import Failure
from translators.model.proxy_node import ProxyNode
from translators.model.resource import Resource

R = TypeVar("R")


def resources(db: Database, node: ProxyNode, *, inline: bool) -> Mapping[str, list[Resource]]:
    """Type URL → the proxy's resources, sorted by name.

    `inline`: route configurations carry their hosts.

    Raises:
        Exception: What a query raised.
    """
    scope = value(db.outcome(proxy.scope_of.ref(node)))
    found: dict[str, list[Resource]] = {}
    for url, resource_sets in proxy.resource_sets(scope, inline=inline).items():
        members = {
            name: resource_set.ref(member)
            for resource_set in resource_sets
            for listing in resource_set.listings()
            for name, member in value(db.outcome(listing))
        }
        found[url] = [value(db.outcome(members[name])) for name in sorted(members)]
    return found


def value(outcome: R | Failure) -> R:
    """The value, or the exception raised again."""
    if isinstance(outcome, Failure):
        raise outcome.exception
    return outcome
