"""ServiceEntries that are mistakes, and WorkloadEntries."""

from __future__ import annotations

from tests.abuse.poison.row import rows

_PORT = "{number: 80, name: http, protocol: HTTP}"
_OWN = "{address: $AUTHOR_IP, ports: {http: $AUTHOR_PORT}, labels: {app: author}}"


def _entry(
    *,
    hosts: str = "author.mesh",
    addresses: str = "$AUTHOR_VIP",
    ports: str = _PORT,
    endpoints: str = _OWN,
    resolution: str = "STATIC",
    more: str = "",
    name: str = "author",
) -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, creationTimestamp: "2024-01-01T00:00:00Z"}}
spec:
  hosts: [{hosts}]
  addresses: [{addresses}]
  location: MESH_INTERNAL
  resolution: {resolution}
  ports: [{ports}]
  endpoints: [{endpoints}]
{more}"""


def _at(address: str, more: str = "") -> str:
    return _entry(endpoints=f'{{address: "{address}", ports: {{http: 80}}{more}}}')


_MANY = ", ".join(f"{{address: 10.7.{n // 250}.{n % 250 + 1}}}" for n in range(3000))

SERVICE_ENTRIES = rows(
    "ServiceEntry",
    "author-entry.yaml",
    {
        "the host of another beside the own": _entry(hosts="author.mesh, honest.mesh"),
        "the host of another in capitals": _entry(hosts="author.mesh, HONEST.Mesh"),
        "the host of another with a dot": _entry(hosts='author.mesh, "honest.mesh."'),
        "the host of a Service": _entry(hosts="author.mesh, shop.default.svc.cluster.local"),
        "the short name of a Service": _entry(hosts="author.mesh, shop"),
        "every host of a domain": _entry(hosts='author.mesh, "*.mesh"'),
        "every host of the cluster": _entry(hosts='author.mesh, "*.cluster.local"'),
        "every host": _entry(hosts='"*"'),
        "a host twice": _entry(hosts="author.mesh, author.mesh"),
        "a host of odd characters": _entry(hosts='author.mesh, "a b.mesh"'),
        "a host with a bar": _entry(hosts='author.mesh, "a|b.mesh"'),
        "a host of one character of 2 bytes": _entry(hosts='author.mesh, "é.mesh"'),
        "the address of another": _entry(addresses="$HONEST_VIP"),
        "the address of a Service": _entry(addresses="$SHOP_VIP"),
        "the address of another, as TCP": _entry(
            addresses="$HONEST_VIP",
            ports="{number: 80, name: tcp, protocol: TCP}",
            endpoints="{address: $AUTHOR_IP}",
        ),
        "the addresses of all": _entry(addresses="10.99.0.0/16"),
        "every address, as TCP": _entry(
            addresses="0.0.0.0/0",
            ports="{number: 80, name: tcp, protocol: TCP}",
            endpoints="{address: $AUTHOR_IP}",
        ),
        "everybody's port, as TCP without address": """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: author, creationTimestamp: "2024-01-01T00:00:00Z"}
spec:
  hosts: [author.mesh]
  resolution: STATIC
  ports: [{number: 80, name: tcp, protocol: TCP}]
  endpoints: [{address: $AUTHOR_IP, ports: {tcp: $AUTHOR_PORT}}]
""",
        "everybody's port, as TLS passed through": """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: author, creationTimestamp: "2024-01-01T00:00:00Z"}
spec:
  hosts: [author.mesh]
  resolution: NONE
  ports: [{number: 80, name: tls, protocol: TLS}]
