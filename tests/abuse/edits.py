"""A mesh of many services that is edited at random: moves, removals, mistakes and their mending.

Every file is a function of the state, so the last state can be written whole, and without its
mistakes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from enum import Enum

_OLD = "2022-01-01T00:00:00Z"


class Mistake(Enum):
    """What is wrong with a policy, and who finds it."""

    NONE = "nothing"
    UNKNOWN_FIELD = "validate refuses a field"
    NOT_YAML = "validate cannot read it"
    ONLY_ENVOY = "Envoy refuses an expression"


@dataclass(frozen=True)
class Service:
    """One service's documents, as numbers.

    `host` and `vip` name what it answers to, and another may have them too: then the older
    document has it. Its policy and its rule stay with the host of its own number.
    """

    host: int
    vip: int
    port: int = 80
    protocol: str = "HTTP"
    endpoints: tuple[tuple[int, str], ...] = ((0, "v1"),)
    also: int | None = None
    subsets: tuple[str, ...] = ()
    connect_timeout: int = 1
    weight: int | None = None
    timeouts: tuple[int, ...] = ()
    mistake: Mistake = Mistake.NONE
    is_there: bool = True

    @property
    def hosts(self) -> tuple[int, ...]:
        """What it answers to; connections of TCP do not say which host they are for."""
        if self.also in {None, self.host} or self.protocol == "TCP":
            return (self.host,)
        return (self.host, self.also)


@dataclass
class RandomEdits:
    """The mesh. `apps` are addresses, `host:port`, of what runs; `services` by their number."""

    chance: random.Random
    apps: tuple[str, ...]
    count: int
    services: list[Service] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.services = [self._fresh(number) for number in range(self.count)]

    def _fresh(self, number: int) -> Service:
        chance = self.chance
        is_ruled = chance.random() < 0.2
        return Service(
            number,
            number,
            endpoints=self._endpoints(),
            subsets=("v1", "v2") if is_ruled else (),
            weight=chance.randint(0, 100) if is_ruled else None,
        )

    def _endpoints(self) -> tuple[tuple[int, str], ...]:
        chance = self.chance
        return tuple(
            (chance.randrange(len(self.apps)), chance.choice(("v1", "v2")))
            for _ in range(chance.choice((0, 1, 1, 2, 3)))
        )

    def files(self) -> dict[str, str | None]:
        """Every file as it is now."""
        return {n: t for number in range(self.count) for n, t in self.texts(number).items()}

    def edit(self) -> dict[str, str | None]:
        """One edit: the files that differ after it. One that changes nothing is tried again."""
        touched: dict[int, Service] = {}
        for _ in range(self.chance.choice((1, 1, 1, 2, 5))):
            kind = self.chance.choice(_KINDS)
            for number, service in kind(self).items():
                touched.setdefault(number, self.services[number])
                self.services[number] = service
        after = {n: self.services[n] for n in touched}
        for number, service in touched.items():
            self.services[number] = service
        before = {n: t for number in touched for n, t in self.texts(number).items()}
        for number, service in after.items():
            self.services[number] = service
        texts = {n: t for number in touched for n, t in self.texts(number).items()}
        return {n: t for n, t in texts.items() if before[n] != t} or self.edit()

    def spoil(self, count: int) -> dict[str, str | None]:
        """That many mistakes that only an Envoy finds, at once."""
        numbers = self.chance.sample(range(self.count), count)
        for number in numbers:
            self.services[number] = replace(self.services[number], mistake=Mistake.ONLY_ENVOY)
        return {n: t for number in numbers for n, t in self.texts(number).items()}

    def mend(self) -> dict[str, str | None]:
        """Mend every mistake: the files of those that had one."""
        spoiled = [n for n, each in enumerate(self.services) if each.mistake is not Mistake.NONE]
        for number in spoiled:
            self.services[number] = replace(self.services[number], mistake=Mistake.NONE)
        return {n: t for number in spoiled for n, t in self.texts(number).items()}

    def mistakes(self) -> frozenset[str]:
        """The files that have a mistake now."""
        return frozenset(
            f"policy-{number}.yaml"
            for number, service in enumerate(self.services)
            if service.mistake is not Mistake.NONE
        )

    def named(self) -> frozenset[str]:
        """The files that the status has to name: no Envoy hears of a policy without a service."""
        return frozenset(
            f"policy-{number}.yaml"
            for number, service in enumerate(self.services)
            if service.mistake not in {Mistake.NONE, Mistake.ONLY_ENVOY}
            or (service.mistake is Mistake.ONLY_ENVOY and self._takes_requests(number))
        )

    def _takes_requests(self, host: int) -> bool:
        """Whether the service that has a host, the first one by name, speaks HTTP."""
        claims = [
            (f"svc-{number}", each.protocol)
            for number, each in enumerate(self.services)
            if each.is_there and host in each.hosts
        ]
        return min(claims, default=("", "TCP"))[1] != "TCP"

    def texts(self, number: int) -> dict[str, str | None]:
        """The files of one service; None for those that are not there."""
        service = self.services[number]
        is_policy = service.weight is not None or service.mistake is not Mistake.NONE
        return {
            f"entry-{number}.yaml": self._entry(number) if service.is_there else None,
            f"rule-{number}.yaml": self._rule(number) if service.subsets else None,
            f"policy-{number}.yaml": self._policy(number) if is_policy else None,
        }

    def _entry(self, number: int) -> str:
        service = self.services[number]
        endpoints = "".join(
            f"\n  - {{address: {self.apps[app].split(':')[0]}, "
            f"ports: {{main: {self.apps[app].split(':')[1]}}}, labels: {{version: {version}}}}}"
            for app, version in service.endpoints
        )
        vip = f"10.99.{100 + service.vip // 250}.{service.vip % 250 + 1}"
        return f"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: svc-{number}, creationTimestamp: "{_OLD}"}}
spec:
  hosts: [{", ".join(map(_host, service.hosts))}]
  addresses: [{vip}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: {service.port}, name: main, protocol: {service.protocol}}}]
  endpoints:{endpoints or " []"}
"""

    def _rule(self, number: int) -> str:
        service = self.services[number]
        subsets = ", ".join(f"{{name: {v}, labels: {{version: {v}}}}}" for v in service.subsets)
        return f"""\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: svc-{number}, creationTimestamp: "{_OLD}"}}
spec:
  host: {_host(number)}
  trafficPolicy: {{connectionPool: {{tcp: {{connectTimeout: {service.connect_timeout}s}}}}}}
  subsets: [{subsets}]
"""

    def _policy(self, number: int) -> str:
        service = self.services[number]
        host, weight = _host(number), service.weight or 0
        rules = [
            f"- match: [{{uri: {{prefix: /{n}}}}}]\n    timeout: {t}s\n"
            f"    route: [{{destination: {{host: {host}}}}}]"
            for n, t in enumerate(service.timeouts)
        ]
        rules += {
            Mistake.UNKNOWN_FIELD: ["- timout: 1s"],
            Mistake.NOT_YAML: ["- {route: ["],
            Mistake.ONLY_ENVOY: [
                "- match: [{uri: {regex: '/([a-z]{1,40}/){1,4}x'}}]\n"
                f"    route: [{{destination: {{host: {host}}}}}]"
            ],
        }.get(service.mistake, [])
        shares = ", ".join(
            f"{{destination: {{host: {host}, subset: {v}}}, weight: {w}}}"
            for v, w in (("v1", weight), ("v2", 100 - weight))
        )
        rules.append(f"- route: [{shares}]")
        listed = "\n  ".join(rules)
        return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: svc-{number}, creationTimestamp: "{_OLD}"}}
