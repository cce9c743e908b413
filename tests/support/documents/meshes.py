"""Small meshes full of conflicts.

Few names, addresses and ports, so that everything meets everything.
"""

from __future__ import annotations

from hypothesis import strategies as st

from translators.kinds.service import KubernetesPort, ServiceSpec
from translators.kinds.service_entry import EntryPort, ServiceEntrySpec
from translators.kinds.virtual_service import VirtualServiceSpec
from translators.model.config_object import ConfigObject
from translators.model.routing import (
    Destination,
    HttpMatch,
    HttpRule,
    L4Match,
    L4Rule,
    WeightedDestination,
)
from translators.model.service import Resolution

NAMES = ("a", "b", "svc")
NAMESPACES = ("default", "b", "svc")
ADDRESSES = ("10.0.0.1", "10.0.0.2", "fd00::1", "10.0.0.0/8")
HOSTS = (
    "a", "a.b", "a.b.svc", "a.default", "b.svc", "a.default.svc.cluster.local", "a.b.svc.cluster.local",
    "x.example.com", "*.example.com", "*.default.svc.cluster.local", "10.0.0.1", "10.0.0.2",
)  # fmt: skip
PORTS = (80, 81)

addresses = st.lists(st.sampled_from(ADDRESSES), max_size=2).map(tuple)
created = st.sampled_from(["", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])
export_to = st.sampled_from([(), (".",), ("*",), ("default",), ("default", "b"), ("~",)])
http_matches = st.sampled_from(
    [
        (),
        (),
        (HttpMatch(port=81),),
        (HttpMatch(source_labels=frozenset({("app", "x")})),),
        (HttpMatch(source_namespace="b"), HttpMatch(port=80)),
    ]
)
port_names = st.sampled_from(["http", "tcp", "tls", "", "grpc"])


@st.composite
def services(draw: st.DrawFn) -> ConfigObject[object]:
    ports = tuple(
        KubernetesPort(number, draw(port_names))
        for number in draw(st.lists(st.sampled_from(PORTS), min_size=1, unique=True))
    )
    spec = ServiceSpec(ports, draw(addresses), draw(st.booleans()), export_to=draw(export_to))
    return ConfigObject(
        "Service",
        draw(st.sampled_from(NAMESPACES)),
        draw(st.sampled_from(NAMES)),
        spec,
        created=draw(created),
    )


@st.composite
def entries(draw: st.DrawFn, among: tuple[str, ...] = HOSTS) -> ConfigObject[object]:
    ports = tuple(
        EntryPort(number, draw(port_names))
        for number in draw(st.lists(st.sampled_from(PORTS), min_size=1, unique=True))
    )
    hosts = tuple(draw(st.lists(st.sampled_from(among), min_size=1, max_size=3, unique=True)))
    spec = ServiceEntrySpec(
        hosts, ports, draw(addresses), resolution=Resolution.STATIC, export_to=draw(export_to)
    )
    return ConfigObject(
        "ServiceEntry",
        draw(st.sampled_from(NAMESPACES)),
        draw(st.sampled_from(("e", "f", "g"))),
        spec,
        created=draw(created),
    )


@st.composite
def virtual_services(
    draw: st.DrawFn, among: tuple[str, ...] = (*HOSTS, "*")
) -> ConfigObject[object]:
    hosts = tuple(draw(st.lists(st.sampled_from(among), min_size=1, max_size=3, unique=True)))
    destination = Destination(draw(st.sampled_from(HOSTS)))
    route = (WeightedDestination(destination),)
    match = L4Match(
        sni_hosts=draw(st.sampled_from([(), hosts[:1], ("*.example.com", "x.example.com")])),
        destination_subnets=draw(
            st.sampled_from([(), ("10.0.0.0/8",), ("10.1.2.3/8", "fd00::/8")])
        ),
        port=draw(st.sampled_from([0, *PORTS])),
    )
    spec = VirtualServiceSpec(
        hosts,
        http=(HttpRule(match=draw(http_matches), route=route),),
        tcp=(L4Rule((match,), route),),
        tls=(L4Rule((match,), route),),
        export_to=draw(export_to),
    )
    return ConfigObject(
        "VirtualService",
        draw(st.sampled_from(NAMESPACES)),
        draw(st.sampled_from(("v", "w"))),
        spec,
        created=draw(created),
    )


objects = st.one_of(services(), entries(), virtual_services())