""",
        "the workload of another": _entry(
            endpoints=f"{_OWN}, {{address: $A_IP, ports: {{http: $SHOP_PORT}}}}"
        ),
        "the workload of another, as TCP": _entry(
            hosts="other.mesh",
            addresses="$FREE_VIP",
            ports="{number: 7000, name: tcp, protocol: TCP}",
            endpoints="{address: $A_IP, ports: {tcp: $SHOP_PORT}}, {address: $B_IP, ports: {tcp: $SHOP_PORT}}",
        ),
        "the capture port": _entry(
            addresses="127.0.0.1", ports=f"{_PORT}, {{number: 15001, name: a, protocol: TCP}}"
        ),
        "the inbound capture port": _entry(
            ports=f"{_PORT}, {{number: 15006, name: a, protocol: HTTP}}"
        ),
        "Envoy's admin port": _entry(ports=f"{_PORT}, {{number: 15000, name: a, protocol: TCP}}"),
        "the capture port at the workload of another": _entry(
            hosts="other.mesh",
            addresses="$FREE_VIP",
            endpoints="{address: $A_IP, ports: {http: 15006}}, {address: $B_IP, ports: {http: 15006}}",
        ),
        "an address without a port's room": _entry(addresses="300.1.2.3"),
        "a port of 0": _entry(ports="{number: 0, name: http, protocol: HTTP}"),
        "a port of 5,000 digits": _entry(
            ports=f"{{number: {'9' * 5000}, name: http, protocol: HTTP}}"
        ),
        "a port twice": _entry(ports=f"{_PORT}, {{number: 80, name: other, protocol: TCP}}"),
        "a protocol that nobody knows": _entry(ports="{number: 80, name: http, protocol: SPDY}"),
        "an IPv6 zone": _at("fe80::1%eth0"),
        "an IPv4 in IPv6": _at("::ffff:10.0.0.1"),
        "an address with zeros in front": _at("010.001.002.003"),
        "an endpoint at a name": _at("host.example"),
        "an endpoint at a path of 200 characters": _entry(
            endpoints=f'{{address: "unix:///{"a" * 200}"}}'
        ),
        "an endpoint at a directory": _entry(endpoints='{address: "unix:///tmp/"}'),
        "an endpoint at an abstract path": _entry(endpoints='{address: "unix://@author"}'),
        "an endpoint at port 70000": _entry(
            endpoints="{address: $AUTHOR_IP, ports: {http: 70000}}"
        ),
        "an endpoint of a port that is not there": _entry(
            endpoints="{address: $AUTHOR_IP, ports: {other: 80}}"
        ),
        "weights beyond 32 bits": _entry(
            endpoints=", ".join(f"{{address: 10.7.0.{n}, weight: 4294967295}}" for n in range(1, 4))
        ),
        "a weight beyond 32 bits": _at("10.7.0.1", ", weight: 4294967296"),
        "a locality of four parts": _at("10.7.0.1", ", locality: a/b/c/d"),
        "an address twice": _entry(endpoints=f"{_OWN}, {_OWN}"),
        "3,000 endpoints": _entry(endpoints=_MANY),
        "a name that cannot be looked up": _entry(
            hosts='"a..mesh"', endpoints="", resolution="DNS"
        ),
        "a name that is not there": _entry(hosts="nobody.invalid", endpoints="", resolution="DNS"),
        "a name looked up for two endpoints": _entry(
            endpoints="{address: a.invalid}, {address: b.invalid}", resolution="DNS_ROUND_ROBIN"
        ),
        "NONE with endpoints": _entry(resolution="NONE"),
        "export to nobody and somebody": _entry(more='  exportTo: ["~", "."]\n'),
        "IPv6 in a flow list": _entry(addresses="2001:db8::1, ::1"),
    },
    unnamed=frozenset(
        (
            "the host of another beside the own",
            "the host of another in capitals",
            "the host of another with a dot",
            "the host of a Service",
            "the short name of a Service",
            "every host of a domain",
            "every host of the cluster",
            "the address of another",
            "the address of a Service",
            "the address of another, as TCP",
            "the addresses of all",
            "every address, as TCP",
            "everybody's port, as TCP without address",
            "everybody's port, as TLS passed through",
            "the workload of another",
            "the workload of another, as TCP",
            "an IPv4 in IPv6",
            "weights beyond 32 bits",
            "an endpoint at an abstract path",
            "an address twice",
            "3,000 endpoints",
            "a name that is not there",
        )
    ),
)


def _workload(spec: str) -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: author-0, creationTimestamp: "2024-01-01T00:00:00Z"}}
spec: {spec}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: selected, creationTimestamp: "2024-01-01T00:00:00Z"}}
spec:
  hosts: [selected.mesh]
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  workloadSelector: {{labels: {{app: selected}}}}
"""


WORKLOAD_ENTRIES = rows(
    "WorkloadEntry",
    "poison.yaml",
    {
        "at the address of another": _workload(
            "{address: $A_IP, ports: {http: $SHOP_PORT}, labels: {app: selected}, locality: a/b/c}"
        ),
        "that is half of another": _workload("{address: $A_IP, labels: {app: honest}}"),
        "at an IPv6 zone": _workload("{address: 'fe80::1%lo', labels: {app: selected}}"),
        "at a name": _workload("{address: a.invalid, labels: {app: selected}}"),
        "at a path with ports": _workload(
            "{address: 'unix:///tmp/a', ports: {http: 80}, labels: {app: selected}}"
        ),
        "at a path of 200 characters": _workload(
            f"{{address: 'unix:///{'a' * 200}', labels: {{app: selected}}}}"
        ),
        "without an address": _workload("{labels: {app: selected}}"),
        "in a network alone": _workload("{network: far, labels: {app: selected}}"),
        "at the capture port of another": _workload(
            "{address: $A_IP, ports: {http: 15006}, labels: {app: selected}}"
        ),
    },
    unnamed=frozenset(("at the address of another", "that is half of another", "at a name")),
)