spec:
  hosts: [{host}]
  http:
  {listed}
"""


def _host(number: int) -> str:
    return f"svc-{number}.fuzz"


Changes = dict[int, Service]


def _pick(mesh: RandomEdits) -> tuple[int, Service]:
    # A few services change often, so that moves and mistakes meet.
    few = mesh.chance.random() < 0.7
    number = mesh.chance.randrange(min(20, mesh.count) if few else mesh.count)
    return number, mesh.services[number]


def _swap_hosts(mesh: RandomEdits) -> Changes:
    (i, one), (j, two) = _pick(mesh), _pick(mesh)
    return {i: replace(one, host=two.host), j: replace(two, host=one.host)} if i != j else {}


def _swap_addresses(mesh: RandomEdits) -> Changes:
    (i, one), (j, two) = _pick(mesh), _pick(mesh)
    return {i: replace(one, vip=two.vip), j: replace(two, vip=one.vip)} if i != j else {}


def _take_address(mesh: RandomEdits) -> Changes:
    (i, one), (_, two) = _pick(mesh), _pick(mesh)
    return {i: replace(one, vip=two.vip)}


def _take_host(mesh: RandomEdits) -> Changes:
    (i, one), (_, two) = _pick(mesh), _pick(mesh)
    return {i: replace(one, also=two.host if one.also is None else None)}


def _own_again(mesh: RandomEdits) -> Changes:
    i, one = _pick(mesh)
    return {i: replace(one, host=i, vip=i, also=None)}


def _endpoints_move(mesh: RandomEdits) -> Changes:
    i, one = _pick(mesh)
    return {i: replace(one, endpoints=mesh._endpoints())}


def _port_changes(mesh: RandomEdits) -> Changes:
    i, one = _pick(mesh)
    protocol = mesh.chance.choice(("HTTP", "HTTP", "TCP", "HTTP2"))
    return {i: replace(one, port=mesh.chance.choice((80, 80, 81, 7000)), protocol=protocol)}


def _rule_changes(mesh: RandomEdits) -> Changes:
    i, one = _pick(mesh)
    subsets = mesh.chance.choice(((), ("v1",), ("v1", "v2")))
    return {i: replace(one, subsets=subsets, connect_timeout=mesh.chance.randint(1, 9))}


def _policy_changes(mesh: RandomEdits) -> Changes:
    i, one = _pick(mesh)
    chance = mesh.chance
    weight = chance.choice((None, chance.randint(0, 100)))
    timeouts = tuple(chance.randint(1, 9) for _ in range(chance.randint(0, 3)))
    return {i: replace(one, weight=weight, timeouts=timeouts)}


def _comes_or_goes(mesh: RandomEdits) -> Changes:
    i, one = _pick(mesh)
    return {i: replace(one, is_there=not one.is_there or mesh.chance.random() < 0.5)}


def _spoils(mesh: RandomEdits) -> Changes:
    i, one = _pick(mesh)
    return {i: replace(one, mistake=mesh.chance.choice(list(Mistake)))}


_KINDS = (
    _swap_hosts,
    _swap_addresses,
    _take_address,
    _take_host,
    _own_again,
    _endpoints_move,
    _port_changes,
    _rule_changes,
    _policy_changes,
    _policy_changes,
    _comes_or_goes,
    _spoils,
    _spoils,
)
