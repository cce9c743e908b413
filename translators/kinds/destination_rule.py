"""`networking.istio.io DestinationRule`: subsets, and how clients treat a host's instances."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context
from translators.kinds.schema.field_types import (
    DURATION,
    DURATION_OR_ZERO,
    EXPORT_TO,
    INT32,
    LABELS,
    PERCENT,
    PORT_NUMBER,
    RULE_HOST,
    SUBSET_NAME,
    UINT32,
    selector,
)
from translators.kinds.schema.kind import ISTIO_NETWORKING, Kind, document_with_spec
from translators.kinds.schema.record import (
    Part,
    optional,
    record,
    record_with_part,
    required,
    spread,
    unsupported,
)
from translators.kinds.schema.shape import BOOLEAN, checked, choice, converted, list_of
from translators.model.origin import Labels
from translators.model.policy import (
    ConnectionPool,
    Keepalive,
    LoadBalancer,
    OutlierDetection,
    SimpleLoadBalancer,
    StatedPolicy,
    Subset,
    TrafficPolicy,
)


@dataclass(frozen=True, slots=True)
class DestinationRuleSpec:
    """What a rule says of a host, in full. `workload_selector` None: for every client."""

    host: str
    policy: StatedPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    workload_selector: Labels | None = None


_LOAD_BALANCER: Final = record(
    LoadBalancer,
    {
        "simple": optional(
            "simple",
            choice(
                {"UNSPECIFIED": None, "LEAST_CONN": SimpleLoadBalancer.LEAST_REQUEST}
                | {member.value: member for member in SimpleLoadBalancer}
            ),
        ),
        "consistentHash": unsupported("requests go to the least loaded instance"),
        "localityLbSetting": spread(
            {
                "enabled": optional("locality_enabled", BOOLEAN),
                "distribute": unsupported("traffic stays near by priorities", harmless=([],)),
                "failover": unsupported("traffic stays near by priorities", harmless=([],)),
                "failoverPriority": unsupported("traffic stays near by priorities", harmless=([],)),
            }
        ),
        "zoneAware": unsupported("traffic stays near by priorities"),
        "warmup": unsupported("new instances get their full share at once"),
        "warmupDurationSecs": unsupported("new instances get their full share at once"),
    },
    exclusive=(("simple", "consistentHash"),),
)
_CONNECTION_POOL: Final = record(
    ConnectionPool,
    {
        "tcp": spread(
            {
                "maxConnections": optional("max_connections", INT32),
                "connectTimeout": optional("connect_timeout", DURATION),
                "tcpKeepalive": optional(
                    "tcp_keepalive",
                    record(
                        Keepalive,
                        {
                            "probes": optional("probes", UINT32),
                            "time": optional("time", DURATION),
                            "interval": optional("interval", DURATION),
                        },
                    ),
                ),
                "maxConnectionDuration": optional("max_connection_duration", DURATION),
                "idleTimeout": optional("tcp_idle_timeout", DURATION_OR_ZERO),
            }
        ),
        "http": spread(
            {
                "http1MaxPendingRequests": optional("max_pending_requests", INT32),
                "http2MaxRequests": optional("max_requests", INT32),
                "maxRequestsPerConnection": optional("max_requests_per_connection", INT32),
                "maxRetries": optional("max_retries", INT32),
                "idleTimeout": optional("http_idle_timeout", DURATION_OR_ZERO),
                "h2UpgradePolicy": optional(
                    "h2_upgrade",
                    choice({"DEFAULT": None, "DO_NOT_UPGRADE": False, "UPGRADE": True}),
                ),
                "useClientProtocol": optional("use_client_protocol", BOOLEAN),
                "maxConcurrentStreams": optional("max_concurrent_streams", INT32),
            }
        ),
    },
)
_OUTLIER_DETECTION: Final = record(
    OutlierDetection,
    {
        "consecutive5xxErrors": optional("consecutive_5xx", UINT32),
        "consecutiveGatewayErrors": optional("consecutive_gateway_errors", UINT32),
        "splitExternalLocalOriginErrors": optional("split_external_local_origin_errors", BOOLEAN),
        "consecutiveLocalOriginFailures": optional("consecutive_local_origin_failures", UINT32),
        "interval": optional("interval", DURATION),
        "baseEjectionTime": optional("base_ejection_time", DURATION),
        "maxEjectionPercent": optional("max_ejection_percent", PERCENT),
        "minHealthPercent": optional("min_health_percent", PERCENT),
        "consecutiveErrors": unsupported(
            "it is deprecated; use consecutiveGatewayErrors or consecutive5xxErrors"
        ),
        "httpErrorCodes": unsupported("5xx answers count as errors", harmless=([],)),
    },
)
_BLOCKS: Final = Part(
    "blocks",
    TrafficPolicy,
    {
        "loadBalancer": optional("load_balancer", _LOAD_BALANCER),
        "connectionPool": optional("connection_pool", _CONNECTION_POOL),
        "outlierDetection": optional("outlier_detection", _OUTLIER_DETECTION),
        "tls": unsupported("connections are plain text", harmless=({"mode": "DISABLE"},)),
    },
)
"""The blocks of a policy: one line each, and a field of `TrafficPolicy`."""


def _port_policy(port: int, blocks: TrafficPolicy) -> tuple[int, TrafficPolicy]:
    return (port, blocks)


def _policy(
    blocks: TrafficPolicy, ports: tuple[tuple[int, TrafficPolicy], ...] = ()
) -> StatedPolicy:
    return StatedPolicy(blocks, tuple(sorted(ports, key=itemgetter(0))))


def _unique_ports(
    settings: tuple[tuple[int, TrafficPolicy], ...], path: Path, context: Context
) -> None:
    seen: set[int] = set()
    for i, (number, _) in enumerate(settings):
        if number in seen:
            context.error(((path, i), "port"), f"port {number} has settings already; merge them")
        seen.add(number)


_PORT_LEVEL: Final = checked(
    list_of(
        record_with_part(
            _port_policy,
            _BLOCKS,
            {
                "port": required("port", PORT_NUMBER, "e.g. {number: 80}"),
            },
        )
    ),
    _unique_ports,
)
_TRAFFIC_POLICY: Final = record_with_part(
    _policy,
    _BLOCKS,
    {
        "portLevelSettings": optional("ports", _PORT_LEVEL),
        "tunnel": unsupported("connections go straight to the destination"),
        "proxyProtocol": unsupported("connections begin without a PROXY header"),
        "retryBudget": unsupported("use connectionPool.http.maxRetries"),
    },
)
_SUBSET: Final = record(
    Subset,
    {
        "name": required("name", SUBSET_NAME, "the name that routes use"),
        "labels": optional("labels", LABELS),
        "trafficPolicy": optional("policy", _TRAFFIC_POLICY),
    },
)


def _first_of_each_name(
    subsets: tuple[Subset, ...], path: Path, context: Context
) -> tuple[Subset, ...]:
    kept: dict[str, Subset] = {}
    for i, subset in enumerate(subsets):
        if subset.name in kept:
            context.warning(
                ((path, i), "name"), f"{subset.name!r} is defined already; the first one is used"
            )
        kept.setdefault(subset.name, subset)
    return tuple(kept.values())


_SPEC: Final = record(
    DestinationRuleSpec,
    {
        "host": required("host", RULE_HOST, "the service that this is about"),
        "trafficPolicy": optional("policy", _TRAFFIC_POLICY),
        "subsets": optional("subsets", converted(list_of(_SUBSET), _first_of_each_name)),
        "exportTo": optional("export_to", EXPORT_TO),
        "workloadSelector": optional("workload_selector", selector("matchLabels")),
    },
)

DESTINATION_RULE: Final = Kind(
    "DestinationRule",
    ISTIO_NETWORKING,
    document_with_spec(_SPEC),
    suspicion=20,
    is_policy=True,
)
