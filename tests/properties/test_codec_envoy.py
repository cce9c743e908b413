"""Bytes of the codec, read by Envoy's own parser: generated bootstraps in `--mode validate`."""

import datetime
import subprocess
from pathlib import Path

import pytest
from betterproto2 import Message
from envoy_data_plane.envoy.config.bootstrap.v3 import Bootstrap, BootstrapStaticResources
from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    Cluster,
    ClusterCommonLbConfig,
    ClusterDiscoveryType,
    OutlierDetection,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    DataSource,
    HeaderValue,
    HeaderValueOption,
    Http2ProtocolOptions,
    Locality,
    Metadata,
    Node,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    HeaderMatcher,
    RetryPolicy,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
    WeightedCluster,
    WeightedClusterClusterWeight,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions,
    HttpProtocolOptionsExplicitHttpConfig,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.envoy.type.v3 import Percent
from envoy_data_plane.google.protobuf import Struct
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.messages.codec_messages import messages
from tests.support.processes.envoy import require_envoy
from translators.codec import encode, pack
from translators.codec.wire import delimited

pytestmark = pytest.mark.envoy

PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=30)
tokens = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
positive_spans = st.timedeltas(datetime.timedelta(milliseconds=1), datetime.timedelta(days=1)).map(
    lambda span: datetime.timedelta(milliseconds=span // datetime.timedelta(milliseconds=1))
)
uint32s = st.one_of(st.integers(1, 300), st.integers(1, (1 << 32) - 1))
metadata = st.builds(
    Metadata, filter_metadata=st.dictionaries(tokens, messages(Struct, 3), max_size=3)
)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(st.none(), strategy)


addresses = st.builds(
    lambda host, port: Address(socket_address=SocketAddress(address=host, port_value=port)),
    st.ip_addresses().map(str),
    st.integers(0, 65535),
)
endpoints = st.builds(
    LbEndpoint,
    endpoint=st.builds(Endpoint, address=addresses, hostname=tokens),
    metadata=maybe(metadata),
    load_balancing_weight=maybe(st.integers(1, 1000)),
)
localities = st.builds(
    LocalityLbEndpoints,
    locality=st.builds(Locality, region=tokens, zone=tokens, sub_zone=tokens),
    lb_endpoints=st.lists(endpoints, max_size=4),
    load_balancing_weight=maybe(st.integers(1, 1000)),
)
clusters = st.builds(
    Cluster,
    type=st.just(ClusterDiscoveryType.STATIC),
    connect_timeout=maybe(positive_spans),
    per_connection_buffer_limit_bytes=maybe(uint32s),
    load_assignment=st.builds(
        ClusterLoadAssignment, cluster_name=names, endpoints=st.lists(localities, max_size=3)
    ),
    circuit_breakers=maybe(
        st.builds(
            CircuitBreakers,
            thresholds=st.lists(
                st.builds(
                    CircuitBreakersThresholds,
                    max_connections=maybe(uint32s),
                    max_retries=maybe(uint32s),
                    track_remaining=st.booleans(),
                ),
                max_size=1,
            ),
        )
    ),
    outlier_detection=maybe(
        st.builds(
            OutlierDetection,
            consecutive_5xx=maybe(st.integers(0, 1000)),
            interval=maybe(positive_spans),
            max_ejection_percent=maybe(st.integers(0, 100)),
        )
    ),
    common_lb_config=maybe(
        st.builds(
            ClusterCommonLbConfig,
            healthy_panic_threshold=st.builds(Percent, value=st.floats(0, 100)),
            update_merge_window=st.just(datetime.timedelta(0)),
        )
    ),
    metadata=maybe(metadata),
    typed_extension_protocol_options=st.sampled_from(
        [
            {},
            {
                PROTOCOL_OPTIONS: pack(
                    HttpProtocolOptions(
                        explicit_http_config=HttpProtocolOptionsExplicitHttpConfig(
                            http2_protocol_options=Http2ProtocolOptions()
                        )
                    )
                )
            },
        ]
    ),
)
matches = st.builds(
    RouteMatch,
    prefix=st.sampled_from(["", "/", "/a/é"]),
    headers=st.lists(
        st.builds(HeaderMatcher, name=tokens, string_match=st.builds(StringMatcher, exact=tokens)),
        max_size=2,
    ),
)
forwards = st.builds(
    RouteAction,
    weighted_clusters=st.builds(
        WeightedCluster,
        clusters=st.lists(
            st.builds(
                WeightedClusterClusterWeight, name=st.just("only"), weight=st.integers(1, 1000)
            ),
            min_size=1,
            max_size=3,
        ),
    ),
    timeout=maybe(positive_spans),
    retry_policy=maybe(
        st.builds(
            RetryPolicy,
            retry_on=st.just("5xx"),
            num_retries=st.integers(0, 10),
            retriable_status_codes=st.lists(st.integers(400, 599), max_size=4),
        )
    ),
)
header_options = st.lists(
    st.builds(
        lambda key, value: HeaderValueOption(header=HeaderValue(key=key, value=value)),
        tokens,
        tokens,
    ),
    max_size=3,
)
routes = st.one_of(
    st.builds(Route, match=matches, route=forwards, request_headers_to_add=header_options),
    st.builds(
        Route,
        match=matches,
        direct_response=st.builds(
            DirectResponseAction,
            status=st.integers(200, 599),
            body=st.builds(DataSource, inline_string=names),
        ),
        metadata=maybe(metadata),
    ),
)


@st.composite
def bootstraps(draw: st.DrawFn) -> Bootstrap:
    """Bootstraps that Envoy accepts.

    What is unique is unique, what refers to a cluster finds it.
    """
    drawn = draw(st.lists(clusters, min_size=1, max_size=6))
    for number, cluster in enumerate(drawn):
        cluster.name = "only" if number == 0 else f"{number}{draw(names)}"
    hosts = [
        VirtualHost(name=f"h{number}", domains=[f"h{number}.{draw(tokens)}"], routes=found)
        for number, found in enumerate(draw(st.lists(st.lists(routes, max_size=3), max_size=3)))
    ]
    manager = HttpConnectionManager(
        stat_prefix=draw(tokens),
        route_config=RouteConfiguration(name=draw(names), virtual_hosts=hosts),
        http_filters=[HttpFilter(name="envoy.filters.http.router", typed_config=pack(Router()))],
    )
    listener = Listener(
        name=draw(names),
        address=Address(socket_address=SocketAddress(address="127.0.0.1", port_value=0)),
        filter_chains=[
            FilterChain(
                filters=[
                    Filter(
                        name="envoy.filters.network.http_connection_manager",
                        typed_config=pack(manager),
                    )
                ]
            )
        ],
    )
    return Bootstrap(
        node=Node(id=draw(names), cluster=draw(names), metadata=draw(messages(Struct, 2))),
        static_resources=BootstrapStaticResources(clusters=drawn, listeners=[listener]),
    )


def verdict(data: bytes, directory: Path) -> tuple[bool, str]:
    """Whether Envoy accepts an encoded Bootstrap, and what it says."""
    path = directory / "bootstrap.pb"
    path.write_bytes(data)
    done = subprocess.run(
        [require_envoy(), "--mode", "validate", "-l", "error", "-c", path],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(bootstraps())
def test_envoy_reads_what_the_codec_writes(
    tmp_path_factory: pytest.TempPathFactory, message: Bootstrap
) -> None:
    accepted, words = verdict(encode(message), tmp_path_factory.mktemp("validate"))
    assert accepted, words


@pytest.mark.parametrize("message", [Cluster(name="c"), Listener(name="l")])
def test_envoy_refuses_bytes_with_a_field_that_it_does_not_know(
    message: Message, tmp_path: Path
) -> None:
    number = 2 if isinstance(message, Cluster) else 1
    broken = delimited(2, delimited(number, encode(message) + delimited(9999, b"x")))
    accepted, words = verdict(broken, tmp_path)
    assert not accepted
    assert "9999" in words or "unknown field" in words.lower()
