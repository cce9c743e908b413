"""What a client asked for, and the part of a snapshot that answers it.

In: names as clients send them. Out: subscriptions, one object for all streams that ask for the
same, and selections of resources, made once for all of them and brought up to date at the cost of
what was edited.

Rules: a first request without names, or the name `*`, asks for everything; a subscription by name
is answered for each name.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "How the client specifies
what resources to return".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from weakref import WeakValueDictionary, ref

from translators.model.resource import Resource
from translators.names import route_of
from xds_server.ads.resources import Resources

WILDCARD = "*"
_CLAIMS_KEPT = 64


class Subscription:
    """A set of names of one type, or everything; compared by identity, and never changed.

    Attributes:
        is_wildcard: Whether everything is asked for.
        names: The names asked for; beside a wildcard, those that the client wants to hear of even
            if they do not exist.
        by_route: Whether the names are those of route configurations and stand for all of their
            virtual hosts.
    """

    __slots__ = ("__weakref__", "_base", "by_route", "is_wildcard", "names")

    def __init__(
        self,
        names: frozenset[str],
        *,
        is_wildcard: bool = False,
        by_route: bool = False,
        base: Subscription | None = None,
    ) -> None:
        self.names = names
        self.is_wildcard = is_wildcard
        self.by_route = by_route
        self._base = ref(base) if base is not None else None

    def covers(self, name: str) -> bool:
        """Whether a resource of this name is asked for."""
        if self.by_route:
            return route_of(name) in self.names
        return self.is_wildcard or name in self.names

    def select(self, source: Resources) -> Resources:
        """Give the resources that are asked for.

        They are the same object as before when no edit since touched them.
        """
        if self.is_wildcard:
            return source
        known = source.lineage.selected.get(self)
        if known is not None and known[0] is source:
            return known[1]
        selected = None
        if known is not None:
            selected = self._follow(*known, source)
        elif self._base is not None and (base := self._base()) is not None:
            selected = self._extend(base, source)
        if selected is None:
            selected = self._search(source)
        source.lineage.selected[self] = (source, selected)
        return selected

    def _search(self, source: Resources) -> Resources:
        own = source.by_name
        if self.by_route:
            hosts = {name: own[name] for name in own if self.covers(name)}
            return Resources(source.type_url, hosts)
        present = {name: own[name] for name in sorted(self.names) if name in own}
        return Resources(source.type_url, present, self.names.difference(present))

    def _follow(
        self, before: Resources, selected: Resources, source: Resources
    ) -> Resources | None:
        edited = source.edited_since(before)
        if edited is None:
            return None
        concerned = [name for name in edited if self.covers(name)]
        return self._edit(selected, source, concerned) if concerned else selected

    def _extend(self, base: Subscription, source: Resources) -> Resources | None:
        """Select by way of what an earlier subscription of the same clients selects."""
        if base not in source.lineage.selected or base.by_route != self.by_route or self.by_route:
            return None
        return self._edit(base.select(source), source, self.names ^ base.names)

    def _edit(self, selected: Resources, source: Resources, names: Collection[str]) -> Resources:
        own = source.by_name
        present = {name: own[name] for name in names if name in own and self.covers(name)}
        gone = [name for name in names if name not in present]
        if self.by_route:
            return selected.edit(present, gone)
        missing = selected.missing.difference(present).union(gone) & self.names
        return selected.edit(present, gone, missing)


class SubscriptionPool:
    """One object for each subscription that some stream has."""

    def __init__(self) -> None:
        self._pool: WeakValueDictionary[tuple[bool, bool, frozenset[str]], Subscription] = (
            WeakValueDictionary()
        )
        self._claims: dict[tuple[str, int], tuple[Mapping[str, str], Resources]] = {}
        self._hosts: dict[frozenset[str], Subscription] = {}
        self._changes: dict[
            tuple[Subscription, tuple[str, ...], tuple[str, ...]], Subscription
        ] = {}
        self._everything = self._find(frozenset(), is_wildcard=True)

    def named(self, names: Iterable[str], base: Subscription | None = None) -> Subscription:
        """Give the subscription that a set of names stands for; `*` among them is everything."""
        wanted = frozenset(names)
        if WILDCARD in wanted:
            return self._find(wanted - {WILDCARD}, is_wildcard=True)
        return self._find(wanted, base=base)

    def everything(self) -> Subscription:
        """Give the wildcard alone."""
        return self._everything

    def forget(self) -> None:
        """Forget what clients claimed and how they changed their minds.

        It is kept for others that do the same at about that time, and nothing of a client is to
        stay for long.
        """
        self._claims.clear()
        self._changes.clear()

    def hosts_of(self, routes: frozenset[str]) -> Subscription:
        """Give all virtual hosts of some route configurations: those named `ROUTE/anything`.

        No stream holds such a subscription, so the pool does: what is selected by it lives as long.
        """
        hosts = self._hosts.get(routes)
        if hosts is None:
            if len(self._hosts) >= _CLAIMS_KEPT:
                del self._hosts[next(iter(self._hosts))]
            hosts = self._hosts[routes] = self._find(routes, by_route=True)
        return hosts

    def change(
        self, known: Subscription, added: Collection[str], removed: Collection[str]
    ) -> Subscription:
        """Give the subscription after names were unsubscribed and others, possibly the same, added.

        Streams that hold the same are told of the same new names, and ask for them one after
        another.
        """
        key = (known, tuple(added), tuple(removed))
        changed = self._changes.get(key)
        if changed is None:
            if len(self._changes) >= _CLAIMS_KEPT:
                del self._changes[next(iter(self._changes))]
            changed = self._changes[key] = self._changed(known, added, removed)
        return changed

    def _changed(
        self, known: Subscription, added: Collection[str], removed: Collection[str]
    ) -> Subscription:
        names = known.names.difference(removed).union(added)
        # Naming others goes on with the wildcard; only unsubscribing from `*` ends it, and what
        # is left of a named subscription is never everything, even if it is nothing.
        if known.is_wildcard and (WILDCARD not in removed or WILDCARD in added):
            return self._find(names - {WILDCARD}, is_wildcard=True)
        return self.named(names, known)

    def _find(
        self,
        names: frozenset[str],
        *,
        is_wildcard: bool = False,
        by_route: bool = False,
        base: Subscription | None = None,
    ) -> Subscription:
        key = (is_wildcard, by_route, names)
        subscription = self._pool.get(key)
        if subscription is None:
            subscription = self._pool[key] = Subscription(
                names, is_wildcard=is_wildcard, by_route=by_route, base=base
            )
        return subscription

    def claimed(self, type_url: str, versions: Mapping[str, str]) -> Resources:
        """Give what a client says that it holds, as resources without bytes.

        Clients that hold the same usually pass the very same mapping, because requests are decoded
        through a memo, and get the very same resources. It is found by its identity, for hashing
        thousands of names with each reconnect would cost more than it saves. That is sound: the
        mapping is read-only, it is kept beside what was made of it, so that no other can have its
        address meanwhile, and it is compared once more.
        """
        key = (type_url, id(versions))
        known = self._claims.get(key)
        if known is not None and known[0] is versions:
            return known[1]
        claimed = Resources(
            type_url,
            {name: Resource(type_url, name, version) for name, version in versions.items()},
        )
        if len(self._claims) >= _CLAIMS_KEPT:
            del self._claims[next(iter(self._claims))]
        self._claims[key] = (versions, claimed)
        return claimed
