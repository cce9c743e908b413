"""What children are answered with: what their parents need, and what stands where nothing is.

A client that holds the parent of a name waits for it: a cluster for its endpoints, a listener for
its routes. Nobody else waits, and is told that the name does not exist where the variant can say
so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from translators.model.resource import Resource
from translators.resource_types import VIRTUAL_HOST, ResourceType
from xds_server.ads.diff import Diff
from xds_server.ads.resources import Resources
from xds_server.ads.snapshot import Snapshot
from xds_server.ads.subscription import SubscriptionPool
from xds_server.ads.watched_type import WatchedType

_SUBSTITUTES: Final = 2000
"""How many resources are made up for one response."""


def fill(watched: Mapping[ResourceType, WatchedType], *, tells_removals: bool) -> None:
    """Note which types of a stream are answered for every name from now on."""
    for child in watched.values():
        if child.is_filled or not child.type.is_never_removed:
            continue
        if not tells_removals or any(parent in watched for parent in child.type.parents):
            child.fill()


def filled(
    child: WatchedType, snapshot: Snapshot, watched: Mapping[ResourceType, WatchedType]
) -> Resources:
    """Give what is selected of a type, and a blank where a parent asks for what nobody has.

    What no parent asks for any more is left to the client: it went with its parent ("Deleting
    Resources").
    """
    selected = child.subscription.select(snapshot.resources(child.type_url))
    missing = selected.missing
    if not missing:
        return selected
    for parent in child.type.parents:
        if parent in watched:
            missing &= snapshot.resources(parent.url).needed(child.type_url)
    return selected.filled(missing) if missing else selected


def hosts(
    child: WatchedType, routes: WatchedType | None, snapshot: Snapshot, pool: SubscriptionPool
) -> Resources | None:
    """Give the hosts of the route configurations that the client has answered; None: not yet.

    "VHDS updates … must arrive after RDS updates", so not even the first request is answered while
    route configurations are under way.
    """
    every = snapshot.resources(child.type_url)
    if not child.subscription.is_wildcard or routes is None:
        return child.subscription.select(every)
    if child.is_due and not child.nonce and routes.inflight is not None:
        return None
    return pool.hosts_of(routes.answered.needing(VIRTUAL_HOST.url)).select(every)


def including_resent(
    watched: WatchedType,
    goal: Resources,
    diff: Diff,
    substitute: Callable[[WatchedType, str], Resource | None],
) -> Diff:
    """Add to a difference what must be sent although it is none.

    Of what is not there so much at a time that making it up holds nobody else up.
    """
    changed: list[Resource] = []
    removed: list[str] = []
    absent: list[str] = []
    known = diff.names
    for name in watched.take_to_resend():
        resource = goal.by_name.get(name)
        if resource is None:
            absent.append(name)
        elif resource.part and name not in known:
            changed.append(resource)
    for name in watched.take_absent(absent, _SUBSTITUTES):
        resource = goal.by_name.get(name) or substitute(watched, name)
        if resource is None:
            if name not in diff.removed:
                removed.append(name)
        elif resource.part and name not in known:
            changed.append(resource)
    return diff.including(tuple(changed), tuple(removed))
