"""Hosts that an object names and does not have, because another one goes before it.

Nobody's configuration is made of this: it is for whoever wrote the object to know. What is said is
true of every client that sees the object, except those of its own namespace where it says so;
what only some of them do not follow is not said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from translators.database import Reader, query
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.model.config_object import ConfigObject
from translators.model.service import Service
from translators.object_key import ObjectKey
from translators.world.exposure import ENTRY_EXPOSURE, SERVICE_EXPOSURE, Exposed
from translators.world.inputs import objects
from translators.world.matches import concern_everybody
from translators.world.services import first_visible, hosts_of, services_of_host
from translators.world.unregistered import VIRTUAL_SERVICE_EXPORTS, NamedHost
from translators.world.virtual_services import VIRTUAL_SERVICE_HOSTS
from translators.world.visibility import EVERYONE, export_targets, is_wildcard


class LostHost(NamedTuple):
    """A host that an object does not have, and the object that has it.

    `path` is the field that names it, empty where an object's name does. `but_in` is the namespace
    whose clients follow the loser all the same, empty for none.
    """

    loser: ObjectKey
    path: str
    host: str
    winner: ObjectKey
    but_in: str = ""

    def message(self, winner_place: str = "") -> str:
        """What its author is told."""
        place = f" at {winner_place}" if winner_place else ""
        whom = f", except for clients in {self.but_in}" if self.but_in else ""
        return (
            f"{self.host} is that of {self.winner}{place}, which goes before this one{whom}; "
            f"say all of it in one of them, or export them to different namespaces"
        )


@query
def lost_hosts(db: Reader, bucket: int) -> tuple[LostHost, ...]:
    """All that is lost of the hosts in a bucket, sorted."""
    routed: dict[str, set[ObjectKey]] = {}
    for key in db.index_keys(VIRTUAL_SERVICE_EXPORTS, bucket):
        if isinstance(key, NamedHost):
            routed.setdefault(key.host, set()).add(key.source)
    served: dict[str, set[ObjectKey]] = {}
    for index in (SERVICE_EXPOSURE, ENTRY_EXPOSURE):
        for key in db.index_keys(index, bucket):
            if isinstance(key, Exposed):
                served.setdefault(key.host, set()).add(key.source)
    lost = [
        *(each for host in _contested(routed) for each in _lost_to_virtual_services(db, host)),
        *(each for host in _contested(served) for each in _lost_to_services(db, host)),
    ]
    return tuple(sorted(lost))


def _contested(sources: Mapping[str, set[ObjectKey]]) -> list[str]:
    return sorted(host for host, several in sources.items() if len(several) > 1)


@query
def _lost_to_virtual_services(db: Reader, host: str) -> tuple[LostHost, ...]:
    """The virtual services whose HTTP rules for a host no client follows."""
    naming = tuple(objects(db, db.lookup(VIRTUAL_SERVICE_HOSTS, host), VirtualServiceSpec))
    has_service = not is_wildcard(host) and bool(services_of_host(db, host))
    exported_to: dict[str, list[ConfigObject[VirtualServiceSpec]]] = {}
    for each in naming:
        # Without a service a host answers on the ports of the others: only those that name no
        # others are sure to answer on the same one.
        if each.spec.http and (has_service or each.spec.hosts == (host,)):
            for target in _targets(each):
                exported_to.setdefault(target, []).append(each)
    winners = {target: dict(_losers(several, target)) for target, several in exported_to.items()}
    lost = []
    for each in naming:
        beaten_by = [winners.get(target, {}).get(each.key) for target in _targets(each)]
        winner = next(iter(beaten_by), None)
        if winner is not None and None not in beaten_by:
            path = f"spec.hosts[{each.spec.hosts.index(host)}]"
            lost.append(LostHost(each.key, path, host, winner))
    return tuple(lost)


def _losers(
    several: list[ConfigObject[VirtualServiceSpec]], target: str
) -> Iterator[tuple[ObjectKey, ObjectKey]]:
    """(loser, winner) of the virtual services that are exported to just a namespace or everyone.

    Who wins has a rule for whatever client and port.
    """
    winner: ObjectKey | None = None
    for each in sorted(several, key=lambda each: (each.namespace != target, each.age)):
        if winner is not None:
            yield each.key, winner
        elif concern_everybody(each.spec.http):
            winner = each.key


def _targets(virtual_service: ConfigObject[VirtualServiceSpec]) -> tuple[str, ...]:
    return export_targets(virtual_service.spec.export_to, virtual_service.namespace)


@query
def _lost_to_services(db: Reader, host: str) -> tuple[LostHost, ...]:
    """The objects whose service under a host no client means, but those in their namespace."""
    services = services_of_host(db, host)
    claims = _Claims(services)
    lost = []
    for service in services:
        source = service.source
        seen_by = export_targets(service.export_to, service.namespace)
        winner = claims.meant_by(seen_by[0]) if seen_by else None
        if winner is None or any(claims.meant_by(target) is service for target in seen_by):
            continue
        path = "" if service.is_kubernetes else f"spec.hosts[{hosts_of(db, source).index(host)}]"
        but_in = service.namespace if claims.meant_by(service.namespace) is service else ""
        lost.append(LostHost(source, path, host, winner.source, but_in))
    return tuple(lost)


class _Claims:
    """Which of the services of one host the clients of each namespace mean."""

    def __init__(self, services: tuple[Service, ...]) -> None:
        self._services = services
        self._meant: dict[str, Service | None] = {}
        self._candidates: dict[str, dict[int, None]] = {}
        for age, service in enumerate(services):
            targets = export_targets(service.export_to, service.namespace)
            for target in {*targets, service.namespace}:
                self._candidates.setdefault(target, {})[age] = None
        public = [services[age] for age in self._candidates.get(EVERYONE, ())]
        first = first_visible(public, EVERYONE)
        self._public = [] if first is None else [services.index(first)]

    def meant_by(self, target: str) -> Service | None:
        """What clients of a namespace mean; `*`: those of most, who see what is everyone's."""
        if target not in self._meant:
            ages = sorted({*self._candidates.get(target, ()), *self._public})
            self._meant[target] = first_visible([self._services[age] for age in ages], target)
        return self._meant[target]
