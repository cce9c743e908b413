"""How much faster the codec is than betterproto2 itself; run as `python -m tests.bench.codec`.

Both sides do the same work in turns within one run, so the ratios hold where absolute times do not.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

import betterproto2

warnings.simplefilter("ignore")

from envoy_data_plane.envoy.config.core.v3 import (  # noqa: E402 - warns at import
    Address,
    Extension,
    HealthStatus,
    Locality,
    Node,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (  # noqa: E402
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.service.discovery.v3 import (  # noqa: E402
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    Resource,
)
from envoy_data_plane.google.protobuf import Any  # noqa: E402

from translators.codec import (  # noqa: E402
    decode,
    delta_resource,
    delta_response_body,
    encode,
    parse_delta_request,
    parse_discovery_request,
    parse_node,
    type_url,
    with_nonce,
)

ENDPOINTS = 1000
EDS = type_url(ClusterLoadAssignment)
NAMES = [f"outbound|80||svc-{number}.default.svc.cluster.local" for number in range(1000)]


def assignment(endpoints: int = ENDPOINTS) -> ClusterLoadAssignment:
    """A ClusterLoadAssignment over three localities."""
    hosts = [
        LbEndpoint(
            endpoint=Endpoint(
                address=Address(
                    socket_address=SocketAddress(
                        address=f"10.0.{number >> 8}.{number & 255}", port_value=8080
                    )
                )
            ),
            health_status=HealthStatus.HEALTHY,
            load_balancing_weight=1,
        )
        for number in range(endpoints)
    ]
    return ClusterLoadAssignment(
        cluster_name=NAMES[0],
        endpoints=[
            LocalityLbEndpoints(
                locality=Locality(region="eu", zone=f"eu-{zone}"),
                lb_endpoints=hosts[zone::3],
                load_balancing_weight=100,
                priority=zone,
            )
            for zone in range(3)
        ],
    )


def node() -> Node:
    """A Node with as many extensions as Envoy's."""
    extensions = [
        Extension(
            name=f"envoy.filters.http.number_{number}",
            category="envoy.filters.http",
            type_urls=[f"envoy.extensions.filters.http.number_{number}.v3.Settings"],
        )
        for number in range(516)
    ]
    return Node(id="sidecar~10.0.0.1~a.b~b.svc.cluster.local", cluster="a.b", extensions=extensions)


def envelope() -> DeltaDiscoveryResponse:
    """A response with a thousand resources that are encoded already."""
    body = Any(type_url=EDS, value=b"x" * 300)
    resources = [Resource(name=name, version="1", resource=body) for name in NAMES]
    return DeltaDiscoveryResponse(type_url=EDS, nonce="1", resources=resources)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The best times, in seconds, of the same work done by betterproto2 and here."""

    what: str
    stock: float
    ours: float


def compare(
    what: str, stock: Callable[[], object], ours: Callable[[], object], turns: int = 5
) -> Comparison:
    """The best time of either side, taken in turns."""
    ours()
    best = {stock: float("inf"), ours: float("inf")}
    for side, times in ((stock, 1), (ours, 20)) * turns:
        for _ in range(times):
            start = perf_counter()
            side()
            best[side] = min(best[side], perf_counter() - start)
    return Comparison(what, best[stock], best[ours])


def comparisons(turns: int = 5) -> Iterator[Comparison]:
    """One comparison for each thing that the control plane does with bytes."""
    cla, peer = assignment(), node()
    encoded, peer_bytes = encode(cla), encode(peer)
    ack = encode(DeltaDiscoveryRequest(type_url=EDS, response_nonce="1"))
    sotw = encode(DiscoveryRequest(type_url=EDS, response_nonce="1", resource_names=NAMES))
    response = envelope()
    parts = [delta_resource(name, "1", EDS, b"x" * 300) for name in NAMES]
    sides: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        (f"encode an assignment, {ENDPOINTS} endpoints", lambda: bytes(cla), lambda: encode(cla)),
        (f"decode it ({len(encoded)} bytes)", parser(cla, encoded), decoder(cla, encoded)),
        (
            f"read a node ({len(peer_bytes)} bytes)",
            parser(peer, peer_bytes),
            lambda: parse_node(peer_bytes),
        ),
        (
            "read a delta ACK",
            lambda: DeltaDiscoveryRequest.parse(ack),
            lambda: parse_delta_request(ack),
        ),
        (
            "read a SotW ACK, 1000 names",
            lambda: DiscoveryRequest.parse(sotw),
            lambda: parse_discovery_request(sotw),
        ),
        (
            "join a response, 1000 encoded resources",
            lambda: bytes(response),
            lambda: with_nonce(delta_response_body(parts, EDS), "1"),
        ),
    ]
    for what, stock, ours in sides:
        yield compare(what, stock, ours, turns)


def parser(message: betterproto2.Message, data: bytes) -> Callable[[], object]:
    """Stock decoding of some bytes."""
    return lambda: type(message).parse(data)


def decoder(message: betterproto2.Message, data: bytes) -> Callable[[], object]:
    """Compiled decoding of the same bytes."""
    return lambda: decode(type(message), data)


def main() -> None:
    """Print all comparisons."""
    for each in comparisons():
        print(
            f"{each.what:44} betterproto2 {each.stock * 1e3:9.3f} ms   here {each.ours * 1e3:8.3f} ms"
            f"   {each.stock / each.ours:6.0f}x"
        )


if __name__ == "__main__":
    main()
